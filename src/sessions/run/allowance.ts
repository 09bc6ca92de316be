import type { RemainingBudget, RemainingCalls, RunSpending, TurnResult } from '../../../machines/run.ts';
import { addSpent } from '../../../machines/run-rules.ts';
import type { Model } from '../../agents/models/model.ts';
import type { BudgetOverrun } from '../../core/model/spending.ts';
import type { TokenMeter } from './context/meter.ts';

/** The limits of a whole session, over all of its runs. An absent limit is no limit. */
export interface SessionBudget {
  readonly turns?: number | undefined;
  readonly tokens?: number | undefined;
  readonly cost?: number | undefined;
  readonly toolCalls?: number | undefined;
  readonly ms?: number | undefined;
}
export type RemainingSessionBudget = Partial<Readonly<Record<keyof SessionBudget, RemainingAmount>>>;
export interface RemainingAmount {
  readonly limit: number;
  readonly used: number;
  /** No answer grants it again. */
  readonly hard?: true;
}

/** The budgets that the next request has to fit. */
export interface Allowance {
  readonly run: RemainingBudget | undefined;
  /** The session's remaining budget. Undefined: no budget, or a user has just granted more. */
  readonly session: () => RemainingSessionBudget | undefined;
}

/** The smaller one of each limit. */
export function leastBudget(
  one: SessionBudget | undefined,
  other: SessionBudget | undefined,
): SessionBudget | undefined {
  if (!one || !other) return one ?? other;
  const least = (kind: keyof SessionBudget) => {
    const limits = [one[kind], other[kind]].filter((limit) => limit !== undefined);
    return limits.length === 0 ? {} : { [kind]: Math.min(...limits) };
  };
  return { ...least('turns'), ...least('tokens'), ...least('cost'), ...least('toolCalls'), ...least('ms') };
}

/** The smaller of two remaining budgets, for each kind. */
export function leastLeft(
  one: RemainingSessionBudget | undefined,
  other: RemainingSessionBudget | undefined,
): RemainingSessionBudget | undefined {
  if (!one || !other) return one ?? other;
  const least = (kind: keyof SessionBudget) => {
    const rests = [one[kind], other[kind]].flatMap((rest) => (rest ? [rest] : []));
    const [first, second] = rests;
    const found = first && second && second.limit - second.used < first.limit - first.used ? second : first;
    return found ? { [kind]: found } : {};
  };
  return { ...least('turns'), ...least('tokens'), ...least('cost'), ...least('toolCalls'), ...least('ms') };
}

/** The remaining budget after some was spent. */
export const subtractSpending = (left: RemainingBudget | undefined, spent: RunSpending): RemainingBudget | undefined =>
  left &&
  Object.fromEntries(
    Object.entries(left).map(([kind, { limit, used }]) => [
      kind,
      { limit, used: used + spent[kind as keyof RunSpending] },
    ]),
  );

/** The result of a turn that had spent something before. */
export const addSpending = (result: TurnResult, before: RunSpending): TurnResult =>
  'spent' in result ? { ...result, spent: addSpent(before, result.spent) } : result;

/** The needs of a request of so many bytes: estimated tokens, the model's usual reply, and its price. */
export function estimateNeeds(model: Model, meter: TokenMeter, bytes: number): RunSpending {
  const inputTokens = meter.tokens(model.name, bytes);
  const { outputTokens, cachedShare } = meter.habits(model.name);
  const usage = { inputTokens, outputTokens, cachedTokens: Math.floor(inputTokens * cachedShare) };
  return { turns: 1, tokens: inputTokens + outputTokens, cost: model.costOf?.(usage) ?? 0 };
}

/**
 * The tokens of the dearest reply that the budgets cover after a request of so many tokens, at least 1. Undefined: no budget
 * limits it.
 */
export function affordableReply(
  { run, session }: Allowance,
  { model, inputTokens }: { readonly model: Model; readonly inputTokens: number },
  { spent, unwritten }: { readonly spent: RunSpending; readonly unwritten: RunSpending },
): number | undefined {
  const probe = 1_000;
  const input = model.costOf?.({ inputTokens, outputTokens: 0 }) ?? 0;
  const perToken = ((model.costOf?.({ inputTokens, outputTokens: probe }) ?? 0) - input) / probe;
  const rooms = [
    { rest: run, used: spent },
    { rest: session(), used: unwritten },
  ].flatMap(({ rest, used }) => [
    ...(rest?.tokens ? [rest.tokens.limit - rest.tokens.used - used.tokens - inputTokens] : []),
    ...(rest?.cost && perToken > 0 ? [(rest.cost.limit - rest.cost.used - used.cost - input) / perToken] : []),
  ]);
  return rooms.length === 0 ? undefined : Math.max(1, Math.floor(Math.min(...rooms)));
}

/** Whether a budget counts tokens or cost, so that the provider's count matters. */
export function countsUsage({ run, session }: Allowance): boolean {
  const whole = session();
  return [run?.tokens, run?.cost, whole?.tokens, whole?.cost].some((rest) => rest !== undefined);
}

/**
 * The first budget that does not cover a request with these needs. `unwritten`: what this turn has used and the session's
 * record does not have yet; `spent`: all that this turn has used.
 */
export function findBudgetOverrun(
  { run, session }: Allowance,
  needs: RunSpending,
  { spent, unwritten }: { readonly spent: RunSpending; readonly unwritten: RunSpending },
): BudgetOverrun | undefined {
  const own = run && { turns: run.turns, tokens: run.tokens, cost: run.cost };
  const whole = session();
  return (
    overAmong('run', own, { needs, used: spent }) ??
    overAmong('session', whole, { needs, used: unwritten }) ??
    overTime(whole?.ms)
  );
}

/** How many tool calls the budgets cover, and the one that covers no more. Undefined: no budget limits them. */
export function affordableCalls(
  run: RemainingCalls | undefined,
  session: RemainingSessionBudget | undefined,
): { readonly count: number; readonly over: BudgetOverrun } | undefined {
  const rests = [
    { scope: 'run' as const, rest: run },
    { scope: 'session' as const, rest: session?.toolCalls },
  ].flatMap(({ scope, rest }) => {
    if (!rest) return [];
    const count = Math.max(0, rest.limit - rest.used);
    const over = { scope, kind: 'toolCalls' as const, limit: rest.limit, used: rest.used + count, needs: 1 };
    return [{ count, over: 'hard' in rest && rest.hard ? { ...over, hard: rest.hard } : over }];
  });
  return rests.toSorted((a, b) => a.count - b.count)[0];
}

function overAmong(
  scope: BudgetOverrun['scope'],
  rests: Partial<Record<keyof RunSpending, RemainingAmount | undefined>> | undefined,
  { needs, used }: { readonly needs: RunSpending; readonly used: RunSpending },
): BudgetOverrun | undefined {
  for (const kind of ['turns', 'tokens', 'cost'] as const) {
    const rest = rests?.[kind];
    if (!rest) continue;
    const before = rest.used + used[kind];
    const isOver = before >= rest.limit || before + needs[kind] > rest.limit;
    if (isOver) {
      const over = { scope, kind, limit: rest.limit, used: before, needs: needs[kind] };
      return rest.hard ? { ...over, hard: rest.hard } : over;
    }
  }
  return undefined;
}

const overTime = (rest: RemainingAmount | undefined): BudgetOverrun | undefined =>
  rest && rest.used >= rest.limit
    ? {
        scope: 'session',
        kind: 'time',
        limit: rest.limit / 1_000,
        used: rest.used / 1_000,
        needs: 0,
        ...(rest.hard && { hard: rest.hard }),
      }
    : undefined;
