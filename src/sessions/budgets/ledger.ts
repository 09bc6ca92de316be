import type { RunSpending } from '../../../machines/run.ts';
import { raceAbort, waitAtMost } from '../../core/concurrency/cancel.ts';
import type { RecordStore, Store } from '../../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { failpoint } from '../../core/errors/failpoint.ts';
import type { RunId, SessionId } from '../../core/model/ids.ts';
import {
  type BudgetAmounts,
  type BudgetGrant,
  computeBudgetGrant,
  findOverrun,
  singleToolCallAmounts,
  toMicroCost,
  zeroAmounts,
} from '../../core/model/runs/budget.ts';
import { addAmounts, type BudgetOverrun, toBudgetAmounts } from '../../core/model/spending.ts';
import type { BudgetHolder } from '../api/server/budgets.ts';
import {
  type ChargedToolCalls,
  type Reservation,
  type ReservationResult,
  type SharedBudgetReserver,
  TurnBudget,
  type TurnBudgetInput,
} from '../run/turn-budget.ts';
import {
  addAccountUsage,
  type BudgetAccount,
  type BudgetAccountStore,
  type BudgetedSession,
  type BudgetLimits,
  budgetAccountIdOf,
  budgetHoldersOf,
  hasToolCallLimit,
  type LoggedUsage,
  putReservation,
  raiseToLoggedUsage,
  resolveBudgetLimits,
  toAccountBudgetLines,
} from './account.ts';
import { ChildBudgets } from './children.ts';
import { toSessionBudgetLines } from './session-lines.ts';

const lostAccess: BudgetOverrun = { scope: 'member', kind: 'turns', limit: 0, used: 0, needs: 0 };

/** A reservation is released if its server does not renew it for this long. */
export const reservationLeaseMs = 60_000;
const renewMs = reservationLeaseMs / 3;
const lookMs = 500;

export interface LedgerDeps extends Pick<ServerDependencies, 'clock' | 'newId' | 'warn'> {
  readonly records: Pick<RecordStore, 'get' | 'put' | 'list'>;
  readonly events: Pick<Store['events'], 'page'>;
  readonly accounts: BudgetAccountStore;
  /** False: reservations from an earlier process are released immediately. */
  readonly shared: boolean;
  readonly limitsOf: (holder: BudgetHolder) => BudgetLimits;
  readonly logged: (holder: BudgetHolder, now: number) => Promise<LoggedUsage>;
}

interface HeldAmounts {
  readonly id: string;
  readonly holders: readonly BudgetHolder[];
  readonly amounts: BudgetAmounts;
  used: BudgetAmounts | undefined;
  readonly settled: Set<string>;
}

/**
 * Requests reserve amounts in the store first, so two runs never use the same tokens. A lost server's reservations
 * expire, and its usage is counted from the logs.
 */
export class BudgetLedger extends ServerComponent<LedgerDeps> implements AsyncDisposable {
  readonly #server = this.deps.newId();
  readonly children = new ChildBudgets(this.deps);
  mayWork: (session: BudgetedSession) => boolean = () => true;
  /** Counts each run only once. Resolves with the limit reached, if any. */
  admitRun: (id: SessionId, runId: RunId) => Promise<BudgetOverrun | undefined> = async () => undefined;
  readonly #held = new Map<string, HeldAmounts>();
  readonly #counted = new Set<string>();
  #freed = Promise.withResolvers<void>();
  #renewal: unknown;
  #isOver = false;

  async open({ record, run, now, limits = {}, lends = false }: TurnBudgetInput): Promise<TurnBudget> {
    const { id, budget = {} } = record();
    const isLimited = Object.keys({ ...limits, ...budget }).length > 0;
    const lent = isLimited ? await this.children.reservedFor(id) : undefined;
    let start: ReturnType<typeof toBudgetAmounts> | undefined;
    const session = (spent: RunSpending) => {
      start ??= toBudgetAmounts(record().spending); // not read until the facts of earlier turns have been written
      return lent
        ? toSessionBudgetLines(record(), { run: run.runId, now: now(), limits, lent, used: addAmounts(start, spent) })
        : [];
    };
    const keepCalls = (count: number) => this.children.keepCalls(id, (record().spending.toolCalls ?? 0) + count);
    const shared = this.of(record(), () => this.admitRun(id, run.runId));
    return new TurnBudget({ run: run.budget, session, shared, ...(lends && { keepCalls }) });
  }

  /** `admit` is called before each reservation and after each charge. */
  of(
    session: BudgetedSession,
    admit: () => Promise<BudgetOverrun | undefined> = async () => undefined,
  ): SharedBudgetReserver {
    const holders = budgetHoldersOf(session);
    const findRefusal = async () => (this.mayWork(session) ? await admit() : lostAccess);
    return {
      reserve: async (requested, signal) => {
        const over = await findRefusal();
        return over ? { kind: 'over', over } : await this.#reserve(holders, requested, signal);
      },
      charge: async (used) => {
        const over = await this.#charge(holders, used);
        return (await findRefusal()) ?? over;
      },
      payCalls: (count, signal) => this.#payCalls(holders, count, signal),
      giveBackCalls: (count) => this.#giveBackCalls(holders, count),
    };
  }

  async covers(session: BudgetedSession, { kind, needs }: BudgetOverrun): Promise<boolean> {
    if (!this.mayWork(session) || kind === 'runningRuns') return false;
    const amount = kind === 'cost' ? toMicroCost(needs) : needs;
    const requested = kind === 'toolCalls' ? { [kind]: amount } : { ...zeroAmounts, [kind]: amount };
    for (const holder of budgetHoldersOf(session)) {
      const { lines } = await this.#readLimited(holder);
      if (findOverrun(lines, requested)) return false;
    }
    return true;
  }

  async limit(holder: BudgetHolder, own: BudgetAccount['own']): Promise<BudgetAccount> {
    const changed = await this.#change(holder, (account) => ({ ...account, own }));
    this.#wake();
    return changed;
  }

  async #reserve(
    holders: readonly BudgetHolder[],
    requested: { readonly least: BudgetAmounts; readonly most: BudgetAmounts },
    signal: AbortSignal,
  ): Promise<ReservationResult | undefined> {
    for (;;) {
      const freed = this.#freed.promise;
      const id = this.deps.newId();
      const [taken, tried]: [BudgetHolder[], BudgetHolder[]] = [[], []];
      let { most } = requested;
      let [isBusy, over]: [boolean, BudgetOverrun | undefined] = [false, undefined];
      try {
        for (const holder of holders) {
          tried.push(holder); // added first, because a failed write may still have reached the store
          const room = await this.#take(holder, id, { least: requested.least, most });
          if (room === undefined) continue;
          ({ over, isBusy } = room);
          if (over || isBusy) break;
          taken.push(holder);
          most = room.granted;
        }
      } catch (thrown) {
        await this.#release({ id, holders: tried, amounts: most });
        throw thrown;
      }
      if (!over && !isBusy) {
        if (taken.length === 0) return undefined;
        this.#hold({ id, holders: taken, amounts: most });
        await failpoint('budget.reserved');
        const reservation: Reservation = { granted: most, settle: (used) => this.#settle(id, used) };
        return { kind: 'reserved', reservation };
      }
      await this.#release({ id, holders: taken, amounts: most });
      if (over) return { kind: 'over', over };
      await raceAbort(waitAtMost(lookMs, freed, this.deps.clock), signal);
    }
  }

  /** Counts calls before they start, so that a lost server's calls are included. */
  async #payCalls(
    holders: readonly BudgetHolder[],
    count: number,
    signal: AbortSignal,
  ): Promise<ChargedToolCalls | undefined> {
    let paid = 0;
    while (paid < count) {
      const reserved = await this.#reserve(
        holders,
        { least: singleToolCallAmounts, most: { toolCalls: count - paid } },
        signal,
      );
      if (!reserved) return undefined;
      if (reserved.kind === 'over') return { count: paid, over: reserved.over };
      const { granted, settle } = reserved.reservation;
      await settle(granted);
      paid += granted.toolCalls ?? 0;
    }
    return { count: paid };
  }

  async #giveBackCalls(holders: readonly BudgetHolder[], count: number): Promise<void> {
    for (const holder of holders) {
      try {
        const { lines } = await this.#readLimited(holder);
        if (hasToolCallLimit(lines))
          await this.#change(holder, (account) => addAccountUsage(account, { toolCalls: -count }));
      } catch (err) {
        this.deps.warn({ err, budget: budgetAccountIdOf(holder) }, 'tool calls that did not run are still counted');
      }
    }
  }

  #hold({ id, holders, amounts }: Pick<HeldAmounts, 'id' | 'holders' | 'amounts'>): HeldAmounts {
    const held: HeldAmounts = { id, holders, amounts, used: undefined, settled: new Set() };
    this.#held.set(id, held);
    this.#renewLater();
    return held;
  }

  async #settle(id: string, used: BudgetAmounts): Promise<void> {
    const held = this.#held.get(id);
    if (!held || held.used) return;
    held.used = used;
    await this.#end(held);
    this.#wake();
  }

  /** Does not wake waiting runs, because the releasing run would wake itself endlessly. */
  async #release(unused: Pick<HeldAmounts, 'id' | 'holders' | 'amounts'>): Promise<void> {
    if (unused.holders.length === 0) return;
    const held = this.#hold(unused);
    held.used = zeroAmounts;
    await this.#end(held);
  }

  async #end(held: HeldAmounts): Promise<void> {
    const { id, used = zeroAmounts } = held;
    for (const holder of held.holders) {
      const name = budgetAccountIdOf(holder);
      if (held.settled.has(name)) continue;
      try {
        await this.#change(holder, (account) =>
          addAccountUsage({ ...account, open: account.open.filter((one) => one.id !== id) }, used),
        );
        held.settled.add(name);
      } catch (err) {
        this.deps.warn({ err, budget: name }, 'the usage of a request could not be counted; trying again');
      }
    }
    if (held.settled.size === held.holders.length) this.#held.delete(id);
  }

  async #take(
    holder: BudgetHolder,
    id: string,
    requested: { readonly least: BudgetAmounts; readonly most: BudgetAmounts },
  ) {
    const { account: before, limits, lines } = await this.#readLimited(holder);
    if (lines.length === 0) {
      this.#counted.delete(budgetAccountIdOf(holder));
      return undefined;
    }
    if (requested.least.toolCalls !== undefined && !hasToolCallLimit(lines)) return undefined;
    await this.#countLogs(holder, before);
    let room: BudgetGrant | undefined;
    await this.#change(holder, (account) => {
      room = computeBudgetGrant(toAccountBudgetLines(account, holder.of, limits), requested);
      return room.over || room.isBusy ? undefined : putReservation(account, this.#lease(id), room.granted);
    });
    return room;
  }

  async #charge(holders: readonly BudgetHolder[], used: BudgetAmounts): Promise<BudgetOverrun | undefined> {
    let over: BudgetOverrun | undefined;
    for (const holder of holders) {
      const { account: before, limits, lines } = await this.#readLimited(holder);
      if (lines.length === 0) continue;
      await this.#countLogs(holder, before);
      const isUsed = Object.values(used).some((amount) => amount > 0);
      const after = await this.#change(holder, (account) => (isUsed ? addAccountUsage(account, used) : undefined));
      over ??= findOverrun(toAccountBudgetLines(after, holder.of, limits), zeroAmounts);
    }
    return over;
  }

  async #countLogs(holder: BudgetHolder, account: BudgetAccount): Promise<void> {
    const name = budgetAccountIdOf(holder);
    if (this.#counted.has(name) && !account.open.some((one) => this.#isLost(one))) return;
    const logged = await this.deps.logged(holder, this.deps.clock.now());
    await this.#change(holder, (now) =>
      raiseToLoggedUsage({ ...now, open: now.open.filter((one) => !this.#isLost(one)) }, logged),
    );
    this.#counted.add(name);
  }

  #isLost({ id, server, until }: BudgetAccount['open'][number]): boolean {
    if (server === this.#server) return !this.#held.has(id) && until <= this.deps.clock.now();
    return !this.deps.shared || until <= this.deps.clock.now();
  }

  #lease = (id: string) => ({ id, server: this.#server, until: this.deps.clock.now() + reservationLeaseMs });

  async #readLimited(holder: BudgetHolder) {
    const account = await this.deps.accounts.get(holder);
    const limits = resolveBudgetLimits(account.own, this.deps.limitsOf(holder));
    return { account, limits, lines: toAccountBudgetLines(account, holder.of, limits) };
  }

  #change(holder: BudgetHolder, change: (now: BudgetAccount) => BudgetAccount | undefined): Promise<BudgetAccount> {
    return this.deps.accounts.change(holder, change);
  }

  #wake(): void {
    this.#freed.resolve();
    this.#freed = Promise.withResolvers();
  }

  #renewLater(): void {
    if (this.#renewal !== undefined || this.#isOver) return;
    this.#renewal = this.deps.clock.setTimeout(() => {
      this.#renewal = undefined;
      void this.#renew();
    }, renewMs);
  }

  /** Also renews reservations that were released as lost, and retries failed settlements. */
  async #renew(): Promise<void> {
    const open = [...this.#held.values()];
    for (const held of open.filter(({ used }) => used)) await this.#end(held);
    const holders = new Map(
      open.flatMap(({ holders: all }) => all.map((one) => [budgetAccountIdOf(one), one] as const)),
    );
    for (const holder of holders.values()) await this.#renewIn(holder);
    if (this.#held.size > 0) this.#renewLater();
  }

  async #renewIn(holder: BudgetHolder): Promise<void> {
    const name = budgetAccountIdOf(holder);
    const isOwn = (held: HeldAmounts) => !held.used && held.holders.some((one) => budgetAccountIdOf(one) === name);
    try {
      await this.#change(holder, (account) => {
        const own = [...this.#held.values()].filter(isOwn);
        const renew = (now: BudgetAccount, { id, amounts }: HeldAmounts) =>
          putReservation(now, this.#lease(id), amounts);
        return own.length === 0 ? undefined : own.reduce(renew, account);
      });
    } catch (err) {
      this.deps.warn({ err, budget: name }, 'the reservations of a budget were not renewed; trying again');
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    if (this.#renewal !== undefined) this.deps.clock.clearTimeout(this.#renewal);
    for (const held of this.#held.values()) if (held.used) await this.#end(held);
  }
}
