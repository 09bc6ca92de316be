import type { SessionId } from '../../core/model/ids.ts';

export class SessionStreamRegistry {
  readonly #watchers = new Map<SessionId, number>();
  readonly #ends = new Map<SessionId, { end: AbortController; users: number }>();

  isWatched = (id: SessionId): boolean => this.#watchers.has(id);

  /** Whether the session is watched or has an open stream, desktop or terminal. */
  isInUse = (id: SessionId): boolean => this.#watchers.has(id) || this.#ends.has(id);
  inUse = (): SessionId[] => [...new Set([...this.#watchers.keys(), ...this.#ends.keys()])];

  watch(id: SessionId): Disposable {
    this.#watchers.set(id, (this.#watchers.get(id) ?? 0) + 1);
    let done = false;
    return {
      [Symbol.dispose]: () => {
        if (done) return;
        done = true;
        const left = (this.#watchers.get(id) ?? 1) - 1;
        if (left > 0) this.#watchers.set(id, left);
        else this.#watchers.delete(id);
      },
    };
  }

  /** The signal aborts when the session is deleted. Dispose of the handle after use. */
  endOf(id: SessionId): Disposable & { signal: AbortSignal } {
    const entry = this.#ends.get(id) ?? { end: new AbortController(), users: 0 };
    entry.users += 1;
    this.#ends.set(id, entry);
    return {
      signal: entry.end.signal,
      [Symbol.dispose]: () => {
        entry.users -= 1;
        if (entry.users === 0 && this.#ends.get(id) === entry) this.#ends.delete(id);
      },
    };
  }

  end(id: SessionId): void {
    this.#ends.get(id)?.end.abort();
    this.#ends.delete(id);
  }
}
