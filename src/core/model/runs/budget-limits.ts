export const periodLimits = [
  'tokensPerDay',
  'costPerDay',
  'toolCallsPerDay',
  'tokensPerMonth',
  'costPerMonth',
  'toolCallsPerMonth',
] as const;
export type PeriodLimit = (typeof periodLimits)[number];
export const concurrencyLimits = ['sessions', 'runningRuns', 'cpus', 'memoryBytes', 'diskBytes', 'snapshots'] as const;
export type ConcurrencyLimit = (typeof concurrencyLimits)[number];
export type ConcurrentAmounts = { readonly [Limit in ConcurrencyLimit]?: number | undefined };
export const budgetLimits = [...periodLimits, ...concurrencyLimits] as const;
export type BudgetLimit = PeriodLimit | ConcurrencyLimit;

export const mapBudgetLimits = <Value>(make: (limit: BudgetLimit) => Value): Record<BudgetLimit, Value> =>
  Object.fromEntries(budgetLimits.map((limit) => [limit, make(limit)])) as Record<BudgetLimit, Value>;
