import { z } from 'zod';
import type { Calendar } from '../../core/contracts/calendar.ts';
import { addAmounts, type BudgetOverrun, exact } from '../../core/model/spending.ts';
import { type Amounts, noAmounts } from '../run/accounts.ts';

// The account of one person or project: what it has used in this day and month, and what requests under way have reserved.
// Everything here is a pure function of the account and the time; the ledger stores the result.

export const holderKinds = ['person', 'project'] as const;
/** The person or project that has a budget. A person is the owner of sessions; `''` stands for sessions without an owner. */
export interface Holder {
  readonly of: (typeof holderKinds)[number];
  readonly id: string;
}
export const recordIdOf = ({ of, id }: Holder): string => `${of}:${id}`;
/** The session's part that says whose budgets pay for it. */
export type PaidSession = { readonly owner?: string | undefined; readonly projectId: string | null };
export const holdersOf = ({ owner = '', projectId }: PaidSession): readonly Holder[] => [
  { of: 'person', id: owner },
  ...(projectId === null ? [] : [{ of: 'project', id: projectId } as const]),
];
export const periods = ['day', 'month'] as const;
export type Period = (typeof periods)[number];
const kinds = ['tokens', 'cost', 'toolCalls'] as const;
type Kind = (typeof kinds)[number];

/** `unlimited`: no limit, also where the settings have one. Absent: as the settings say. */
export const OwnLimit = z.union([z.number().nonnegative(), z.literal('unlimited')]);
const OwnLimits = z.object({
  tokens: OwnLimit.optional(),
  cost: OwnLimit.optional(),
  toolCalls: OwnLimit.optional(),
});
const Used = z.object({
  key: z.string(),
  tokens: z.number(),
  cost: z.number(),
  toolCalls: z.number().default(0),
});
const unused = { tokens: 0, cost: 0, toolCalls: 0 };
const Open = z.object({
  id: z.string(),
  /** The server process whose request it is. */
  server: z.string(),
  tokens: z.number(),
  cost: z.number(),
  toolCalls: z.number().default(0),
  /** A server that is lost renews it no more, epoch ms. */
  until: z.number(),
});
export const Account = z.object({
  own: z.object({ day: OwnLimits.default({}), month: OwnLimits.default({}) }),
  day: Used,
  month: Used,
  open: z.array(Open),
});
export type Account = z.infer<typeof Account>;
export type OwnLimits = Account['own'];
export type Limits = Readonly<Record<Period, { readonly [K in Kind]?: number | undefined }>>;

type Keys = ReturnType<Calendar['keysAt']>;

export const emptyAccount = ({ day, month }: Keys): Account => ({
  own: { day: {}, month: {} },
  day: { key: day, ...unused },
  month: { key: month, ...unused },
  open: [],
});

/** The account in this day and month: a new one begins with nothing used. */
export function accountIn(account: Account, keys: Keys): Account {
  const at = (period: Period) =>
    account[period].key === keys[period] ? account[period] : { key: keys[period], ...unused };
  return { ...account, day: at('day'), month: at('month') };
}

/** The limits that count: the holder's own, else those of the settings. */
export function limitsFor(own: OwnLimits, usual: Limits): Limits {
  const one = (period: Period, kind: Kind) => {
    const limit = own[period][kind] ?? usual[period][kind];
    return limit === 'unlimited' ? undefined : limit;
  };
  const all = (period: Period) => ({
    tokens: one(period, 'tokens'),
    cost: one(period, 'cost'),
    toolCalls: one(period, 'toolCalls'),
  });
  return { day: all('day'), month: all('month') };
}
export const hasLimit = (limits: Limits): boolean =>
  periods.some((period) => kinds.some((kind) => limits[period][kind] !== undefined));
export const limitsCalls = (limits: Limits): boolean =>
  periods.some((period) => limits[period].toolCalls !== undefined);

export const sumAmounts = (amounts: readonly Amounts[]): Amounts => amounts.reduce<Amounts>(addAmounts, unused);

export type RoomAnswer =
  | { readonly kind: 'granted'; readonly granted: Amounts }
  | { readonly kind: 'over'; readonly over: BudgetOverrun }
  /** Requests in progress hold the missing amount. */
  | { readonly kind: 'busy' };

/**
 * The room of the account for a request. The dearest reply is granted only where it fits next to the requests that are under way;
 * where it fits only without them, the request waits for them instead of getting a shorter reply. Tool calls need no tokens, and
 * a request to the model needs none of the tool calls.
 */
export function roomFor(
  account: Account,
  { of, limits }: { readonly of: Holder['of']; readonly limits: Limits },
  { least, most }: { readonly least: Amounts; readonly most: Amounts },
): RoomAnswer {
  const held = sumAmounts(account.open);
  const granted = { ...most };
  const isOfCalls = (least.toolCalls ?? 0) > 0;
  let isBusy = false;
  for (const period of periods) {
    for (const kind of kinds) {
      const limit = limits[period][kind];
      if (limit === undefined || (kind === 'toolCalls') !== isOfCalls) continue;
      const [needs, requested, reserved] = [least[kind] ?? 0, most[kind] ?? 0, held[kind] ?? 0];
      const used = exact(account[period][kind], kind);
      if (used >= limit || exact(used + needs, kind) > limit)
        return { kind: 'over', over: { scope: of, period, kind, limit, used, needs } };
      const room = exact(limit - used - reserved, kind);
      if (room >= exact(requested, kind)) continue;
      if (room < exact(needs, kind) || (reserved > 0 && exact(used + requested, kind) <= limit)) isBusy = true;
      granted[kind] = Math.min(granted[kind] ?? 0, room);
    }
  }
  return isBusy ? { kind: 'busy' } : { kind: 'granted', granted };
}

/** The first budget that is spent, or that does not cover `needs` even when no request is under way. */
export function computeOverrun(
  account: Account,
  { of, limits }: { readonly of: Holder['of']; readonly limits: Limits },
  needs: Amounts = noAmounts,
): BudgetOverrun | undefined {
  const room = roomFor({ ...account, open: [] }, { of, limits }, { least: needs, most: needs });
  return room.kind === 'over' ? room.over : undefined;
}

/** The same with what was used in addition. */
export function withUsed(account: Account, used: Amounts): Account {
  const more = (before: Account['day']) => {
    const sum = addAmounts(before, used);
    return { ...sum, cost: exact(sum.cost, 'cost'), toolCalls: Math.max(0, sum.toolCalls) };
  };
  return { ...account, day: more(account.day), month: more(account.month) };
}

/** The same, with at least what the logs of its sessions say. */
export function withLogged(account: Account, logged: Readonly<Record<Period, Amounts>>): Account {
  const most = (period: Period) => ({
    ...account[period],
    tokens: Math.max(account[period].tokens, logged[period].tokens),
    cost: Math.max(account[period].cost, logged[period].cost),
  });
  return { ...account, day: most('day'), month: most('month') };
}
