import type { Outputs } from '../../../client/types.ts';
import { maxUsageGroups, readAllUsageGroups, usageDimensions } from '../../../core/model/runs/usage-report.ts';
import { type CliCommand, jsonOption, UsageError } from '../../command.ts';
import { toOneLine } from '../../io.ts';

type Group = Outputs['usage']['report']['groups'][number];
const dayMs = 86_400_000;

const formatCost = ({ cost, unpriced }: Pick<Group, 'cost' | 'unpriced'>): string =>
  `${cost.toFixed(4)}${unpriced > 0 ? ` + ${unpriced} turns without a known price` : ''}`;

const byDay = ({ name, days }: Group) =>
  days.map(({ day, ...sums }) => ({ name: `${day}  ${name || '(none)'}`, ...sums }));

export const usageCommand: CliCommand = {
  name: 'usage',
  args: [],
  about: 'shows turns, tokens and cost over days, by person, model, project, session or day',
  options: [
    ['--by <what>', 'person, model, project, session or day; default model'],
    ['--days <days>', 'the number of days, 1 to 366; default 30'],
    ['--daily', 'splits each group by day'],
    jsonOption,
  ],
  examples: [
    'corral usage',
    'corral usage --by person --days 7',
    'corral usage --by project --daily',
    'corral usage --by day --json',
  ],
  async run({ options, io, corral }) {
    const by = usageDimensions.find((one) => one === (options.text('by') ?? 'model'));
    if (by === undefined) throw new UsageError(`--by must be one of ${usageDimensions.join(', ')}.`);
    const days = Number(options.text('days') ?? 30);
    if (!Number.isInteger(days) || days < 1 || days > 366)
      throw new UsageError('--days must be a number from 1 to 366.');
    const now = Date.now();
    const day = (at: number) => new Date(at).toISOString().slice(0, 10);
    const range = {
      from: day(now - (days - 1) * dayMs),
      to: day(now),
      by,
      dailyGroups: options.flag('daily') ? maxUsageGroups : 0,
    };
    const report = await readAllUsageGroups((cursor) =>
      corral().call((api) => api.usage.report.query({ ...range, cursor })),
    );
    if (options.flag('json')) return io.print(JSON.stringify(report));
    if (report.groups.length === 0) io.say('No model was used in this period.');
    else io.print(`${'in'.padStart(12)}  ${'out'.padStart(12)}  ${'turns'.padStart(6)}  ${by.padEnd(32)}  cost`);
    const groups = options.flag('daily') ? report.groups.flatMap(byDay) : report.groups;
    for (const group of [...groups, ...(report.groups.length > 1 ? [{ name: 'total', ...report.total }] : [])]) {
      const { inputTokens, outputTokens, turns } = group;
      const numbers = [String(inputTokens).padStart(12), String(outputTokens).padStart(12), String(turns).padStart(6)];
      io.print(`${numbers.join('  ')}  ${toOneLine(group.name || '(none)', 60).padEnd(32)}  ${formatCost(group)}`);
    }
  },
};
