import { z } from 'zod';

/** The purpose of a model call. `compaction`: a summary of the conversation for the model itself. `grade`: grading of a goal. */
export const ModelCallPurpose = z.enum(['plan', 'work', 'answer', 'compaction', 'grade']);
export type ModelCallPurpose = z.infer<typeof ModelCallPurpose>;

const Part = z.object({ turns: z.int(), tokens: z.int(), cost: z.number() });
/** The amounts that budgets add when a provider's count is missing or far too small. */
export const EstimatedUsage = z.object({ tokens: z.int(), cost: z.number() });
export type EstimatedUsage = z.infer<typeof EstimatedUsage>;

/**
 * The amounts that a run or a session has used so far. Costs are in the price list's currency; a call without a known price costs
 * nothing.
 */
export const Spending = Part.extend({
  inputTokens: z.int(),
  outputTokens: z.int(),
  cachedTokens: z.int(),
  /** Working time in ms, excluding time spent waiting for a person. */
  ms: z.number(),
  by: z.partialRecord(ModelCallPurpose, Part),
  /** The agent's finished tool calls, whether they succeeded or not. Absent: none. */
  toolCalls: z.int().optional(),
  /** Amounts added for missing or implausible counts. Absent: every call's count was accepted. */
  assumed: EstimatedUsage.optional(),
});
export type Spending = z.infer<typeof Spending>;

export const noSpending: Spending = {
  turns: 0,
  tokens: 0,
  inputTokens: 0,
  outputTokens: 0,
  cachedTokens: 0,
  cost: 0,
  ms: 0,
  by: {},
};

interface ModelUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens?: number | undefined;
  readonly cost?: number | undefined;
  readonly purpose?: ModelCallPurpose | undefined;
  readonly assumed?: EstimatedUsage | undefined;
}

/** Zero usage, the start of a sum. `cost`: the sum of the known costs; `unpriced`: the number of turns whose cost is unknown. */
export const noUsage = { turns: 0, inputTokens: 0, cachedTokens: 0, outputTokens: 0, cost: 0, unpriced: 0 };

/** Adds `more` to each amount in `sum`. Other fields of `sum` stay unchanged, and amounts that are only in `more` are ignored. */
export const addAmounts = <Sum extends object>(
  sum: Sum,
  more: { readonly [Kind in keyof Sum]?: Sum[Kind] | undefined },
): Sum => {
  const total = { ...sum };
  for (const kind of Object.keys(sum) as (keyof Sum)[]) {
    const [amount, added] = [sum[kind], more[kind]];
    if (typeof amount === 'number' && typeof added === 'number') total[kind] = (amount + added) as Sum[keyof Sum];
  }
  return total;
};

export function addUsage(spending: Spending, used: ModelUsage): Spending {
  const { inputTokens, outputTokens, cachedTokens = 0, cost = 0, purpose = 'work' } = used;
  const part = spending.by[purpose] ?? { turns: 0, tokens: 0, cost: 0 };
  const call = { turns: 1, tokens: inputTokens + outputTokens, cost };
  return {
    ...addAmounts(spending, { ...call, inputTokens, outputTokens, cachedTokens }),
    by: { ...spending.by, [purpose]: addAmounts(part, call) },
    ...(used.assumed && { assumed: addAmounts(spending.assumed ?? { tokens: 0, cost: 0 }, used.assumed) }),
  };
}

export const addToolCall = (spending: Spending): Spending => ({
  ...spending,
  toolCalls: (spending.toolCalls ?? 0) + 1,
});

export const WaitReason = z.enum(['question', 'approval', 'budget', 'stuck', 'empty']);
export type WaitReason = z.infer<typeof WaitReason>;

/** The budget that cannot cover the next model request or tool call. `needs`: the minimum amount required. */
export const BudgetOverrun = z.object({
  /**
   * `person`, `project` and `server`: the budget of the session's owner, of its project, or of all sessions. `member`: not a
   * budget; the owner can no longer work in the project.
   */
  scope: z.enum(['run', 'session', 'person', 'project', 'server', 'member']),
  /** The period of a `person`, `project` or `server` budget, in the time zone of the settings; absent for `runningRuns`. */
  period: z.enum(['day', 'month']).optional(),
  /** `runningRuns`: the maximum number of concurrent runs is reached. */
  kind: z.enum(['turns', 'tokens', 'cost', 'toolCalls', 'time', 'runningRuns']),
  limit: z.number(),
  used: z.number(),
  needs: z.number(),
  /** Only a change to the session's budget lets the run continue. */
  hard: z.literal(true).optional(),
});
export type BudgetOverrun = z.infer<typeof BudgetOverrun>;

export const toBudgetAmounts = ({ turns, tokens, cost, toolCalls = 0, assumed }: Spending) => ({
  ...{ turns, toolCalls },
  ...{ tokens: tokens + (assumed?.tokens ?? 0), cost: cost + (assumed?.cost ?? 0) },
});

/** The limits of a run, or of all runs of a session together. An absent field sets no limit. */
export const BudgetSpec = z.object({
  turns: z.int().optional(),
  tokens: z.int().optional(),
  /** In the currency of the price list. */
  cost: z.number().optional(),
  toolCalls: z.int().optional(),
  /** Working time in ms. */
  ms: z.number().optional(),
  /** A person's answer does not renew the limits: a run that reaches a limit waits until the budget is changed. */
  hard: z.literal(true).optional(),
});
export type BudgetSpec = z.infer<typeof BudgetSpec>;
