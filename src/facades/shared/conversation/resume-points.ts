import type { Clock } from '../../../core/contracts/clock.ts';

/** Longer than all of a page's reconnect attempts take together, with delays of 1, 2, 4, 8 and 16 seconds. */
const keptMs = 60_000;
const maxClients = 1_000;
const maxSockets = 16; // per client and session; each open tab has one

export interface ResumeKey {
  readonly session: string;
  /** Identifies the caller, as in rate limits: the id of its key, the word `token`, or its address. */
  readonly caller: string;
}

/**
 * Stores the last seq that each broken socket delivered. A page that reconnects automatically sends no cursor but still
 * shows everything up to that seq, so its new socket continues after that seq. Kept in memory: after a server restart the
 * page gets the active run again, from its start.
 */
export class ResumePoints {
  readonly #clock: Clock;
  readonly #broken = new Map<string, { readonly seqs: number[]; readonly until: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  broke(client: ResumeKey, seq: number): void {
    const key = keyOf(client);
    const seqs = [...(this.#kept(key) ?? []), seq].slice(-maxSockets);
    this.#broken.delete(key); // keeps the newest at the end
    this.#broken.set(key, { seqs, until: this.#clock.now() + keptMs });
    const [oldest] = this.#broken.keys();
    if (this.#broken.size > maxClients && oldest !== undefined) this.#broken.delete(oldest);
  }

  /** Removes and returns the seq from which a reopened socket continues. Undefined: none was stored in the last minute. */
  take(client: ResumeKey): number | undefined {
    const key = keyOf(client);
    const seqs = this.#kept(key);
    const seq = seqs?.shift();
    if (!seqs?.length) this.#broken.delete(key);
    return seq;
  }

  /** Call when a client loads the history: its next socket then starts like a first socket, with the active run or new events. */
  forget(client: ResumeKey): void {
    this.#broken.delete(keyOf(client));
  }

  #kept(key: string): number[] | undefined {
    const found = this.#broken.get(key);
    return found && found.until > this.#clock.now() ? found.seqs : undefined;
  }
}

const keyOf = ({ session, caller }: ResumeKey): string => `${session} ${caller}`;
