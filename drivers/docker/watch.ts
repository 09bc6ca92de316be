import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type Dockerode from 'dockerode';
import { combineSignals, raceAbort, sleep } from '../../src/core/concurrency/cancel.ts';
import type { Clock } from '../../src/core/contracts/clock.ts';
import { AppError } from '../../src/core/errors/errors.ts';
import { callEngine, findEngineObject } from './engine.ts';

/** All watches share one connection to the engine, open only while something is watched. */
export interface ContainerWatcher extends AsyncDisposable {
  /** Resolves with the reason once the container has ended. Engine restarts do not end the watch. */
  over(id: string, signal: AbortSignal): Promise<AppError>;
}

// Milliseconds between checks of all containers, with and without an event stream. The stream can break without an
// error.
const lookAgainMs = { heard: 30_000, unheard: 5_000 };

export function openContainerWatcher(engine: Dockerode, label: string, clock: Clock): ContainerWatcher {
  const watched = new Map<string, (reason: AppError) => void>();
  let listening: { stop: AbortController; done: Promise<void> } | undefined;

  async function look(id: string, signal: AbortSignal): Promise<void> {
    const found = await findEngineObject(signal, () => engine.getContainer(id).inspect({ abortSignal: signal }));
    const { Running = false, Status = '', OOMKilled = false, ExitCode = 0 } = found?.State ?? {};
    if (Running || Status === 'created') return;
    watched.get(id)?.(lossOf(found && { OOMKilled, ExitCode }));
  }

  const lookAtAll = (signal: AbortSignal) => Promise.all([...watched.keys()].map((id) => look(id, signal)));

  async function listen(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; failures += 1) {
      const turn = new AbortController();
      const either = combineSignals([signal, turn.signal]);
      let again = clock.setTimeout(() => turn.abort(), lookAgainMs.unheard);
      try {
        lookAtAll(either).catch(() => {});
        const filters = { type: ['container'], event: ['die', 'destroy'], label: [label] };
        const options = { filters, abortSignal: either } as Dockerode.GetEventsOptions;
        const stream = (await callEngine(either, () => engine.getEvents(options))) as Readable;
        failures = 0;
        clock.clearTimeout(again);
        again = clock.setTimeout(() => turn.abort(), lookAgainMs.heard);
        const hearing = hear(stream, either);
        await lookAtAll(either);
        await raceAbort(hearing, either);
      } catch {
        // The engine is unreachable, or the next check is due.
      } finally {
        clock.clearTimeout(again);
        turn.abort();
      }
      if (!signal.aborted) await sleep(Math.min(50 * 2 ** failures, 5_000), signal, clock).catch(() => {});
    }
  }

  async function hear(stream: Readable, signal: AbortSignal): Promise<void> {
    const close = () => void stream.destroy();
    signal.addEventListener('abort', close, { once: true });
    stream.on('error', () => {});
    try {
      for await (const line of createInterface({ input: stream })) {
        const id = idIn(line);
        if (id !== undefined && watched.has(id)) await look(id, signal).catch(() => {});
      }
    } finally {
      signal.removeEventListener('abort', close);
      stream.destroy();
    }
  }

  function stopWhenIdle(): void {
    if (watched.size > 0) return;
    listening?.stop.abort();
    listening = undefined;
  }

  return {
    async over(id, signal) {
      const { promise, resolve } = Promise.withResolvers<AppError>();
      watched.set(id, resolve);
      if (!listening) {
        const stop = new AbortController();
        listening = { stop, done: listen(stop.signal) };
      } else {
        look(id, signal).catch(() => {});
      }
      try {
        return await raceAbort(promise, signal);
      } finally {
        if (watched.get(id) === resolve) watched.delete(id);
        stopWhenIdle();
      }
    },
    async [Symbol.asyncDispose]() {
      const last = listening;
      last?.stop.abort();
      await last?.done;
    },
  };
}

function idIn(line: string): string | undefined {
  try {
    const { Actor, id } = JSON.parse(line) as { Actor?: { ID?: string }; id?: string };
    return Actor?.ID ?? id;
  } catch {
    return undefined;
  }
}

function lossOf(state: { OOMKilled: boolean; ExitCode: number } | undefined): AppError {
  if (!state) return new AppError('sandbox_lost', 'The sandbox was removed.');
  if (state.OOMKilled) return new AppError('sandbox_lost', 'The sandbox was killed because it ran out of memory.');
  return new AppError('sandbox_lost', `The sandbox ended with exit code ${state.ExitCode}.`);
}
