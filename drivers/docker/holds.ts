import type Dockerode from 'dockerode';
import { pause } from '../../src/core/cancel.ts';
import { AppError } from '../../src/core/errors.ts';
import type { SandboxId } from '../../src/core/ids.ts';
import type { Folders } from '../shared/folders.ts';
import { type EndOptions, openEnd, type SandboxEnd } from '../shared/sandbox-end.ts';
import { ask, statusOf } from './engine.ts';

interface Hold {
  readonly end: SandboxEnd;
  readonly stop: AbortController;
  containerId: string | undefined;
}

/** The server's ends of the sandboxes this process deals with, each watched until its container is over. */
export interface Holds extends AsyncDisposable {
  /** Listens for that sandbox's daemon, before there is a container. */
  open(id: SandboxId): Promise<SandboxEnd>;
  /** Listens, and watches this container of it. */
  hold(id: SandboxId, containerId: string): Promise<SandboxEnd>;
  release(id: SandboxId, reason: AppError): Promise<void>;
}

export function openHolds(engine: Dockerode, folders: Folders, options: EndOptions): Holds {
  const holds = new Map<SandboxId, Promise<Hold>>();

  async function make(id: SandboxId): Promise<Hold> {
    const meta = await folders.read(id);
    if (!meta) throw new AppError('sandbox_not_found', "The sandbox's folder is gone, and with it the way in.");
    await folders.prepare(meta); // its mount may be missing
    return {
      end: await openEnd(folders.mount(id), meta, options),
      stop: new AbortController(),
      containerId: undefined,
    };
  }

  function get(id: SandboxId): Promise<Hold> {
    const present = holds.get(id);
    if (present) return present;
    const made = make(id);
    holds.set(id, made);
    made.catch(() => holds.delete(id));
    return made;
  }

  async function drop(id: SandboxId, hold: Hold, reason: AppError | undefined): Promise<void> {
    if ((await holds.get(id)?.catch(() => undefined)) === hold) holds.delete(id);
    hold.stop.abort();
    if (reason) hold.end.lose(reason);
    await hold.end[Symbol.asyncDispose]();
  }

  /** Waits for the container's end, through every restart of the engine. */
  async function watch(id: SandboxId, hold: Hold, containerId: string): Promise<void> {
    const { signal } = hold.stop;
    const container = engine.getContainer(containerId);
    for (let failures = 0; !signal.aborted; failures += 1) {
      try {
        const { StatusCode } = await ask(signal, () => container.wait({ abortSignal: signal }));
        return await drop(id, hold, await lossOf(container, StatusCode, signal));
      } catch (error) {
        if (signal.aborted) return;
        const gone = new AppError('sandbox_lost', 'The sandbox was removed.');
        if (statusOf(error) === 404) return await drop(id, hold, gone);
        await pause(Math.min(250 * 2 ** failures, 5_000), signal).catch(() => {});
      }
    }
  }

  async function hold(id: SandboxId, containerId: string): Promise<SandboxEnd> {
    const found = await get(id);
    if (found.containerId === containerId) return found.end;
    if (found.containerId !== undefined) {
      await drop(id, found, new AppError('sandbox_lost', 'The sandbox was replaced.'));
      return hold(id, containerId);
    }
    found.containerId = containerId;
    void watch(id, found, containerId).catch(() => {});
    return found.end;
  }

  return {
    hold,
    open: async (id) => (await get(id)).end,
    async release(id, reason) {
      const found = await holds.get(id)?.catch(() => undefined);
      if (found) await drop(id, found, reason);
    },
    async [Symbol.asyncDispose]() {
      const all = [...holds.entries()];
      await Promise.all(
        all.map(async ([id, opening]) => {
          const found = await opening.catch(() => undefined);
          if (found) await drop(id, found, undefined);
        }),
      );
    },
  };
}

async function lossOf(container: Dockerode.Container, code: number, signal: AbortSignal): Promise<AppError> {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(2_000)]);
  const found = await ask(patience, () => container.inspect({ abortSignal: patience })).catch(() => undefined);
  if (found?.State.OOMKilled)
    return new AppError('sandbox_lost', 'The sandbox was killed because it ran out of memory.');
  return new AppError('sandbox_lost', `The sandbox ended with exit code ${code}.`);
}
