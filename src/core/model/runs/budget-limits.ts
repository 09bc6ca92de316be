/** The limits of a person, a project or the server for a period, in the order in which they are shown. */
export const periodLimits = [
  'tokensPerDay',
  'costPerDay',
  'toolCallsPerDay',
  'tokensPerMonth',
  'costPerMonth',
  'toolCallsPerMonth',
] as const;
export type PeriodLimit = (typeof periodLimits)[number];
/** Limits on simultaneous use. An amount is released when its session, run, sandbox, snapshot or volume is gone. */
export const heldLimits = ['sessions', 'runningRuns', 'cpus', 'memoryBytes', 'diskBytes', 'snapshots'] as const;
export type HeldLimit = (typeof heldLimits)[number];
export type HeldAmounts = { readonly [Limit in HeldLimit]?: number | undefined };
export const budgetLimits = [...periodLimits, ...heldLimits] as const;
export type BudgetLimit = PeriodLimit | HeldLimit;

/** Builds an object with a value for each limit. */
export const mapLimits = <Value>(make: (limit: BudgetLimit) => Value): Record<BudgetLimit, Value> =>
  Object.fromEntries(budgetLimits.map((limit) => [limit, make(limit)])) as Record<BudgetLimit, Value>;
