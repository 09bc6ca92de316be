import { z } from 'zod';

/** `compaction`: a conversation summary for the model. `grade`: grading of a goal. */
export const ModelCallPurpose = z.enum(['plan', 'work', 'answer', 'compaction', 'grade']);
export type ModelCallPurpose = z.infer<typeof ModelCallPurpose>;

const Part = z.object({ turns: z.int(), tokens: z.int(), cost: z.number() });
export const EstimatedUsage = z.object({ tokens: z.int(), cost: z.number() });
export type EstimatedUsage = z.infer<typeof EstimatedUsage>;

/** Costs are in the price list's currency; calls without a known price are free. */
export const Spending = Part.extend({
  inputTokens: z.int(),
  outputTokens: z.int(),
  cachedTokens: z.int(),
  /** Milliseconds, excluding time spent waiting for a user. */
  ms: z.number(),
  by: z.partialRecord(ModelCallPurpose, Part),
  /** Finished calls, whether they succeeded or not. Absent if there were none. */
  toolCalls: z.int().optional(),
  /** The estimate added for missing or implausible counts. Absent if all counts were accepted. */
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

/** `cost`: the sum of the known costs. `unpriced`: turns without a known cost. */
export const noUsage = { turns: 0, inputTokens: 0, cachedTokens: 0, outputTokens: 0, cost: 0, unpriced: 0 };

/** Adds the amounts that both objects contain. Other fields of `sum` stay unchanged. */
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

export const BudgetOverrun = z.object({
  /** `person`: the owner. `server`: all sessions. `member`: the owner has lost access to the project. */
  scope: z.enum(['run', 'session', 'person', 'project', 'server', 'member']),
  /** In the settings' time zone. Only for `person`, `project` and `server`, and absent for `runningRuns`. */
  period: z.enum(['day', 'month']).optional(),
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

/** Absent fields set no limit. */
export const BudgetSpec = z.object({
  turns: z.int().optional(),
  tokens: z.int().optional(),
  /** In the price list's currency. */
  cost: z.number().optional(),
  toolCalls: z.int().optional(),
  /** Working time in ms. */
  ms: z.number().optional(),
  /** Only a change to the budget lets the run continue; a user's answer does not. */
  hard: z.literal(true).optional(),
});
export type BudgetSpec = z.infer<typeof BudgetSpec>;
