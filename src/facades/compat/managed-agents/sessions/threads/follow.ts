import type { LogUpdate } from '../../../../../core/contracts/ports.ts';
import type { SessionEvent } from '../../../../../core/model/events.ts';
import type { SessionId } from '../../../../../core/model/ids.ts';
import type { Services } from '../../../../../sessions/api/services.ts';
import { addEventToProjection } from '../reader.ts';
import type { SessionProjection, ThreadEvent } from './session-projection.ts';

interface ThreadReader<Output> {
  readonly projection: SessionProjection;
  readonly sessions: Services['sessions'];
  /** The thread whose texts are read as they arrive. */
  readonly shown: SessionId;
  readonly signal: AbortSignal;
  /** Converts a log event, and the events that it produces, for the reader. Called before the next event is added. */
  readonly convert: (source: SessionEvent, events: readonly ThreadEvent[]) => readonly Output[];
}
interface Step {
  readonly thread: SessionId;
  readonly next: IteratorResult<LogUpdate>;
}

/**
 * Follows all logs of a session from the projection's position, and the logs of new children from their beginning. Ends when the
 * primary thread's log ends. Yields undefined when a log can no longer be followed from there.
 */
export async function* followThreads<Output>({
  projection,
  sessions,
  shown,
  signal,
  convert,
}: ThreadReader<Output>): AsyncGenerator<readonly Output[] | undefined> {
  const end = new AbortController();
  const until = AbortSignal.any([signal, end.signal]);
  const [primary] = projection.threads;
  const logs = new Map<SessionId, AsyncIterator<LogUpdate>>();
  const steps = new Map<SessionId, Promise<Step>>();
  const advance = (thread: SessionId, log: AsyncIterator<LogUpdate>) => {
    const step = log.next().then((next) => ({ thread, next }));
    step.catch(() => {}); // the reader gets the error when it awaits the step
    steps.set(thread, step);
  };
  try {
    for (;;) {
      for (const thread of projection.threads) {
        if (logs.has(thread)) continue;
        const options = { signal: until, deltas: thread === shown };
        const log = sessions.follow(thread, projection.seqOf(thread), options)[Symbol.asyncIterator]();
        logs.set(thread, log);
        advance(thread, log);
      }
      const { thread, next } = await Promise.race(steps.values());
      steps.delete(thread);
      if (next.done && thread === primary) return;
      if (next.done) {
        projection.forget(thread);
        continue;
      }
      if (next.value.kind === 'resync') {
        yield undefined;
        return;
      }
      const outputs: Output[] = [];
      for (const source of next.value.events)
        outputs.push(...convert(source, await addEventToProjection(projection, source, sessions)));
      const log = logs.get(thread);
      if (log) advance(thread, log);
      yield outputs;
    }
  } finally {
    end.abort();
  }
}
