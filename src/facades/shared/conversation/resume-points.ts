import type { Clock } from '../../../core/contracts/clock.ts';

/** Longer than the sum of a page's reconnect delays (1, 2, 4, 8 and 16 seconds). */
const keptMs = 60_000;
const maxClients = 1_000;
const maxSockets = 16; // per client and session; each open tab has one

export interface ResumeKey {
  readonly session: string;
  /** A key's id, the word `token`, or an address, as in rate limits. */
  readonly caller: string;
}

/** Reconnecting pages send no cursor; their new sockets continue after the last seq delivered. */
export class ResumePoints {
  readonly #clock: Clock;
  readonly #broken = new Map<string, { readonly seqs: number[]; readonly until: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  broke(client: ResumeKey, seq: number): void {
    const key = keyOf(client);
    const seqs = [...(this.#kept(key) ?? []), seq].slice(-maxSockets);
    this.#broken.delete(key); // so that `set` appends the key
    this.#broken.set(key, { seqs, until: this.#clock.now() + keptMs });
    const [oldest] = this.#broken.keys();
    if (this.#broken.size > maxClients && oldest !== undefined) this.#broken.delete(oldest);
  }

  take(client: ResumeKey): number | undefined {
    const key = keyOf(client);
    const seqs = this.#kept(key);
    const seq = seqs?.shift();
    if (!seqs?.length) this.#broken.delete(key);
    return seq;
  }

  /** Call when a client loads the history. Its next socket must not resume. */
  forget(client: ResumeKey): void {
    this.#broken.delete(keyOf(client));
  }

  #kept(key: string): number[] | undefined {
    const found = this.#broken.get(key);
    return found && found.until > this.#clock.now() ? found.seqs : undefined;
  }
}

const keyOf = ({ session, caller }: ResumeKey): string => `${session} ${caller}`;
