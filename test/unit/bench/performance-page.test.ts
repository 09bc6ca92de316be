import { expect, test } from 'vitest';
import { type Measured, performancePage, withMeasured } from '../../../bench/lib/performance-page.ts';
import { seriesPlot, targetsPlot } from '../../../bench/lib/plot.ts';
import type { Metric, Series } from '../../../bench/lib/result.ts';

const metric: Metric = {
  ...{ id: 'P07', variant: { subscribers: 100 }, unit: 'ms', better: 'lower' },
  ratio: { stat: 'p50', median: 3, ci95: [2, 4], hodgesLehmann: 3, rounds: 5, voided: 0 },
  ...{ target: { max: 1.5, level: 'lead' }, verdict: 'fail', reason: '' },
};
const { ratio: _none, ...bare } = metric;
const curve: Series = {
  ...{ id: 'idle', title: 'Idle & more', along: 'sessions', x: [1, 100], y: { heapKiB: [10, 20] }, fits: {} },
  ...{ rules: [{ says: 'it is flat', isMet: false, found: '2.00' }], command: 'npm run bench -- --series idle' },
};
const host = {
  cpu: 'CPU',
  cores: 2,
  memGiB: 24,
  kernel: '6',
  node: 'v24',
  engine: '28',
  runtime: 'runc',
  cgroup: 2,
  steal: 0,
};
const commit = 'abcdef0123456789';
const newest = {
  schema: 'corral-bench/1',
  commit,
  dirty: false,
  mode: 'full',
  seed: 1,
  host,
  metrics: [metric],
  series: [],
} as const;
const measured = (metrics: readonly Metric[]): Measured => ({
  newest: { ...newest, metrics: [...metrics], series: [] },
  metrics: metrics.map((one) => ({ ...one, commit })),
  series: [{ ...curve, commit }],
  trendOf: () => '▁█',
});

test('the page names the machine, the command of each series and what was missed', () => {
  const { text, plots } = performancePage(measured([metric]));
  expect(text).toContain('2 × CPU, 24 GiB');
  expect(text).toContain('- P07 subscribers=100 p50: 3.00, target <= 1.5');
  expect(text).toContain('- **missed**: it is flat (2.00)');
  expect(text).toContain('`npm run bench -- --series idle`, commit abcdef0');
  expect([...plots.keys()]).toEqual(['targets.svg', 'idle.svg']);
});

test('a row that could not be measured is listed with its reason', () => {
  const { text } = performancePage(measured([{ ...bare, verdict: 'skipped', reason: 'no Docker engine answers' }]));
  expect(text).toContain('- P07 subscribers=100: no Docker engine answers');
});

test('a figure beyond its target is right of the line, and one within is left of it', () => {
  const circleOf = (median: number) => {
    const ratio = { ...(metric.ratio as NonNullable<Metric['ratio']>), median };
    return Number(/<circle cx="([\d.]+)"/.exec(targetsPlot([{ ...metric, ratio }]))?.[1]);
  };
  expect(circleOf(3)).toBeGreaterThan(circleOf(1.5));
  expect(circleOf(0.5)).toBeLessThan(circleOf(1.5));
});

test('a speed below its minimum is right of the line too', () => {
  const ratio = { ...(metric.ratio as NonNullable<Metric['ratio']>), median: 0.5 };
  const slow: Metric = { ...metric, target: { min: 1, level: 'lead' }, ratio };
  const middle = { ...slow, ratio: { ...ratio, median: 1 } };
  const at = (one: Metric) => Number(/<circle cx="([\d.]+)"/.exec(targetsPlot([one]))?.[1]);
  expect(at(slow)).toBeGreaterThan(at(middle));
});

test('a plot escapes its texts and has a point for each value', () => {
  const svg = seriesPlot(curve);
  expect(svg).toContain('Idle &amp; more');
  expect(svg.match(/<circle/g)).toHaveLength(2);
});

test('the figures come before the sections that people wrote, and replace only the earlier figures', () => {
  const page = '# Performance\n\nWords.\n\n## One\n\nFirst.\n\n## Two\n\nSecond.\n';
  const once = withMeasured(page, '## The newest run\n\nold\n');
  expect(once).toBe(page.replace('## One', '## The newest run\n\nold\n\n## One'));
  const later = `${once}\n## Three\n\nThird.\n`;
  expect(withMeasured(later, '## The newest run\n\nnew\n')).toBe(later.replace('old', 'new'));
});
