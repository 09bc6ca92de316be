import { z } from 'zod';
import { createKeyedQueue } from '../../core/concurrency/keyed-queue.ts';
import type { Calendar } from '../../core/contracts/calendar.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { ServerComponent } from '../../core/contracts/server-parts.ts';
import { budgetAccountKind } from '../../core/model/records.ts';
import {
  type BudgetAmounts,
  type BudgetLine,
  fromMicroCost,
  toBudgetLines,
  toMicroCost,
} from '../../core/model/runs/budget.ts';
import { type ConcurrentAmounts, concurrencyLimits } from '../../core/model/runs/budget-limits.ts';
import { addAmounts } from '../../core/model/spending.ts';
import { changeRecordWithResult } from '../../storage/collection.ts';
import type { BudgetHolder } from '../api/server/budgets.ts';

export const budgetAccountIdOf = ({ of, id }: BudgetHolder): string => `${of}:${id}`;
export type BudgetedSession = { readonly owner?: string | undefined; readonly projectId: string | null };
export const budgetHoldersOf = ({ owner = '', projectId }: BudgetedSession): readonly BudgetHolder[] => [
  { of: 'person', id: owner },
  ...(projectId === null ? [] : [{ of: 'project', id: projectId } as const]),
  { of: 'server', id: '' },
];
export const budgetPeriods = ['day', 'month'] as const;
export type BudgetPeriod = (typeof budgetPeriods)[number];
const kinds = ['tokens', 'cost', 'toolCalls'] as const;
type Kind = (typeof kinds)[number];

export const StoredLimitOverride = z.union([z.number().nonnegative(), z.literal('unlimited')]);
const OwnLimits = z.object({
  tokens: StoredLimitOverride.optional(),
  cost: StoredLimitOverride.optional(),
  toolCalls: StoredLimitOverride.optional(),
});
const OwnHeld = z.partialRecord(z.enum(concurrencyLimits), StoredLimitOverride);
/** `cost` is stored in currency units, but held in memory in micro-units. */
const CountedAmounts = z.object({
  tokens: z.number(),
  cost: z.codec(z.number(), z.number(), { decode: toMicroCost, encode: fromMicroCost }),
  toolCalls: z.number().default(0),
});
type CountedAmounts = z.infer<typeof CountedAmounts>;
const Used = CountedAmounts.extend({ key: z.string() });
const unused: CountedAmounts = { tokens: 0, cost: 0, toolCalls: 0 };
const Open = CountedAmounts.extend({
  id: z.string(),
  server: z.string(),
  /** Epoch ms. Extended until the request ends or its server is lost. */
  until: z.number(),
});
export const BudgetAccount = z.object({
  own: z.object({ day: OwnLimits.default({}), month: OwnLimits.default({}), held: OwnHeld.default({}) }),
  day: Used,
  month: Used,
  open: z.array(Open),
  /** The amounts in use, by server id. A lost server's entry expires. */
  held: z
    .record(
      z.string(),
      z.object({ until: z.number(), amounts: z.partialRecord(z.enum(concurrencyLimits), z.number()) }),
    )
    .default({}),
});
export type BudgetAccount = z.infer<typeof BudgetAccount>;
export type LimitOverrides = BudgetAccount['own'];
export type BudgetLimits = Readonly<Record<BudgetPeriod, { readonly [K in Kind]?: number | undefined }>> & {
  readonly held: ConcurrentAmounts;
};

export type LoggedUsage = Readonly<Record<BudgetPeriod, Pick<CountedAmounts, 'tokens' | 'cost'>>>;
type Keys = ReturnType<Calendar['keysAt']>;

export const createBudgetAccount = ({ day, month }: Keys): BudgetAccount => ({
  own: { day: {}, month: {}, held: {} },
  held: {},
  day: { key: day, ...unused },
  month: { key: month, ...unused },
  open: [],
});

export function rollOverBudgetPeriods(account: BudgetAccount, keys: Keys): BudgetAccount {
  const at = (period: BudgetPeriod) =>
    account[period].key === keys[period] ? account[period] : { key: keys[period], ...unused };
  return { ...account, day: at('day'), month: at('month') };
}

export function resolveBudgetLimits(own: LimitOverrides, usual: BudgetLimits): BudgetLimits {
  const whole = (limit: z.infer<typeof StoredLimitOverride> | undefined) => (limit === 'unlimited' ? undefined : limit);
  const one = (period: BudgetPeriod, kind: Kind) => whole(own[period][kind] ?? usual[period][kind]);
  const all = (period: BudgetPeriod) => ({
    tokens: one(period, 'tokens'),
    cost: one(period, 'cost'),
    toolCalls: one(period, 'toolCalls'),
  });
  const held = Object.fromEntries(
    concurrencyLimits.map((limit) => [limit, whole(own.held[limit] ?? usual.held[limit])]),
  );
  return { day: all('day'), month: all('month'), held };
}

export function toAccountBudgetLines(
  account: BudgetAccount,
  of: BudgetHolder['of'],
  limits: BudgetLimits,
): readonly BudgetLine[] {
  const held = sumAmounts(account.open);
  return budgetPeriods.flatMap((period) =>
    toBudgetLines(of, limits[period], account[period]).map((line) => ({
      ...{ ...line, period },
      reserved: held[line.kind as Kind],
    })),
  );
}
export const hasToolCallLimit = (lines: readonly BudgetLine[]): boolean =>
  lines.some(({ kind }) => kind === 'toolCalls');

export const sumAmounts = (amounts: readonly BudgetAmounts[]): CountedAmounts =>
  amounts.reduce<CountedAmounts>(addAmounts, unused);

/** Also restores a reservation that was released because its server seemed lost. */
export const putReservation = (
  account: BudgetAccount,
  one: Omit<BudgetAccount['open'][number], keyof CountedAmounts>,
  amounts: BudgetAmounts,
) => ({
  ...account,
  open: [...account.open.filter(({ id }) => id !== one.id), { ...one, ...sumAmounts([amounts]) }],
});

export function addAccountUsage(account: BudgetAccount, used: BudgetAmounts): BudgetAccount {
  const more = (before: BudgetAccount['day']) => {
    const sum = addAmounts(before, used);
    return { ...sum, toolCalls: Math.max(0, sum.toolCalls) };
  };
  return { ...account, day: more(account.day), month: more(account.month) };
}

export function raiseToLoggedUsage(account: BudgetAccount, logged: LoggedUsage): BudgetAccount {
  const most = (period: BudgetPeriod) => ({
    ...account[period],
    tokens: Math.max(account[period].tokens, logged[period].tokens),
    cost: Math.max(account[period].cost, logged[period].cost),
  });
  return { ...account, day: most('day'), month: most('month') };
}

interface Deps {
  readonly records: Pick<RecordStore, 'get' | 'put' | 'list'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly calendar: Pick<Calendar, 'keysAt'>;
}
export class BudgetAccountStore extends ServerComponent<Deps> {
  readonly #turns = createKeyedQueue();

  async get(holder: BudgetHolder): Promise<BudgetAccount> {
    return this.#parse(await this.deps.records.get(budgetAccountKind, budgetAccountIdOf(holder)));
  }

  async all(): Promise<ReadonlyMap<string, BudgetAccount>> {
    const found = await this.deps.records.list(budgetAccountKind);
    return new Map(found.map((one) => [one.id, this.#parse(one)]));
  }

  /** If `change` returns undefined, writes nothing. Calls `change` again after a concurrent write. */
  async change(
    holder: BudgetHolder,
    change: (now: BudgetAccount) => BudgetAccount | undefined | Promise<BudgetAccount | undefined>,
  ): Promise<BudgetAccount> {
    const place = { kind: budgetAccountKind, id: budgetAccountIdOf(holder) };
    return await this.#turns(place.id, () =>
      changeRecordWithResult<BudgetAccount>(this.deps.records, place, async (found) => {
        const now = this.#parse(found);
        const doc = await change(now);
        return doc ? { value: doc, doc: BudgetAccount.encode(doc) } : { value: now };
      }),
    );
  }

  #parse(found: { readonly doc: unknown } | undefined): BudgetAccount {
    const keys = this.deps.calendar.keysAt(this.deps.clock.now());
    return found ? rollOverBudgetPeriods(BudgetAccount.decode(found.doc as never), keys) : createBudgetAccount(keys);
  }
}
