import { raceAbort, throwIfAborted } from '../../../src/core/concurrency/cancel.ts';
import type { CallOptions } from '../../driver.ts';

interface SharedCall<Value> {
  readonly result: Promise<Value>;
  readonly stop: AbortController;
  callers: number;
}

/**
 * Runs one operation per key; a second call joins the first. A caller that gives up leaves immediately. When the last
 * caller has left, the operation's own signal aborts. The operation then cleans up before the next operation for that key
 * can begin.
 *
 * @example const starts = new SingleFlight<SandboxInfo>(); await starts.join(spec.id, call, (own) => start(spec, own));
 * // two callers, one start
 */
export class SingleFlight<Value> {
  readonly #running = new Map<string, SharedCall<Value>>();

  async join(key: string, call: CallOptions, run: (call: CallOptions) => Promise<Value>): Promise<Value> {
    throwIfAborted(call.signal);
    for (let old = this.#running.get(key); old?.stop.signal.aborted; old = this.#running.get(key)) {
      await raceAbort(this.settled(key), call.signal);
    }
    const running = this.#running.get(key) ?? this.#start(key, run);
    running.callers += 1;
    try {
      return await raceAbort(running.result, call.signal);
    } finally {
      running.callers -= 1;
      if (running.callers === 0) running.stop.abort(call.signal.reason);
    }
  }

  #start(key: string, run: (call: CallOptions) => Promise<Value>): SharedCall<Value> {
    const stop = new AbortController();
    const result = run(stop).finally(() => this.#running.delete(key));
    result.catch(() => {});
    const running = { result, stop, callers: 0 };
    this.#running.set(key, running);
    return running;
  }

  has(key: string): boolean {
    return this.#running.has(key);
  }

  cancel(key: string): void {
    this.#running.get(key)?.stop.abort();
  }

  async settled(key: string): Promise<void> {
    await this.#running.get(key)?.result.catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { stop } of this.#running.values()) stop.abort();
    await Promise.allSettled([...this.#running.values()].map(({ result }) => result));
  }
}
