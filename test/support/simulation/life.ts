import type { Clock } from '../../../src/core/clock.ts';
import type { VirtualTime } from './virtual-time.ts';

interface LifeOptions {
  readonly time: VirtualTime;
  /** How long the next call takes, ms. */
  readonly latency: () => number;
  /** Told at which boundary it died. */
  readonly onKilled: (where: string) => void;
}
const never = new Promise<never>(() => {});

/**
 * One server process: what it asks of the world passes here, and nothing passes any more once it was killed. Its
 * calls then hang for ever, so that no line of it runs on with what the world did after its death.
 */
export class Life implements Clock {
  readonly #time: VirtualTime;
  readonly #latency: () => number;
  readonly #died = Promise.withResolvers<void>();
  readonly #timers = new Set<unknown>();
  #isAlive = true;
  #crossings = 0;
  #killAt = Number.POSITIVE_INFINITY;
  #killWhere: string | undefined;
  #stopped: PromiseWithResolvers<void> | undefined;
  /** The store cannot be reached from here. */
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
  /** After so many more boundaries between the process and the world: before a call reached it, or before it answered. */
  killAfter(crossings: number): void {
    this.#killAt = this.#crossings + crossings;
  }
  /** At the next such boundary, such as `after provision`. */
  killAt(where: string): void {
    this.#killWhere = where;
  }
  /** Spared: it is to live from now on. */
  spare(): void {
    this.#killAt = Number.POSITIVE_INFINITY;
    this.#killWhere = undefined;
  }
  get isStopped(): boolean {
    return this.#stopped !== undefined;
  }
  /** As on SIGSTOP: what it asked for happens, and it hears of nothing until it goes on. */
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

  /** The same object as this process reaches it: every method is a call into the world. */
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
