/** The limits of a person, a project or the server for a time, in the order in which they are shown. */
export const periodLimits = [
  'tokensPerDay',
  'costPerDay',
  'toolCallsPerDay',
  'tokensPerMonth',
  'costPerMonth',
  'toolCallsPerMonth',
] as const;
export type PeriodLimit = (typeof periodLimits)[number];
/** The limits of amounts that a holder has at one time: an amount is free again once a session, run, sandbox, snapshot or volume ends. */
export const heldLimits = ['sessions', 'runningRuns', 'cpus', 'memoryBytes', 'diskBytes', 'snapshots'] as const;
export type HeldLimit = (typeof heldLimits)[number];
export type HeldAmounts = { readonly [Limit in HeldLimit]?: number | undefined };
export const budgetLimits = [...periodLimits, ...heldLimits] as const;
export type BudgetLimit = PeriodLimit | HeldLimit;

/** A value for each of the limits. */
export const forEachLimit = <Value>(make: (limit: BudgetLimit) => Value): Record<BudgetLimit, Value> =>
  Object.fromEntries(budgetLimits.map((limit) => [limit, make(limit)])) as Record<BudgetLimit, Value>;
