import type { Metric, Series } from './result.ts';

export const metricColumns = ['row', 'variant', 'ratio', '95 % interval', 'target', 'verdict'] as const;

const short = (value: number) => (value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(2) : value.toFixed(3));

type Ratio = NonNullable<Metric['ratio']>;
export interface TableMetric extends Pick<Metric, 'name' | 'variant' | 'target' | 'verdict' | 'reason'> {
  readonly ratio?: Pick<Ratio, 'stat' | 'median' | 'ci95'> | undefined;
}

export function toMetricCells({ name, variant, ratio, target, verdict, reason }: TableMetric): string[] {
  const variants = Object.entries(variant).map(([of, value]) => `${of}=${value}`);
  const least = target.min === undefined ? 'none' : `>= ${target.min}`;
  const bound = target.max === undefined ? least : `<= ${target.max}`;
  return [
    name,
    [...variants, ...(ratio ? [ratio.stat] : [])].join(' '),
    ratio ? short(ratio.median) : '',
    ratio ? `${short(ratio.ci95[0])} to ${short(ratio.ci95[1])}` : '',
    target.grace === undefined ? bound : `${bound} + ${target.grace} ms`,
    reason === '' ? verdict : `${verdict}: ${reason}`,
  ];
}

export function toSeriesRows({ along, x, y, rules }: Series): string[][] {
  const points = x.map((at, n) => [String(at), ...Object.values(y).map((values) => short(values[n] ?? Number.NaN))]);
  const judged = rules.map(({ says, isMet, found }) => [isMet ? 'met' : 'missed', says, found]);
  return [[along, ...Object.keys(y)], ...points, ...judged];
}

export function formatMarkdownTable([head = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (row: readonly string[]) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
