import { sleep } from '../../../src/core/concurrency/cancel.ts';
import type { Clock } from '../../../src/core/contracts/clock.ts';
import { AppError } from '../../../src/core/errors/errors.ts';

export interface RunningProgram<Value> {
  readonly value: Value;
  readonly died: Promise<string>;
  /** Resolves once all processes of the program have ended. Call it even after `died`. */
  end(): Promise<void>;
}
export interface SupervisedProgram<Value> {
  readonly state: 'stopped' | 'starting' | 'running';
  /** Starts the program, or waits for a start or restart in progress. */
  get(signal?: AbortSignal): Promise<Value>;
  /** Ends a broken program. `get` then waits for its replacement. */
  giveUp(why: string): void;
  stop(): Promise<void>;
}
interface Options<Value> {
  readonly clock: Clock;
  start(signal: AbortSignal): Promise<RunningProgram<Value>>;
  /** Called before a restart, once the program and all its processes have ended. */
  died(why: string): void | Promise<void>;
  back?(): void;
}
interface Period {
  readonly over: AbortController;
  ready: PromiseWithResolvers<unknown>;
  unwanted: PromiseWithResolvers<string>;
  state: 'starting' | 'running';
}

export const programStoppedMessage = 'It was stopped in the meantime.';
const firstPauseMs = 100;
const longestPauseMs = 10_000;
const attempts = 6;
/** Uptime in ms after which the restart delay is reset. */
const longLifeMs = 30_000;

/** Restarts the program until `stop`. Gives up if the first start or repeated restarts fail. */
export function superviseProgram<Value>({ clock, start, died, back }: Options<Value>): SupervisedProgram<Value> {
  let current: Period | undefined;
  let done: Promise<void> = Promise.resolve();

  async function keep(period: Period, before: Promise<void>): Promise<void> {
    const { signal } = period.over;
    const fired = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    await before;
    for (let failures = 0; !signal.aborted; failures++) {
      if (failures > 0) {
        const ms = Math.min(firstPauseMs * 2 ** (failures - 1), longestPauseMs);
        await sleep(ms, signal, clock).catch(() => {});
        if (signal.aborted) return;
      }
      period.unwanted = Promise.withResolvers();
      const running = await start(signal).catch((thrown: unknown) => missed(period, thrown, failures));
      if (running === 'abandoned') return;
      if (running === 'once more') continue;
      const at = clock.now();
      if (!signal.aborted) {
        period.state = 'running';
        period.ready.resolve(running.value);
        if (failures > 0) back?.();
      }
      const why = await Promise.race([running.died, period.unwanted.promise, fired]);
      if (why !== undefined && !signal.aborted) renew(period);
      await running.end();
      if (why === undefined || signal.aborted) return;
      await died(why);
      if (clock.now() - at > longLifeMs) failures = 0;
    }
  }

  function missed(period: Period, thrown: unknown, failures: number): 'abandoned' | 'once more' {
    if (failures > 0 && failures < attempts && !period.over.signal.aborted) return 'once more';
    period.ready.reject(thrown);
    if (current === period) current = undefined;
    return 'abandoned';
  }

  return {
    get state() {
      return current?.state ?? 'stopped';
    },
    async get(signal) {
      if (!current) {
        const ready = Promise.withResolvers<unknown>();
        ready.promise.catch(() => {});
        const unwanted = Promise.withResolvers<string>();
        const period: Period = { over: new AbortController(), ready, unwanted, state: 'starting' };
        current = period;
        done = keep(period, done);
      }
      const { promise } = current.ready;
      return (await (signal ? Promise.race([promise, fires(signal)]) : promise)) as Value;
    },
    giveUp(why) {
      if (current?.state !== 'running') return;
      renew(current);
      current.unwanted.resolve(why);
    },
    async stop() {
      current?.ready.reject(new AppError('sandbox_unavailable', programStoppedMessage));
      current?.over.abort();
      current = undefined;
      await done;
    },
  };
}

function fires(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const fire = () => reject(new AppError('cancelled', 'It is no longer needed.'));
  signal.addEventListener('abort', fire, { once: true });
  if (signal.aborted) fire();
  return promise;
}

function renew(period: Period): void {
  if (period.state !== 'running') return;
  period.state = 'starting';
  period.ready = Promise.withResolvers();
  period.ready.promise.catch(() => {});
}
