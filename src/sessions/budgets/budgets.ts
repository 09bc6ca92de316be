import type { Calendar } from '../../core/contracts/calendar.ts';
import type { Store, UsageSum } from '../../core/contracts/ports.ts';
import { AppError } from '../../core/errors/errors.ts';
import { fromMicroCost, withMicroCost } from '../../core/model/runs/budget.ts';
import {
  type BudgetLimit,
  budgetLimits,
  type ConcurrencyLimit,
  concurrencyLimits,
  mapBudgetLimits,
  type PeriodLimit,
} from '../../core/model/runs/budget-limits.ts';
import { addAmounts } from '../../core/model/spending.ts';
import {
  type BudgetChange,
  type BudgetHolder,
  type BudgetService,
  budgetHolderKinds,
  type LimitUsage,
  type SharedBudget,
} from '../api/server/budgets.ts';
import {
  type BudgetAccount,
  type BudgetAccountStore,
  type BudgetLimits,
  type BudgetPeriod,
  budgetAccountIdOf,
  budgetHoldersOf,
  budgetPeriods,
  createBudgetAccount,
  type LimitOverrides,
  type LoggedUsage,
  raiseToLoggedUsage,
  resolveBudgetLimits,
  sumAmounts,
} from './account.ts';
import type { ConcurrencyLimiter } from './holdings.ts';
import type { BudgetLedger } from './ledger.ts';

interface Deps {
  readonly ledger: Pick<BudgetLedger, 'limit'>;
  readonly accounts: BudgetAccountStore;
  readonly holdings: Pick<ConcurrencyLimiter, 'used'>;
  readonly store: Pick<Store, 'events'>;
  readonly limitsOf: (holder: BudgetHolder) => BudgetLimits;
  readonly people: () => Promise<ReadonlyMap<string, string>>;
  readonly projects: () => Promise<ReadonlyMap<string, string>>;
  readonly calendar: Calendar;
  readonly now: () => number;
  readonly wake: () => void;
}

const parts = {
  tokensPerDay: ['day', 'tokens'],
  costPerDay: ['day', 'cost'],
  toolCallsPerDay: ['day', 'toolCalls'],
  tokensPerMonth: ['month', 'tokens'],
  costPerMonth: ['month', 'cost'],
  toolCallsPerMonth: ['month', 'toolCalls'],
} as const satisfies Record<PeriodLimit, readonly [BudgetPeriod, string]>;

export function createBudgetService(deps: Deps): BudgetService {
  const { ledger, accounts, holdings, store, limitsOf, people, projects, calendar, now, wake } = deps;
  const usage = () => readLoggedUsage(store, calendar.startsAt(now()));
  async function readNames(of: BudgetHolder['of']): Promise<ReadonlyMap<string, string>> {
    if (of === 'server') return new Map([['', 'all sessions']]);
    return of === 'person' ? await people() : await projects();
  }
  async function known(holder: BudgetHolder): Promise<string> {
    const name = (await readNames(holder.of)).get(holder.id);
    if (name !== undefined) return name;
    if (holder.of === 'person' && holder.id === '') return '';
    throw new AppError('not_found', `There is no such ${holder.of}.`);
  }
  async function shown(holder: BudgetHolder, name: string, account: BudgetAccount): Promise<SharedBudget> {
    const held = await holdings.used(holder, account);
    return { ...holder, name, ...view(account, limitsOf(holder), held) };
  }

  return {
    async list() {
      const [known, loggedOf] = await Promise.all([accounts.all(), usage()]);
      const named = (
        await Promise.all(budgetHolderKinds.map(async (of) => ({ of, names: await readNames(of) })))
      ).flatMap(({ of, names }) => [...names].map(([id, name]) => ({ of, id, name })));
      const holders = [...named.slice(0, -1), { of: 'person', id: '', name: '' } as const, ...named.slice(-1)];
      const all = await Promise.all(
        holders.map(({ name, ...holder }) => {
          const account = known.get(budgetAccountIdOf(holder)) ?? createBudgetAccount(calendar.keysAt(now()));
          return shown(holder, name, raiseToLoggedUsage(account, loggedOf(holder)));
        }),
      );
      return all.filter(isOfInterest);
    },
    async get(holder) {
      const name = await known(holder);
      const [account, loggedOf] = await Promise.all([accounts.get(holder), usage()]);
      return await shown(holder, name, raiseToLoggedUsage(account, loggedOf(holder)));
    },
    async change(holder, change) {
      const name = await known(holder);
      const before = await accounts.get(holder);
      const account = await ledger.limit(holder, changed(before.own, change));
      wake();
      const loggedOf = await usage();
      return await shown(holder, name, raiseToLoggedUsage(account, loggedOf(holder)));
    },
  };
}

function changed(own: LimitOverrides, change: BudgetChange): LimitOverrides {
  const next: Record<BudgetPeriod, Record<string, number | 'unlimited' | undefined>> = {
    day: { ...own.day },
    month: { ...own.month },
  };
  for (const [name, [period, kind]] of Object.entries(parts)) {
    const limit = change[name as PeriodLimit];
    if (limit === undefined) continue;
    if (limit === null) delete next[period][kind];
    else next[period][kind] = limit;
  }
  const held = { ...own.held };
  for (const name of concurrencyLimits) {
    const limit = change[name];
    if (limit === null) delete held[name];
    else if (limit !== undefined) held[name] = limit;
  }
  return { ...next, held };
}

type Amounts = Pick<SharedBudget, BudgetLimit>;

function view(account: BudgetAccount, usual: BudgetLimits, held: Readonly<Record<ConcurrencyLimit, number>>): Amounts {
  const limits = resolveBudgetLimits(account.own, usual);
  const reserved = sumAmounts(account.open);
  const ofPeriod = ([period, kind]: (typeof parts)[PeriodLimit]): LimitUsage => ({
    limit: limits[period][kind] ?? null,
    own: account.own[period][kind] ?? null,
    used: inCurrency(kind, account[period][kind]),
    reserved: inCurrency(kind, reserved[kind]),
  });
  const ofHeld = (limit: ConcurrencyLimit): LimitUsage => ({
    limit: limits.held[limit] ?? null,
    own: account.own.held[limit] ?? null,
    used: held[limit],
    reserved: 0,
  });
  const isPeriod = (limit: BudgetLimit): limit is PeriodLimit => Object.hasOwn(parts, limit);
  return mapBudgetLimits((limit) => (isPeriod(limit) ? ofPeriod(parts[limit]) : ofHeld(limit)));
}

const inCurrency = (kind: string, amount: number): number => (kind === 'cost' ? fromMicroCost(amount) : amount);

const isOfInterest = (budget: Amounts): boolean =>
  (Object.keys(parts) as PeriodLimit[]).some((name) => budget[name].used > 0) ||
  budgetLimits.some((name) => budget[name].own !== null || (budget[name].limit !== null && budget[name].used > 0));

const nothing: LoggedUsage = { day: sumAmounts([]), month: sumAmounts([]) };

/** Excludes deleted sessions, because their logs no longer exist. */
export async function readLoggedUsage(
  { events }: Pick<Store, 'events'>,
  starts: Readonly<Record<BudgetPeriod, number>>,
): Promise<(holder: BudgetHolder) => LoggedUsage> {
  const read = async (from: number, to: number) => await events.usage(from, to, ['owner', 'project']);
  const [earlier, today] = await Promise.all([
    read(starts.month, starts.day),
    read(starts.day, Number.MAX_SAFE_INTEGER),
  ]);
  const sumsOf = new Map<string, LoggedUsage>();
  const add = (periods: readonly BudgetPeriod[], sums: readonly UsageSum[]) => {
    for (const { owner, project, inputTokens, outputTokens, cost } of sums) {
      const used = withMicroCost({ tokens: inputTokens + outputTokens, cost });
      for (const name of budgetHoldersOf({ owner, projectId: project || null }).map(budgetAccountIdOf)) {
        const sum = { ...(sumsOf.get(name) ?? nothing) };
        for (const period of periods) sum[period] = addAmounts(sum[period], used);
        sumsOf.set(name, sum);
      }
    }
  };
  add(['month'], earlier);
  add(budgetPeriods, today);
  return (holder) => sumsOf.get(budgetAccountIdOf(holder)) ?? nothing;
}
