import type { Inputs, Outputs } from '../../../client/types.ts';
import { budgetLimits } from '../../../core/model/runs/budget-limits.ts';
import { type CliCommand, jsonOption } from '../../command.ts';
import { exitCodes, UsageError } from '../../exit-codes.ts';
import { oneLine } from '../../io.ts';

type Budget = Outputs['budgets']['list'][number];
type Change = Inputs['budgets']['change'];

const words = {
  tokensPerDay: 'tokens/day',
  costPerDay: 'cost/day',
  toolCallsPerDay: 'tool calls/day',
  tokensPerMonth: 'tokens/month',
  costPerMonth: 'cost/month',
  toolCallsPerMonth: 'tool calls/month',
};

/** Parses a number, `unlimited`, or `default` (null: from the settings). */
function parseLimit(option: string, value: string): number | 'unlimited' | null {
  if (value === 'unlimited') return value;
  if (value === 'default') return null;
  const limit = Number(value);
  if (value.trim() === '' || !Number.isFinite(limit) || limit < 0)
    throw new UsageError(`${option} must be a number, unlimited, or default.`);
  return limit;
}

const nameOf = ({ of, id, name }: Budget): string => `${of} ${name || id || '(without a key)'}`;

function formatLine(budget: Budget): string {
  const parts = budgetLimits.flatMap((one) => {
    const { limit, used, reserved } = budget[one];
    if (limit === null && used === 0) return [];
    const shown = (amount: number) => (one.startsWith('cost') ? amount.toFixed(4) : String(amount));
    const held = reserved > 0 ? ` (+${shown(reserved)} reserved)` : '';
    return [`${words[one]} ${shown(used)}${held} of ${limit === null ? 'no limit' : shown(limit)}`];
  });
  return `${oneLine(nameOf(budget), 40).padEnd(32)}  ${parts.join('  ')}`;
}

/** Shows and changes what people and projects can use. */
export const budgetCommand: CliCommand = {
  name: 'budget',
  args: [
    ['[holder]', 'person or project; without one: shows all budgets that you see'],
    ['[id]', 'its name or id'],
  ],
  about: 'shows what people and projects can use per day and per month; administrators set the limits',
  options: [
    ['--tokens-per-day <limit>', 'a number, unlimited, or default (from the settings)'],
    ['--cost-per-day <limit>', 'the same, in the currency of the price list'],
    ['--tool-calls-per-day <limit>', 'the same, in tool calls of agents'],
    ['--tokens-per-month <limit>', 'the same for a month'],
    ['--cost-per-month <limit>', 'the same for a month'],
    ['--tool-calls-per-month <limit>', 'the same for a month'],
    jsonOption,
  ],
  examples: [
    'corral budget',
    'corral budget person ada --tokens-per-day 2000000',
    'corral budget project web --cost-per-month default',
  ],
  async run({ args: [of, word], options, io, corral }) {
    const server = corral();
    const isJson = options.flag('json');
    const print = (budget: Budget) => io.print(isJson ? JSON.stringify(budget) : formatLine(budget));
    const all = await server.call((api) => api.budgets.list.query());
    if (of === undefined) {
      all.forEach(print);
      if (all.length === 0 && !isJson) io.say('Nothing was used in this month, and there is no limit.');
      return exitCodes.ok.code;
    }
    if (of !== 'person' && of !== 'project') throw new UsageError(`${of} is neither person nor project.`);
    if (word === undefined) throw new UsageError(`Name the ${of}: corral budget ${of} <name or id>`);
    const named = all.filter((one) => one.of === of && (one.id === word || one.name === word));
    if (named.length > 1) throw new UsageError(`There are several ${word}. Name one by its id: corral budget --json`);
    const id = named[0]?.id ?? word;
    const change: { -readonly [Name in keyof Change]: Change[Name] } = { of, id };
    for (const one of budgetLimits) {
      const value = options.text(one);
      if (value !== undefined) change[one] = parseLimit(one, value);
    }
    const isChange = Object.keys(change).length > 2;
    print(
      await server.call((api) => (isChange ? api.budgets.change.mutate(change) : api.budgets.get.query({ of, id }))),
    );
    return exitCodes.ok.code;
  },
};
