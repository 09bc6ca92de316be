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
export const concurrentLimits = ['sessions', 'runningRuns', 'cpus', 'memoryBytes', 'diskBytes', 'snapshots'] as const;
export type ConcurrentLimit = (typeof concurrentLimits)[number];
export type ConcurrentAmounts = { readonly [Limit in ConcurrentLimit]?: number | undefined };
export const budgetLimits = [...periodLimits, ...concurrentLimits] as const;
export type BudgetLimit = PeriodLimit | ConcurrentLimit;

export const mapBudgetLimits = <Value>(make: (limit: BudgetLimit) => Value): Record<BudgetLimit, Value> =>
  Object.fromEntries(budgetLimits.map((limit) => [limit, make(limit)])) as Record<BudgetLimit, Value>;
