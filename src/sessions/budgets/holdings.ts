import { createKeyedQueue } from '../../core/concurrency/keyed-queue.ts';
import type { RecordListOptions, RecordStore } from '../../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import { SessionStatus } from '../../core/model/events.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import { fitsLimit } from '../../core/model/runs/budget.ts';
import {
  type ConcurrencyLimit,
  type ConcurrentAmounts,
  concurrencyLimits,
} from '../../core/model/runs/budget-limits.ts';
import { namedSnapshotKind, type Snapshot } from '../../core/model/sandboxes/snapshot.ts';
import { type Volume, volumeKind } from '../../core/model/sandboxes/volume.ts';
import type { BudgetHolder } from '../api/server/budgets.ts';
import {
  type BudgetAccount,
  type BudgetAccountStore,
  type BudgetedSession,
  type BudgetLimits,
  budgetAccountIdOf,
  budgetHoldersOf,
  resolveBudgetLimits,
} from './account.ts';

/** `from`: the owner and project before a move. Their totals already include the session. */
type HoldingSession = BudgetedSession & { readonly from?: BudgetedSession | undefined };
export interface ConcurrentUsage {
  readonly session: HoldingSession;
  readonly amounts: ConcurrentAmounts;
}
interface Deps extends Pick<ServerDependencies, 'clock' | 'warn'> {
  readonly accounts: BudgetAccountStore;
  readonly limitsOf: (holder: BudgetHolder) => BudgetLimits;
  readonly stored: StoredAmountReader;
  readonly live: () => Iterable<ConcurrentUsage>;
  readonly shared: boolean;
  readonly server: string;
}
export interface ReachedLimit {
  readonly of: BudgetHolder['of'];
  readonly kind: ConcurrencyLimit;
  readonly limit: number;
  readonly used: number;
  readonly needs: number;
}
type Answer = ReachedLimit | 'busy' | undefined;

/** A lost server's totals are released after this time. */
export const concurrencyLeaseMs = 60_000;
const renewMs = concurrencyLeaseMs / 3;

/**
 * Documents are counted in the store, runs and sandboxes in memory. Servers that share a store write their totals into
 * accounts with limits; after a concurrent write, they check the limits again.
 */
export class ConcurrencyLimiter extends ServerComponent<Deps> implements AsyncDisposable {
  readonly #inTurn = createKeyedQueue();
  readonly #storing = new Set<ConcurrentUsage>();
  readonly #published = new Map<string, BudgetHolder>();
  #stored = Promise.withResolvers<void>();
  #renewal: unknown;
  #isOver = false;

  constructor(deps: Deps) {
    super(deps);
    this.#renewLater();
  }

  /** Calls `hold` if all limits have room. `hold` must register the amounts for later checks. */
  async take(session: HoldingSession, amounts: ConcurrentAmounts, hold: () => void): Promise<ReachedLimit | undefined> {
    for (;;) {
      const stored = this.#stored.promise;
      const answer = await this.#inTurn('', async () => {
        const refusal = await this.#findRefusal(session, amounts);
        if (!refusal) hold();
        return refusal;
      });
      if (answer !== 'busy') return answer;
      await stored; // a document being stored may be counted twice, so check again afterwards
    }
  }

  /** Calls `store` only within the limits. Rejects: quota, sandbox_capacity (the server's limit). */
  async within<Made>(session: HoldingSession, amounts: ConcurrentAmounts, store: () => Promise<Made>): Promise<Made> {
    const share = { session, amounts };
    const reached = await this.take(session, amounts, () => this.#storing.add(share));
    if (reached) throw toLimitError(reached);
    try {
      return await store();
    } finally {
      this.#storing.delete(share);
      this.#stored.resolve();
      this.#stored = Promise.withResolvers();
      await this.#publish(holdersIn(session));
    }
  }

  async covers(session: HoldingSession, amounts: ConcurrentAmounts): Promise<boolean> {
    for (const holder of holdersIn(session)) {
      const limits = await this.#readLimits(holder, amounts);
      if (limits.length === 0) continue;
      const account = await this.deps.accounts.get(holder);
      if (await this.#findReached(holder, account, { limits, amounts })) return false;
    }
    return true;
  }

  async used(holder: BudgetHolder, account: BudgetAccount): Promise<Readonly<Record<ConcurrencyLimit, number>>> {
    const limits = resolveBudgetLimits(account.own, this.deps.limitsOf(holder)).held;
    const { now, others } = this.#sums(holder, account);
    const one = async (kind: ConcurrencyLimit) => {
      if (limits[kind] === undefined) return [kind, 0] as const;
      return [kind, now(kind) + others(kind) + (await this.deps.stored(holder, kind, Infinity))] as const;
    };
    return Object.fromEntries(await Promise.all(concurrencyLimits.map(one))) as Record<ConcurrencyLimit, number>;
  }

  async freed(session: HoldingSession): Promise<void> {
    await this.#publish(holdersIn(session));
  }

  /** Call when a session in memory gets new holders, to update this server's totals. */
  async moved(): Promise<void> {
    if (this.deps.shared) await this.#inTurn('', () => this.#renew());
  }

  async #readLimits(holder: BudgetHolder, amounts: ConcurrentAmounts) {
    const { own } = await this.deps.accounts.get(holder);
    const { held } = resolveBudgetLimits(own, this.deps.limitsOf(holder));
    return concurrencyLimits.flatMap((kind) => {
      const limit = held[kind];
      return limit === undefined || !amounts[kind] ? [] : [{ kind, limit }];
    });
  }

  async #findRefusal(session: HoldingSession, amounts: ConcurrentAmounts): Promise<Answer> {
    const { accounts, shared } = this.deps;
    const holders = holdersIn(session);
    for (const [n, holder] of holders.entries()) {
      const limits = await this.#readLimits(holder, amounts);
      if (limits.length === 0) continue;
      let answer: Answer;
      const check = async (account: BudgetAccount) => {
        answer = await this.#findReached(holder, account, { limits, amounts });
        return shared && !answer ? this.#withSum(holder, account, amounts) : undefined;
      };
      if (shared) await accounts.change(holder, check);
      else await check(await accounts.get(holder));
      if (!answer) continue;
      await this.#publish(holders.slice(0, n)); // removes these amounts from the totals of the preceding holders
      return answer;
    }
    return undefined;
  }

  /** Reads totals before documents, so that each document is counted at least once. */
  async #findReached(
    holder: BudgetHolder,
    account: BudgetAccount,
    { limits, amounts }: { limits: readonly { kind: ConcurrencyLimit; limit: number }[]; amounts: ConcurrentAmounts },
  ): Promise<Answer> {
    const sums = this.#sums(holder, account);
    for (const { kind, limit } of limits) {
      const needs = amounts[kind] ?? 0;
      const held = sums.now(kind) + sums.others(kind);
      const isBusy = sums.isStoring(kind);
      const used = held + (await this.deps.stored(holder, kind, limit - held - needs));
      if (!fitsLimit(needs, { limit, used })) return isBusy ? 'busy' : { of: holder.of, kind, limit, used, needs };
    }
    return undefined;
  }

  #sums(holder: BudgetHolder, { held }: BudgetAccount) {
    const name = budgetAccountIdOf(holder);
    const own = ({ session }: ConcurrentUsage) => holdersIn(session).some((one) => budgetAccountIdOf(one) === name);
    const storing = [...this.#storing].filter(own);
    const mine = [...[...this.deps.live()].filter(own), ...storing].map(({ amounts }) => amounts);
    const { server, clock } = this.deps;
    const theirs = Object.entries(held).flatMap(([id, { until, amounts }]) =>
      id === server || until <= clock.now() ? [] : [amounts],
    );
    const sum = (all: readonly ConcurrentAmounts[]) => (kind: ConcurrencyLimit) =>
      all.reduce((before, amounts) => before + (amounts[kind] ?? 0), 0);
    return {
      now: sum(mine),
      others: sum(theirs),
      isStoring: (kind: ConcurrencyLimit) => storing.some(({ amounts }) => amounts[kind]),
    };
  }

  #withSum(holder: BudgetHolder, account: BudgetAccount, more: ConcurrentAmounts = {}): BudgetAccount {
    const { server, clock } = this.deps;
    const { now } = this.#sums(holder, account);
    const amounts = Object.fromEntries(
      concurrencyLimits.flatMap((kind) => {
        const sum = now(kind) + (more[kind] ?? 0);
        return sum > 0 ? [[kind, sum]] : [];
      }),
    );
    const others = Object.entries(account.held).filter(([id, { until }]) => id !== server && until > clock.now());
    const isNothing = Object.keys(amounts).length === 0;
    const own = isNothing ? {} : { [server]: { until: clock.now() + concurrencyLeaseMs, amounts } };
    if (isNothing) this.#published.delete(budgetAccountIdOf(holder));
    else this.#published.set(budgetAccountIdOf(holder), holder);
    return { ...account, held: { ...Object.fromEntries(others), ...own } };
  }

  async #publish(holders: readonly BudgetHolder[]): Promise<void> {
    if (!this.deps.shared) return;
    for (const holder of holders) {
      if (!this.#published.has(budgetAccountIdOf(holder))) continue;
      await this.deps.accounts
        .change(holder, (account) => this.#withSum(holder, account))
        .catch((err: unknown) =>
          this.deps.warn(
            { err, budget: budgetAccountIdOf(holder) },
            'the resource usage of sessions could not be stored; trying again',
          ),
        );
    }
  }

  #renewLater(): void {
    if (!this.deps.shared || this.#isOver) return;
    this.#renewal = this.deps.clock.setTimeout(() => void this.#renew().finally(() => this.#renewLater()), renewMs);
  }

  async #renew(): Promise<void> {
    const { accounts, live, limitsOf, warn } = this.deps;
    try {
      const known = await accounts.all();
      const holders = [...live()].flatMap(({ session }) => holdersIn(session));
      for (const holder of new Map(holders.map((one) => [budgetAccountIdOf(one), one])).values()) {
        const own = known.get(budgetAccountIdOf(holder))?.own ?? { day: {}, month: {}, held: {} };
        const { held } = resolveBudgetLimits(own, limitsOf(holder));
        if (Object.values(held).some((limit) => limit !== undefined))
          this.#published.set(budgetAccountIdOf(holder), holder);
      }
      await this.#publish([...this.#published.values()]);
    } catch (err) {
      warn({ err }, 'the resource usage of sessions could not be renewed; trying again');
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    if (this.#renewal !== undefined) this.deps.clock.clearTimeout(this.#renewal);
  }
}

function holdersIn({ from, ...session }: HoldingSession): readonly BudgetHolder[] {
  const before = from ? budgetHoldersOf(from).map(budgetAccountIdOf) : [];
  return budgetHoldersOf(session).filter((holder) => !before.includes(budgetAccountIdOf(holder)));
}

const words: Readonly<Record<ConcurrencyLimit, string>> = {
  sessions: 'sessions',
  runningRuns: 'running runs',
  cpus: 'processors in running sandboxes',
  memoryBytes: 'MiB of memory in running sandboxes',
  diskBytes: 'MiB of disk',
  snapshots: 'snapshots',
};
const advice: Readonly<Record<ConcurrencyLimit, string>> = {
  sessions: 'Delete some first',
  runningRuns: 'Wait for a run to end',
  cpus: 'Stop a sandbox first',
  memoryBytes: 'Stop a sandbox first',
  diskBytes: 'Delete snapshots or volumes, or stop a sandbox first',
  snapshots: 'Delete some first',
};
const holders = { person: 'this person', project: 'this project', server: 'the server' } as const;

/** The code is `quota`, or `sandbox_capacity` for a server limit, because other owners can also make room. */
export function toLimitError({ of, kind, limit, used, needs }: ReachedLimit): AppError {
  const shown = (amount: number) => (kind.endsWith('Bytes') ? toMebibytes(amount) : `${amount}`);
  const missing = needs === 1 ? '' : `; ${shown(needs)} more are needed`;
  const what = `The limit of ${holders[of]} is reached: ${shown(used)} of ${shown(limit)} ${words[kind]}${missing}.`;
  const then = `${advice[kind]}, or ask an administrator to raise the limit (Settings › Usage, or corral budget set).`;
  return new AppError(of === 'server' ? 'sandbox_capacity' : 'quota', `${what} ${then}`);
}

const toMebibytes = (bytes: number): string => `${Math.round(bytes / 1024 ** 2)}`;

/** 0 for amounts that are not stored. Excludes sessions being deleted only if the count would exceed `enough`. */
type StoredAmountReader = (holder: BudgetHolder, kind: ConcurrencyLimit, enough?: number) => Promise<number>;

export function createStoredAmountReader(records: Pick<RecordStore, 'count' | 'list'>): StoredAmountReader {
  async function countSessions(holder: BudgetHolder, enough: number): Promise<number> {
    const all = await records.count('session', placeOf(holder));
    if (all <= enough) return all;
    if (placeOf(holder).owner === null) {
      const own = await records.list('session', placeOf(holder));
      return own.filter(({ doc }) => !(doc as Partial<SessionRecord>).deleting).length;
    }
    const count = (state: SessionStatus) => records.count('session', { ...placeOf(holder), state });
    return (await Promise.all(SessionStatus.options.map(count))).reduce((sum, one) => sum + one);
  }
  async function sumDisk(holder: BudgetHolder): Promise<number> {
    const snapshots = await records.list(namedSnapshotKind, placeOf(holder));
    const volumes = await records.list(volumeKind, placeOf(holder));
    const sizes = [
      ...snapshots.map(({ doc }) => (doc as Partial<Snapshot>).bytes ?? 0),
      ...volumes.map(({ doc }) => (doc as Volume).quotaBytes),
    ];
    return sizes.reduce((sum, size) => sum + size, 0);
  }
  return async (holder, kind, enough = -1) => {
    if (kind === 'sessions') return await countSessions(holder, enough);
    if (kind === 'snapshots') return await records.count(namedSnapshotKind, placeOf(holder));
    return kind === 'diskBytes' ? await sumDisk(holder) : 0;
  };
}

function placeOf({ of, id }: BudgetHolder): Pick<RecordListOptions, 'owner' | 'parent'> {
  if (of === 'server') return {};
  return of === 'person' ? { owner: id === '' ? null : id } : { parent: id };
}
