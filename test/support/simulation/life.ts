import type { Clock } from '../../../src/core/contracts/clock.ts';
import type { ManualClock } from '../machines/manual-clock.ts';

interface LifeOptions {
  readonly time: ManualClock;
  /** The duration of the next call, ms. */
  readonly latency: () => number;
  /** Runs when the process dies, with the name of the boundary. */
  readonly onKilled: (where: string) => void;
}
const never = new Promise<never>(() => {});

/**
 * One server process: all its calls into the world pass through here. After a kill its calls hang forever, so that none
 * of its code continues with results from after its death.
 */
export class ServerLifetime implements Clock {
  readonly #time: ManualClock;
  readonly #latency: () => number;
  readonly #died = Promise.withResolvers<void>();
  readonly #timers = new Set<unknown>();
  #isAlive = true;
  #crossings = 0;
  #killAt = Number.POSITIVE_INFINITY;
  #killWhere: string | undefined;
  #stopped: PromiseWithResolvers<void> | undefined;
  /** True: this process cannot reach the store. */
  isCutOff = false;

  readonly #onKilled: (where: string) => void;

  constructor({ time, latency, onKilled }: LifeOptions) {
    this.#time = time;
    this.#latency = latency;
    this.#onKilled = onKilled;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }
  get died(): Promise<void> {
    return this.#died.promise;
  }
  /** Kills the process after so many more boundaries. Each call has two: before it arrives, and before its answer. */
  killAfter(crossings: number): void {
    this.#killAt = this.#crossings + crossings;
  }
  /** Kills the process at the next boundary of this name, such as `after provision`. */
  killAt(where: string): void {
    this.#killWhere = where;
  }
  /** Cancels a planned kill. */
  spare(): void {
    this.#killAt = Number.POSITIVE_INFINITY;
    this.#killWhere = undefined;
  }
  get isStopped(): boolean {
    return this.#stopped !== undefined;
  }
  /**
   * Stops the process as SIGSTOP does: calls in progress take effect, but their answers and all timers wait until
   * `goOn`.
   */
  stop(): void {
    this.#stopped ??= Promise.withResolvers<void>();
  }
  goOn(): void {
    this.#stopped?.resolve();
    this.#stopped = undefined;
  }
  kill(): void {
    this.#isAlive = false;
    this.goOn();
    for (const timer of this.#timers) this.#time.clearTimeout(timer);
    this.#died.resolve();
  }
  #cross(where: string): boolean {
    this.#crossings += 1;
    const isTime = this.#crossings >= this.#killAt || where === this.#killWhere;
    if (!this.#isAlive || !isTime) return this.#isAlive;
    this.#onKilled(where);
    this.kill();
    return false;
  }

  now = (): number => this.#time.now();
  setTimeout(fn: () => void, ms: number): unknown {
    if (!this.#isAlive) return undefined;
    const id = this.#time.setTimeout(() => {
      this.#timers.delete(id);
      if (!this.#stopped) fn();
      else void this.#stopped.promise.then(() => this.#isAlive && fn());
    }, ms);
    this.#timers.add(id);
    return id;
  }
  clearTimeout(id: unknown): void {
    this.#timers.delete(id);
    this.#time.clearTimeout(id);
  }

  async call<Value>(name: string, act: () => Value | Promise<Value>): Promise<Value> {
    if (this.#stopped) await this.#stopped.promise;
    if (!this.#cross(`before ${name}`)) return await never;
    const ms = this.#latency();
    if (ms > 0) await this.#time.sleep(ms);
    try {
      if (!this.#isAlive) return await never;
      return await act();
    } finally {
      if (this.#stopped) await this.#stopped.promise;
      if (!this.#cross(`after ${name}`)) await never;
    }
  }

  async *stream<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item> {
    for await (const item of items) {
      if (!this.#cross('in a reply of the model')) await never;
      yield item;
    }
  }

  /** A proxy of the object whose methods are this process's calls into the world. */
  reaching<Target extends object>(target: Target): Target {
    return new Proxy(target, {
      get: (it, key) => {
        const value: unknown = Reflect.get(it, key, it);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => this.call(String(key), () => value.apply(it, args));
      },
    });
  }
}
