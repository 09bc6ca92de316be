/** The limits of a person or a project, in the order in which they are shown. */
export const budgetLimits = [
  'tokensPerDay',
  'costPerDay',
  'toolCallsPerDay',
  'tokensPerMonth',
  'costPerMonth',
  'toolCallsPerMonth',
] as const;
export type BudgetLimit = (typeof budgetLimits)[number];

/** A value for each of the limits. */
export const forEachLimit = <Value>(make: (limit: BudgetLimit) => Value): Record<BudgetLimit, Value> =>
  Object.fromEntries(budgetLimits.map((limit) => [limit, make(limit)])) as Record<BudgetLimit, Value>;
