import type { Calendar } from '../../core/contracts/calendar.ts';
import type { Store } from '../../core/contracts/ports.ts';
import { AppError } from '../../core/errors/errors.ts';
import { fromMicro } from '../../core/model/runs/budget.ts';
import { type BudgetLimit, forEachLimit } from '../../core/model/runs/budget-limits.ts';
import type { BudgetChange, BudgetHolder, BudgetPart, BudgetService, SharedBudget } from '../api/server/budgets.ts';
import {
  type Account,
  emptyAccount,
  holderKinds,
  type Limits,
  limitsFor,
  type OwnLimits,
  type Period,
  recordIdOf,
  sumAmounts,
  withLogged,
} from './account.ts';
import type { Ledger } from './ledger.ts';
import { readLoggedUsage } from './logged-usage.ts';

interface Deps {
  readonly ledger: Ledger;
  readonly store: Pick<Store, 'events'>;
  readonly limitsOf: (of: BudgetHolder['of']) => Limits;
  /** The names of people by the owners of their sessions. */
  readonly people: () => Promise<ReadonlyMap<string, string>>;
  readonly projects: () => Promise<ReadonlyMap<string, string>>;
  readonly calendar: Calendar;
  readonly now: () => number;
  /** Runs that wait for room are looked at. */
  readonly wake: () => void;
}

const parts = {
  tokensPerDay: ['day', 'tokens'],
  costPerDay: ['day', 'cost'],
  toolCallsPerDay: ['day', 'toolCalls'],
  tokensPerMonth: ['month', 'tokens'],
  costPerMonth: ['month', 'cost'],
  toolCallsPerMonth: ['month', 'toolCalls'],
} as const satisfies Record<BudgetLimit, readonly [Period, string]>;

export function budgetService({ ledger, store, limitsOf, people, projects, calendar, now, wake }: Deps): BudgetService {
  const usage = () => readLoggedUsage(store, calendar.startsAt(now()));
  async function namesOf(of: BudgetHolder['of']): Promise<ReadonlyMap<string, string>> {
    return of === 'person' ? await people() : await projects();
  }
  async function known(holder: BudgetHolder): Promise<string> {
    const name = (await namesOf(holder.of)).get(holder.id);
    if (name !== undefined) return name;
    if (holder.of === 'person' && holder.id === '') return '';
    throw new AppError('not_found', `There is no such ${holder.of}.`);
  }

  return {
    async list() {
      const [accounts, loggedOf] = await Promise.all([ledger.all(), usage()]);
      const all = (await Promise.all(holderKinds.map(async (of) => ({ of, names: await namesOf(of) })))).flatMap(
        ({ of, names }) => [...names].map(([id, name]) => ({ of, id, name })),
      );
      const holders = [...all, { of: 'person', id: '', name: '' } as const];
      return holders.flatMap(({ name, ...holder }) => {
        const account = withLogged(
          accounts.get(recordIdOf(holder)) ?? emptyAccount(calendar.keysAt(now())),
          loggedOf(holder),
        );
        const shown = { ...holder, name, ...view(account, limitsOf(holder.of)) };
        return isOfInterest(shown) ? [shown] : [];
      });
    },
    async get(holder) {
      const name = await known(holder);
      const [account, loggedOf] = await Promise.all([ledger.get(holder), usage()]);
      return { ...holder, name, ...view(withLogged(account, loggedOf(holder)), limitsOf(holder.of)) };
    },
    async change(holder, change) {
      const name = await known(holder);
      const before = await ledger.get(holder);
      const account = await ledger.limit(holder, changed(before.own, change));
      wake();
      const loggedOf = await usage();
      return { ...holder, name, ...view(withLogged(account, loggedOf(holder)), limitsOf(holder.of)) };
    },
  };
}

function changed(own: OwnLimits, change: BudgetChange): OwnLimits {
  const next: Record<Period, Record<string, number | 'unlimited' | undefined>> = {
    day: { ...own.day },
    month: { ...own.month },
  };
  for (const [name, [period, kind]] of Object.entries(parts)) {
    const limit = change[name as BudgetLimit];
    if (limit === undefined) continue;
    if (limit === null) delete next[period][kind];
    else next[period][kind] = limit;
  }
  return next;
}

type Amounts = Pick<SharedBudget, BudgetLimit>;

function view(account: Account, usual: Limits): Amounts {
  const limits = limitsFor(account.own, usual);
  const reserved = sumAmounts(account.open);
  const one = ([period, kind]: (typeof parts)[BudgetLimit]): BudgetPart => ({
    limit: limits[period][kind] ?? null,
    own: account.own[period][kind] ?? null,
    used: shown(kind, account[period][kind]),
    reserved: shown(kind, reserved[kind]),
  });
  return forEachLimit((limit) => one(parts[limit]));
}

const shown = (kind: string, amount: number): number => (kind === 'cost' ? fromMicro(amount) : amount);

const isOfInterest = (budget: Amounts): boolean =>
  (Object.keys(parts) as BudgetLimit[]).some(
    (name) => budget[name].used > 0 || budget[name].limit !== null || budget[name].own !== null,
  );
