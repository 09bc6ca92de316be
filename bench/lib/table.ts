import type { Metric, Series } from './result.ts';

export const columns = ['row', 'variant', 'ratio', '95 % interval', 'target', 'verdict'] as const;

const short = (value: number) => (value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(2) : value.toFixed(3));

/** A metric as cells of the table. */
export function cells({ id, variant, ratio, target, verdict, reason }: Metric): string[] {
  const of = Object.entries(variant).map(([name, value]) => `${name}=${value}`);
  const least = target.min === undefined ? 'none' : `>= ${target.min}`;
  const bound = target.max === undefined ? least : `<= ${target.max}`;
  return [
    id,
    [...of, ...(ratio ? [ratio.stat] : [])].join(' '),
    ratio ? short(ratio.median) : '',
    ratio ? `${short(ratio.ci95[0])} to ${short(ratio.ci95[1])}` : '',
    target.grace === undefined ? bound : `${bound} + ${target.grace} ms`,
    reason === '' ? verdict : `${verdict}: ${reason}`,
  ];
}

/** A series as a table: a line for each point, then one for each rule. */
export function seriesTable({ along, x, y, rules }: Series): string[][] {
  const points = x.map((at, n) => [String(at), ...Object.values(y).map((values) => short(values[n] ?? Number.NaN))]);
  const judged = rules.map(({ says, isMet, found }) => [isMet ? 'met' : 'missed', says, found]);
  return [[along, ...Object.keys(y)], ...points, ...judged];
}

export function markdownTable([head = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (row: readonly string[]) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const bars = '▁▂▃▄▅▆▇█';

/** One character a value, scaled from the smallest to the largest; all the same when the values are equal. */
export function trend(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const step = (value: number) =>
    most > least ? Math.round(((value - least) / (most - least)) * (bars.length - 1)) : 0;
  return values.map((value) => bars[step(value)]).join('');
}
