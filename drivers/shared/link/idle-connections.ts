import type { Duplex } from 'node:stream';
import { AppError } from '../../../src/core/errors/errors.ts';

const maxIdle = 128; // the daemon opens at most 96, so only another program can reach this limit
/** The rest of the daemon's 96 connections are for light requests such as health checks. */
const maxBusy = 92;
const maxWaiting = 1_024;
/** How long a used connection stays open for the next request. */
const defaultLingerMs = 1_000;

export interface ConnectionWaiter {
  /** Set for health requests, which never need a second connection. */
  readonly isLight?: boolean;
  give(connection: Duplex): void;
  fail(error: AppError): void;
}

export class IdleConnections {
  readonly #idle = new Map<Duplex, () => void>();
  readonly #used = new WeakSet<Duplex>();
  readonly #sparing = new WeakSet<Duplex>();
  readonly #waiting = new Set<ConnectionWaiter>();
  readonly #busy = new Set<Duplex>();
  readonly #watched = new WeakSet<Duplex>();
  readonly #lingerMs: number;
  #closed: AppError | undefined;

  constructor(lingerMs = defaultLingerMs) {
    this.#lingerMs = lingerMs;
  }

  /** The connection needs an error listener. `isSparing`: light requests do not make the daemon open a replacement. */
  add(connection: Duplex, isSparing = this.#sparing.has(connection)): void {
    if (isSparing) this.#sparing.add(connection);
    this.#busy.delete(connection);
    if (connection.destroyed || this.#closed) {
      connection.destroy();
      return;
    }
    const first = this.#nextWaiting();
    if (first) {
      this.#waiting.delete(first);
      this.#lend(connection, first);
      return;
    }
    if (this.#idle.size >= maxIdle) {
      connection.destroy();
      return;
    }
    // Unexpected bytes on an idle connection make all further data untrustworthy.
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
    connection.resume(); // a stream reports its end only while it is being read
  }

  get hasIdle(): boolean {
    return this.#idle.size > 0;
  }

  /** The returned function cancels the wait. */
  take(waiter: ConnectionWaiter): () => void {
    if (this.#closed) {
      waiter.fail(this.#closed);
      return () => {};
    }
    for (const connection of this.#isAdmitted(waiter) ? this.#inOrderFor(waiter) : []) {
      this.#idle.get(connection)?.();
      this.#idle.delete(connection);
      if (connection.destroyed) continue;
      this.#lend(connection, waiter);
      return () => {};
    }
    if (this.#waiting.size >= maxWaiting) {
      waiter.fail(new AppError('queue_full', 'Too many requests are waiting for this sandbox.'));
      return () => {};
    }
    this.#waiting.add(waiter);
    return () => this.#waiting.delete(waiter);
  }

  /** Call if a request will not return its connection. */
  giveUp(connection: Duplex): void {
    if (!this.#busy.delete(connection) || this.#idle.size === 0) return;
    const waiter = this.#nextWaiting();
    if (!waiter) return;
    this.#waiting.delete(waiter);
    this.take(waiter);
  }

  #isAdmitted({ isLight = false }: ConnectionWaiter): boolean {
    return isLight || this.#busy.size < maxBusy;
  }
  #nextWaiting(): ConnectionWaiter | undefined {
    return (
      this.#waiting.values().find(({ isLight }) => isLight) ?? this.#waiting.values().find((it) => this.#isAdmitted(it))
    );
  }
  /**
   * Prefers used connections, because the daemon replaces unused ones. Light requests prefer unused ones, so that used
   * connections can expire.
   */
  #inOrderFor({ isLight = false }: ConnectionWaiter): readonly Duplex[] {
    const all = [...this.#idle.keys()];
    const first = all.filter((connection) => this.#used.has(connection) !== isLight);
    return [...first, ...all.filter((connection) => this.#used.has(connection) === isLight)];
  }
  #lend(connection: Duplex, waiter: ConnectionWaiter): void {
    if (!waiter.isLight || !this.#sparing.has(connection)) this.#used.add(connection);
    if (!waiter.isLight) {
      this.#busy.add(connection);
      if (!this.#watched.has(connection)) connection.once('close', () => this.giveUp(connection));
      this.#watched.add(connection);
    }
    waiter.give(connection);
  }

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
