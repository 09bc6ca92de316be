import type { Attempt, AttemptResult } from '../../core/model/runs/attempts.ts';

const goalRank = { satisfied: 2, could_not_be_judged: 1, not_satisfied: 0 } as const;

/** The measures of a completed attempt, the weightiest first; more is better. */
const measuresOf = ({ goal, score, checks, cost, tokens }: AttemptResult): readonly number[] => [
  goal ? goalRank[goal.result] : 1,
  checks.filter(({ result }) => result === 'passed').length,
  score ?? -1,
  -cost,
  -tokens,
];

/** The attempt that did best by goal, checks, score and cost; null: none has completed. */
export function bestOf(attempts: readonly Attempt[]): number | null {
  const completed = attempts.filter(({ result, isDeleted }) => result?.status === 'completed' && !isDeleted);
  const [best] = completed
    .map(({ n, result }) => ({ n, measures: measuresOf(result as AttemptResult) }))
    .sort((a, b) => {
      const at = a.measures.findIndex((one, k) => one !== b.measures[k]);
      return at < 0 ? a.n - b.n : (b.measures[at] ?? 0) - (a.measures[at] ?? 0);
    });
  return best?.n ?? null;
}
