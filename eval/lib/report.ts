import { z } from 'zod';
import { formatPlainTable } from '../../src/core/text/plain-table.ts';

export const TaskOutcome = z.object({
  task: z.string(),
  attempt: z.int(),
  passed: z.boolean(),
  reward: z.number(),
  status: z.string(),
  /** Why the attempt failed: the end of the checker's output, or an error. */
  why: z.string(),
  seconds: z.number(),
  turns: z.int(),
  inputTokens: z.int(),
  cachedTokens: z.int(),
  outputTokens: z.int(),
  /** In the price list's currency. Null if the model's price is unknown. */
  cost: z.number().nullable(),
});
export type TaskOutcome = z.infer<typeof TaskOutcome>;
export const EvalReport = z.object({
  schema: z.literal('corral-eval/1'),
  model: z.string(),
  driver: z.string(),
  startedAt: z.iso.datetime(),
  outcomes: z.array(TaskOutcome),
});
export type EvalReport = z.infer<typeof EvalReport>;

const sum = (outcomes: readonly TaskOutcome[], of: (it: TaskOutcome) => number): number =>
  outcomes.reduce((all, it) => all + of(it), 0);
const costOf = (outcomes: readonly TaskOutcome[]): number | null =>
  outcomes.some(({ cost }) => cost === null) ? null : sum(outcomes, ({ cost }) => cost ?? 0);
const shownCost = (cost: number | null): string => (cost === null ? '-' : cost.toFixed(4));

function summary(outcomes: readonly TaskOutcome[]) {
  const passed = outcomes.filter((it) => it.passed).length;
  return {
    passed,
    attempts: outcomes.length,
    cost: costOf(outcomes),
    turns: sum(outcomes, (it) => it.turns),
    input: sum(outcomes, (it) => it.inputTokens),
    output: sum(outcomes, (it) => it.outputTokens),
    seconds: sum(outcomes, (it) => it.seconds),
  };
}
const namesIn = (outcomes: readonly TaskOutcome[]): string[] =>
  [...new Set(outcomes.map(({ task }) => task))].toSorted();

export function formatReport({ outcomes }: EvalReport): string {
  const row = (name: string, some: readonly TaskOutcome[]) => {
    const { passed, attempts, turns, input, output, cost, seconds } = summary(some);
    const numbers = [turns, input, output].map(String);
    return [name, `${passed}/${attempts}`, ...numbers, shownCost(cost), seconds.toFixed(1)];
  };
  const head = ['task', 'passed', 'turns', 'input', 'output', 'cost', 'seconds'];
  const rows = namesIn(outcomes).map((name) => row(name, ofTask(outcomes, name)));
  return formatPlainTable([head, ...rows, row('all', outcomes)]);
}

export function formatComparison(a: EvalReport, b: EvalReport): string {
  const names = namesIn([...a.outcomes, ...b.outcomes]);
  const row = (name: string, one: readonly TaskOutcome[], other: readonly TaskOutcome[]) => {
    const [x, y] = [summary(one), summary(other)];
    const both = (of: (it: typeof x) => string): string =>
      `${x.attempts === 0 ? '-' : of(x)} -> ${y.attempts === 0 ? '-' : of(y)}`;
    return [
      name,
      both(({ passed, attempts }) => `${passed}/${attempts}`),
      both(({ turns }) => String(turns)),
      both(({ input, output }) => String(input + output)),
      both(({ cost }) => shownCost(cost)),
      both(({ seconds }) => seconds.toFixed(1)),
      verdictOn(x, y),
    ];
  };
  const head = ['task', 'passed', 'turns', 'tokens', 'cost', 'seconds', ''];
  const rows = names.map((name) => row(name, ofTask(a.outcomes, name), ofTask(b.outcomes, name)));
  return formatPlainTable([
    [`${a.model} (${a.driver}) -> ${b.model} (${b.driver})`],
    head,
    ...rows,
    row('all', a.outcomes, b.outcomes),
  ]);
}

const ofTask = (outcomes: readonly TaskOutcome[], name: string) => outcomes.filter(({ task }) => task === name);
type Summary = ReturnType<typeof summary>;
function verdictOn(a: Summary, b: Summary): string {
  if (a.attempts === 0 || b.attempts === 0) return 'only one has it';
  const change = b.passed / b.attempts - a.passed / a.attempts;
  return change > 0 ? 'better' : change < 0 ? 'worse' : '';
}
