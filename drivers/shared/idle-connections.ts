import type { Duplex } from 'node:stream';
import { AppError } from '../../src/core/errors.ts';

const maxIdle = 64; // the daemon keeps 32; whoever opens more is not our daemon
const maxWaiting = 1_024;
/** How long one that was used stays for the next request; the daemon has an unused one for it in any case. */
const defaultLingerMs = 1_000;

export interface Waiter {
  /** A look at whether the daemon is well: over before anybody would want a second connection. */
  readonly isLight?: boolean;
  give(connection: Duplex): void;
  fail(error: AppError): void;
}

/** The connections that a sandbox's daemon opened and that no request uses at the moment. */
export class IdleConnections {
  readonly #idle = new Map<Duplex, () => void>(); // with how to stop watching it
  readonly #used = new WeakSet<Duplex>();
  readonly #sparing = new WeakSet<Duplex>();
  readonly #waiting = new Set<Waiter>();
  readonly #lingerMs: number;
  #closed: AppError | undefined;

  constructor(lingerMs = defaultLingerMs) {
    this.#lingerMs = lingerMs;
  }

  /**
   * Takes the connection over, whose errors somebody hears already, until a request wants it or it ends. `isSparing`:
   * its daemon dials no other one for a light request.
   */
  add(connection: Duplex, isSparing = this.#sparing.has(connection)): void {
    if (isSparing) this.#sparing.add(connection);
    if (connection.destroyed || this.#closed) {
      connection.destroy();
      return;
    }
    const [first] = this.#waiting;
    if (first) {
      this.#waiting.delete(first);
      this.#lend(connection, first);
      return;
    }
    if (this.#idle.size >= maxIdle) {
      connection.destroy();
      return;
    }
    // Bytes that answer no request are as good as an end: nothing on that connection can be trusted.
    const drop = () => {
      this.#idle.get(connection)?.();
      this.#idle.delete(connection);
      connection.destroy();
    };
    const events = ['data', 'end', 'error', 'close'] as const;
    for (const event of events) connection.on(event, drop);
    const timer = this.#used.has(connection) ? setTimeout(drop, this.#lingerMs).unref() : undefined;
    this.#idle.set(connection, () => {
      clearTimeout(timer);
      for (const event of events) connection.off(event, drop);
    });
    connection.resume(); // an end is only heard by who reads
  }

  get hasIdle(): boolean {
    return this.#idle.size > 0;
  }

  /** Gives a connection now or later; returns how to stop waiting. */
  take(waiter: Waiter): () => void {
    if (this.#closed) {
      waiter.fail(this.#closed);
      return () => {};
    }
    for (const connection of this.#inOrderFor(waiter)) {
      this.#idle.get(connection)?.();
      this.#idle.delete(connection);
      if (connection.destroyed) continue;
      this.#lend(connection, waiter);
      return () => {};
    }
    if (this.#waiting.size >= maxWaiting) {
      waiter.fail(new AppError('queue_full', 'Too many requests wait for this sandbox.'));
      return () => {};
    }
    this.#waiting.add(waiter);
    return () => this.#waiting.delete(waiter);
  }

  /**
   * One that was used before, where there is any: for each that is used first the daemon dials another. For what is
   * light it does not, so that takes an unused one: the others have no work and are closed when their time is over.
   */
  #inOrderFor({ isLight = false }: Waiter): readonly Duplex[] {
    const all = [...this.#idle.keys()];
    const first = all.filter((connection) => this.#used.has(connection) !== isLight);
    return [...first, ...all.filter((connection) => this.#used.has(connection) === isLight)];
  }
  #lend(connection: Duplex, waiter: Waiter): void {
    if (!waiter.isLight || !this.#sparing.has(connection)) this.#used.add(connection);
    waiter.give(connection);
  }

  /** No connection comes any more; whoever waits fails with this. */
  close(error: AppError): void {
    this.#closed ??= error;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const waiter of waiting) waiter.fail(error);
    for (const [connection, forget] of this.#idle) {
      forget();
      connection.destroy();
    }
    this.#idle.clear();
  }
}
