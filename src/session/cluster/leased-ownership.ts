import { pause } from '../../core/cancel.ts';
import type { Clock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';
import type { SessionId } from '../../core/ids.ts';
import { keyedQueue } from '../../core/keyed-queue.ts';
import { inLanes } from '../../core/lanes.ts';
import type { Lease, LeaseStore } from '../../core/ports.ts';
import { lost, type Ownership } from '../engine/ownership.ts';

export interface LeaseOptions {
  readonly leases: LeaseStore;
  /** Unique to this process's life. */
  readonly holder: string;
  /** Whether that holder is known to run no more: its leases need not be waited for. */
  readonly isDead: (holder: string) => boolean;
  readonly ttlMs: number;
  readonly clock: Clock;
  /** Milliseconds that no change of the wall clock touches. */
  readonly elapsed: () => number;
}
interface Held {
  readonly epoch: number;
  /** Until then nobody else can have it, by a clock that runs on while this process is stopped … */
  readonly sureUntil: number;
  /** … and by the clock that the others see. */
  readonly sureUntilTime: number;
}

export const leaseNameOf = (id: SessionId): string => `session:${id}`;
const renewals = 16; // at once
/** An answer of the store this old is as good as a new one. */
const freshMs = 100;

/** By leases in a store that several servers share, renewed at a third of their time. */
export class LeasedOwnership implements Ownership {
  readonly isShared = true;
  readonly #options: LeaseOptions;
  readonly #held = new Map<SessionId, Held>();
  readonly #turns = keyedQueue();
  readonly #stop = new AbortController();
  readonly #renewing: Promise<void>;
  #heard: (id: SessionId) => void = () => {};

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#renewing = this.#renewAll();
  }

  async take(id: SessionId, how?: 'asked'): Promise<number> {
    const isEnough = (held: Held) => (how === 'asked' ? this.#isFresh(held) : this.#isSure(held));
    const held = this.#held.get(id);
    if (held && isEnough(held)) return held.epoch;
    return await this.#turns(id, () => this.#acquire(id, isEnough));
  }

  epochOf = (id: SessionId): number | undefined => this.#held.get(id)?.epoch;

  confirm(id: SessionId): Promise<void> | undefined {
    const held = this.#held.get(id);
    if (held && this.#isSure(held)) return undefined;
    if (!held) return Promise.reject(lost());
    return this.#turns(id, () => this.#renew(id, held));
  }

  async release(id: SessionId): Promise<void> {
    await this.#turns(id, async () => {
      if (!this.#held.delete(id)) return;
      const { leases, holder } = this.#options;
      await leases.release(leaseNameOf(id), holder).catch(() => {}); // it lapses
    });
  }

  owned = (): SessionId[] => [...this.#held.keys()];

  async isElsewhere(id: SessionId): Promise<boolean> {
    const { leases, holder, isDead, clock } = this.#options;
    if (this.#held.has(id)) return false;
    const found = await leases.get(leaseNameOf(id));
    return found !== undefined && found.holder !== holder && found.expiresAt > clock.now() && !isDead(found.holder);
  }

  onLost(heard: (id: SessionId) => void): void {
    this.#heard = heard;
  }

  /** Gives all back, so that others go on at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#renewing;
    await inLanes(this.owned(), renewals, (id) => this.release(id));
  }

  #isSure({ sureUntil, sureUntilTime }: Held): boolean {
    const { elapsed, clock } = this.#options;
    return elapsed() < sureUntil && clock.now() < sureUntilTime;
  }

  #isFresh({ sureUntil }: Held): boolean {
    const { elapsed, ttlMs } = this.#options;
    return elapsed() < sureUntil - ttlMs + freshMs;
  }

  async #acquire(id: SessionId, isEnough: (held: Held) => boolean): Promise<number> {
    const held = this.#held.get(id);
    if (held && isEnough(held)) return held.epoch; // somebody else asked meanwhile
    const { lease, since } = await this.#ask(id);
    const got = lease ?? (await this.#fromTheDead(id));
    if (!got) {
      this.#lose(id);
      throw lost();
    }
    if (held && held.epoch !== got.epoch) this.#lose(id); // somebody had it in between: what is in memory is old
    this.#keep(id, got, since);
    return got.epoch;
  }

  async #renew(id: SessionId, held: Held): Promise<void> {
    const { lease, since } = await this.#askUntil(held, id).catch((thrown: unknown) => {
      if (this.#isSure(held)) return { lease: undefined, since: undefined }; // asked again soon
      this.#lose(id);
      throw thrown;
    });
    if (since === undefined) return;
    if (lease?.epoch === held.epoch) return this.#keep(id, lease, since);
    this.#lose(id);
    if (lease) await this.#options.leases.release(lease.name, lease.holder).catch(() => {}); // acquired again, and read from the log, later
    throw lost();
  }

  async #ask(id: SessionId): Promise<{ lease: Lease | undefined; since: number }> {
    const { leases, holder, clock, ttlMs, elapsed } = this.#options;
    const since = elapsed(); // before the question: it lasts no longer than the store thinks
    return { lease: await leases.acquire(leaseNameOf(id), holder, clock.now(), ttlMs), since };
  }

  /** A store that hangs must not make us believe that it is still ours. */
  async #askUntil(held: Held, id: SessionId): Promise<{ lease: Lease | undefined; since: number }> {
    const { clock, elapsed, ttlMs } = this.#options;
    const over = new AbortController();
    const leftMs = Math.max(held.sureUntil - elapsed(), ttlMs / 3);
    const late = pause(leftMs, over.signal, clock).then(() => {
      throw new AppError('store_unavailable', 'The store does not answer.');
    });
    late.catch(() => {}); // the store's answer may win the race
    return await Promise.race([this.#ask(id), late]).finally(() => over.abort());
  }

  async #fromTheDead(id: SessionId): Promise<Lease | undefined> {
    const { leases, isDead } = this.#options;
    const found = await leases.get(leaseNameOf(id));
    if (!found || !isDead(found.holder)) return undefined;
    await leases.release(found.name, found.holder);
    return (await this.#ask(id)).lease;
  }

  #keep(id: SessionId, { epoch, expiresAt }: Lease, since: number): void {
    this.#held.set(id, { epoch, sureUntil: since + this.#options.ttlMs, sureUntilTime: expiresAt });
  }

  #lose(id: SessionId): void {
    if (this.#held.delete(id)) this.#heard(id);
  }

  async #renewAll(): Promise<void> {
    const { ttlMs, clock } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await pause(ttlMs / 3, signal, clock).catch(() => {});
      if (signal.aborted) return;
      await inLanes([...this.#held], renewals, async ([id, held]) => {
        await this.#turns(id, async () => {
          if (this.#held.get(id) === held) await this.#renew(id, held);
        }).catch(() => {}); // `onLost` has told the holder
      });
    }
  }
}
