import { sleep } from '../../core/concurrency/cancel.ts';
import { forEachConcurrent } from '../../core/concurrency/for-each-concurrent.ts';
import { createKeyedQueue } from '../../core/concurrency/keyed-queue.ts';
import { runAtIntervals } from '../../core/concurrency/rounds.ts';
import type { Lease, LeaseStore } from '../../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { type Ownership, ownershipLostError } from '../engine/ownership.ts';

export interface LeaseOptions extends Pick<ServerDependencies, 'clock'> {
  readonly leases: LeaseStore;
  /** Unique per server process. */
  readonly holder: string;
  /** A dead holder's leases can be taken over immediately. */
  readonly isDead: (holder: string) => boolean;
  readonly ttlMs: number;
  /** Monotonic, in milliseconds, unaffected by changes to the wall clock. */
  readonly elapsed: () => number;
}
interface HeldLease {
  readonly epoch: number;
  /** The lease is held until `elapsed` reaches this time or the clock reaches `sureUntilTime`. */
  readonly sureUntil: number;
  /** A time on the wall clock, which other servers use. */
  readonly sureUntilTime: number;
}

export const sessionLeaseNameOf = (id: SessionId): string => `session:${id}`;
const releases = 16; // maximum number of leases released in parallel
const renewals = 1_000; // maximum number of leases renewed by one request to the store
/** A response from the store is considered current up to this age. */
const freshMs = 100;

export class LeasedOwnership extends ServerComponent<LeaseOptions> implements Ownership {
  readonly isShared = true;
  readonly #held = new Map<SessionId, HeldLease>();
  readonly #turns = createKeyedQueue();
  readonly #stop = new AbortController();
  #heard: (id: SessionId) => void = () => {};
  readonly #renewing = this.#renewAll();

  async take(id: SessionId, how?: 'confirmed'): Promise<number> {
    const { elapsed, ttlMs } = this.deps;
    const isFresh = ({ sureUntil }: HeldLease) => elapsed() < sureUntil - ttlMs + freshMs;
    const isEnough = (held: HeldLease) => (how === 'confirmed' ? isFresh(held) : this.#isSure(held));
    const held = this.#held.get(id);
    if (held && isEnough(held)) return held.epoch;
    return await this.#turns(id, () => this.#acquire(id, isEnough));
  }

  epochOf = (id: SessionId): number | undefined => this.#held.get(id)?.epoch;

  confirm(id: SessionId): Promise<void> | undefined {
    const held = this.#held.get(id);
    if (held && this.#isSure(held)) return undefined;
    if (!held) return Promise.reject(ownershipLostError());
    return this.#turns(id, () => this.#renew(id, held));
  }

  async release(id: SessionId): Promise<void> {
    await this.#turns(id, async () => {
      if (!this.#held.delete(id)) return;
      const { leases, holder } = this.deps;
      await leases.release(sessionLeaseNameOf(id), holder).catch(() => {}); // if this fails, the lease lapses
    });
  }

  owned = (): SessionId[] => [...this.#held.keys()];

  async isElsewhere(id: SessionId): Promise<boolean> {
    const { leases, holder, isDead, clock } = this.deps;
    if (this.#held.has(id)) return false;
    const found = await leases.get(sessionLeaseNameOf(id));
    return found !== undefined && found.holder !== holder && found.expiresAt > clock.now() && !isDead(found.holder);
  }

  onLost(listener: (id: SessionId) => void): void {
    this.#heard = listener;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#renewing;
    await forEachConcurrent(this.owned(), releases, (id) => this.release(id));
  }

  #isSure({ sureUntil, sureUntilTime }: HeldLease): boolean {
    const { elapsed, clock } = this.deps;
    return elapsed() < sureUntil && clock.now() < sureUntilTime;
  }

  async #acquire(id: SessionId, isEnough: (held: HeldLease) => boolean): Promise<number> {
    const held = this.#held.get(id);
    if (held && isEnough(held)) return held.epoch; // a concurrent caller has acquired the lease
    const { lease, since } = await this.#ask(id);
    const got = lease ?? (await this.#fromTheDead(id));
    if (!got) {
      this.#lose(id);
      throw ownershipLostError();
    }
    // Another server owned the session in between, so the copy in memory is stale.
    if (held && held.epoch !== got.epoch) this.#lose(id);
    this.#keep(id, got, since);
    return got.epoch;
  }

  async #renew(id: SessionId, held: HeldLease): Promise<void> {
    const { lease, since } = await this.#until(held.sureUntil, this.#ask(id)).catch((thrown: unknown) => {
      if (this.#isSure(held)) return { lease: undefined, since: undefined }; // the renewal is retried soon
      this.#lose(id);
      throw thrown;
    });
    if (since === undefined) return;
    if (lease?.epoch === held.epoch) return this.#keep(id, lease, since);
    this.#lose(id);
    // The next use of the session acquires the lease again and reads the log.
    if (lease) await this.deps.leases.release(lease.name, lease.holder).catch(() => {});
    throw ownershipLostError();
  }

  async #ask(id: SessionId): Promise<{ lease: Lease | undefined; since: number }> {
    const { leases, holder, clock, ttlMs, elapsed } = this.deps;
    // read before the request, so that our estimate never outlasts the lease
    const since = elapsed();
    return { lease: await leases.acquire(sessionLeaseNameOf(id), holder, clock.now(), ttlMs), since };
  }

  /** A hanging store must not make us believe that we still own the session. */
  async #until<Answer>(sureUntil: number, answer: Promise<Answer>): Promise<Answer> {
    const { clock, elapsed, ttlMs } = this.deps;
    const over = new AbortController();
    const leftMs = Math.max(sureUntil - elapsed(), ttlMs / 3);
    const late = sleep(leftMs, over.signal, clock).then(() => {
      throw new AppError('store_unavailable', 'The store does not respond.');
    });
    late.catch(() => {}); // avoids an unhandled rejection if the store answers first
    return await Promise.race([answer, late]).finally(() => over.abort());
  }

  async #fromTheDead(id: SessionId): Promise<Lease | undefined> {
    const { leases, isDead } = this.deps;
    const found = await leases.get(sessionLeaseNameOf(id));
    if (!found || !isDead(found.holder)) return undefined;
    await leases.release(found.name, found.holder);
    return (await this.#ask(id)).lease;
  }

  #keep(id: SessionId, { epoch, expiresAt }: Pick<Lease, 'epoch' | 'expiresAt'>, since: number): void {
    this.#held.set(id, { epoch, sureUntil: since + this.deps.ttlMs, sureUntilTime: expiresAt });
  }

  #lose(id: SessionId): void {
    if (this.#held.delete(id)) this.#heard(id);
  }

  async #renewAll(): Promise<void> {
    const { ttlMs, clock } = this.deps;
    const renew = async () => {
      const all = [...this.#held];
      for (let from = 0; from < all.length; from += renewals) await this.#renewSome(all.slice(from, from + renewals));
    };
    await runAtIntervals(renew, { everyMs: ttlMs / 3, clock }, this.#stop.signal);
  }

  async #renewSome(some: readonly (readonly [SessionId, HeldLease])[]): Promise<void> {
    const { leases, holder, clock, elapsed, ttlMs } = this.deps;
    const since = elapsed();
    const expiresAt = clock.now() + ttlMs;
    const names = some.map(([id]) => sessionLeaseNameOf(id));
    const soonest = Math.min(...some.map(([, { sureUntil }]) => sureUntil));
    const epochs = await this.#until(soonest, leases.renew(names, holder, expiresAt)).catch(() => undefined);
    for (const [id, held] of some) {
      if (this.#held.get(id) !== held) continue; // released or acquired again in the meantime
      const epoch = epochs?.get(sessionLeaseNameOf(id));
      if (epoch === held.epoch) this.#keep(id, { epoch, expiresAt }, since);
      else if (epochs || !this.#isSure(held)) this.#lose(id); // otherwise, the store did not respond and the renewal is retried soon
    }
  }
}
