import type { BudgetOverrun, BudgetSpec } from '../spending.ts';

// All amounts are integers: costs in micro-units of the price list's currency, times in ms.

export type BudgetAmountKind = Exclude<BudgetOverrun['kind'], 'runningRuns'>;
export type BudgetAmounts = { readonly [Kind in BudgetAmountKind]?: number };
export type BudgetAmountOverrun = BudgetOverrun & { readonly kind: BudgetAmountKind };
export const zeroAmounts: BudgetAmounts = { turns: 0, tokens: 0, cost: 0, time: 0 };
export const singleToolCallAmounts: BudgetAmounts = { toolCalls: 1 };

export interface BudgetLine extends Pick<BudgetOverrun, 'scope' | 'period' | 'hard'> {
  readonly kind: BudgetAmountKind;
  readonly limit: number;
  readonly used: number;
  readonly reserved?: number;
}

/** Rounds up, so even a tiny cost counts. Ignores floating-point errors below half a billionth. */
export const toMicroCost = (cost: number): number => Math.ceil(Math.round(cost * 1e9) / 1e3);
export const fromMicroCost = (cost: number): number => cost / 1e6;
export const withMicroCost = <Of extends { readonly cost: number }>(of: Of): Of => ({
  ...of,
  cost: toMicroCost(of.cost),
});

interface BudgetSettings {
  readonly turnBudget?: number | undefined;
  readonly tokenBudget?: number | undefined;
  readonly costBudget?: number | undefined;
  readonly toolCallBudget?: number | undefined;
  readonly timeBudgetSeconds?: number | undefined;
}
export const readBudgetSettings = (settings: BudgetSettings): BudgetSpec =>
  toBudget({
    turns: settings.turnBudget,
    tokens: settings.tokenBudget,
    cost: settings.costBudget,
    toolCalls: settings.toolCallBudget,
    seconds: settings.timeBudgetSeconds,
  });

export function toBudget({
  seconds,
  ...limits
}: {
  readonly [Name in 'turns' | 'tokens' | 'cost' | 'toolCalls' | 'seconds']?: number | null | undefined;
}): BudgetSpec {
  const all = { ...limits, ms: seconds == null ? seconds : seconds * 1_000 };
  return Object.fromEntries(Object.entries(all).filter(([, limit]) => limit != null));
}

const kinds = ['turns', 'tokens', 'cost', 'toolCalls', 'time'] as const;
const limitNames = { turns: 'turns', tokens: 'tokens', cost: 'cost', toolCalls: 'toolCalls', time: 'ms' } as const;

export const toBudgetLines = (
  scope: BudgetOverrun['scope'],
  { hard, ...limits }: BudgetSpec,
  used: BudgetAmounts,
): readonly BudgetLine[] =>
  kinds.flatMap((kind) => {
    const limit = limits[limitNames[kind]];
    if (limit === undefined) return [];
    const whole = kind === 'cost' ? toMicroCost(limit) : limit;
    return [{ scope, kind, limit: whole, used: used[kind] ?? 0, ...(hard && { hard }) }];
  });

export const sortBudgetLines = (...lines: readonly BudgetLine[]): readonly BudgetLine[] =>
  lines.toSorted((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind) || roomIn(a) - roomIn(b));

export function minBudget(one: BudgetSpec = {}, other: BudgetSpec = {}): BudgetSpec {
  const all = Object.values(limitNames).flatMap((name) => {
    const limits = [one[name], other[name]].filter((limit) => limit !== undefined);
    return limits.length === 0 ? [] : [[name, Math.min(...limits)]];
  });
  return Object.fromEntries(all);
}

export const addUsedAmounts = (lines: readonly BudgetLine[], more: BudgetAmounts): readonly BudgetLine[] =>
  lines.map((line) => ({ ...line, used: line.used + (more[line.kind] ?? 0) }));

export const isLimitReached = ({ limit, used }: Pick<BudgetOverrun, 'limit' | 'used'>): boolean => used >= limit;

export const fitsLimit = (amount: number, { limit, used }: Pick<BudgetOverrun, 'limit' | 'used'>): boolean =>
  used + amount <= limit;

const roomIn = ({ limit, used, reserved = 0 }: BudgetLine): number => limit - used - reserved;

export function findOverrun(lines: readonly BudgetLine[], needs: BudgetAmounts): BudgetAmountOverrun | undefined {
  for (const { kind, limit, used, reserved: _, ...line } of lines) {
    const need = needs[kind];
    if (need === undefined || (!isLimitReached({ limit, used }) && fitsLimit(need, { limit, used }))) continue;
    const shown = (amount: number) =>
      kind === 'cost' ? fromMicroCost(amount) : kind === 'time' ? amount / 1_000 : amount;
    return { ...line, kind, limit: shown(limit), used: shown(used), needs: shown(need) };
  }
  return undefined;
}

export interface BudgetGrant {
  readonly granted: BudgetAmounts;
  readonly over: BudgetAmountOverrun | undefined;
  /** The request must wait for requests in progress. Meaningless if `over` is set. */
  readonly isBusy: boolean;
}

/** The request waits for others in progress if `least` does not fit with them, or if `most` fits only without them. */
export function computeBudgetGrant(
  lines: readonly BudgetLine[],
  { least, most }: { readonly least: BudgetAmounts; readonly most: BudgetAmounts },
): BudgetGrant {
  const granted: { -readonly [Kind in BudgetAmountKind]?: number } = { ...most };
  let isBusy = false;
  for (const line of lines) {
    const { kind, reserved = 0 } = line;
    const [needs, requested] = [least[kind], most[kind]];
    const room = roomIn(line);
    if (needs === undefined || requested === undefined || room >= requested) continue;
    if (room < needs || (reserved > 0 && fitsLimit(requested, line))) isBusy = true;
    granted[kind] = Math.min(granted[kind] ?? room, room);
  }
  return { granted, over: findOverrun(lines, least), isBusy };
}

export function countAffordableCalls(
  lines: readonly BudgetLine[],
  most = Number.MAX_SAFE_INTEGER,
): { readonly count: number; readonly over: BudgetOverrun | undefined } {
  const { granted } = computeBudgetGrant(lines, { least: singleToolCallAmounts, most: { toolCalls: most } });
  const count = Math.max(0, granted.toolCalls ?? 0);
  return {
    count,
    over: count < most ? findOverrun(addUsedAmounts(lines, { toolCalls: count }), singleToolCallAmounts) : undefined,
  };
}
