import { seriesPlot, targetsPlot } from './plot.ts';
import type { BenchResult, Metric, Series } from './result.ts';
import { cells, columns, markdownTable, seriesTable } from './table.ts';

const measuredHeading = '## The newest run';

/** The page with this section in place of its earlier one. People write the sections around it. */
export function withMeasured(page: string, text: string): string {
  const begin = page.indexOf(`${measuredHeading}\n`);
  const first = page.indexOf('\n## ') + 1;
  if (begin < 0) return `${page.slice(0, first)}${text}\n${page.slice(first)}`;
  const end = page.indexOf('\n## ', begin);
  return `${page.slice(0, begin)}${text}${end < 0 ? '' : page.slice(end)}`;
}

export interface Page {
  /** The section with its heading. */
  readonly text: string;
  /** The plots, by their file names in docs/performance. */
  readonly plots: ReadonlyMap<string, string>;
}
/** The figures to show: those of the newest run, where it has them, else of the run before. */
export interface Measured {
  readonly newest: BenchResult;
  readonly metrics: readonly (Metric & { readonly commit: string })[];
  readonly series: readonly (Series & { readonly commit: string })[];
  /** The last values of a metric as small bars. */
  trendOf(metric: Metric): string;
}

export function performancePage({ newest, metrics, series, trendOf }: Measured): Page {
  const { host, mode } = newest;
  const plots = new Map<string, string>();
  const compared = metrics.filter(({ ratio }) => ratio !== undefined);
  plots.set('targets.svg', targetsPlot(compared));
  const table = [
    [...columns, 'trend', 'commit'],
    ...compared.map((metric) => [...cells(metric), trendOf(metric), metric.commit]),
  ];
  const missed = metrics.filter(({ verdict }) => verdict === 'fail');
  const skipped = metrics.filter(({ verdict }) => verdict === 'skipped');
  const noisy = metrics.filter(({ verdict }) => verdict === 'noisy');
  const curves = series.flatMap((one) => {
    plots.set(`${one.id}.svg`, seriesPlot(one));
    const [head = [], ...rows] = seriesTable(one);
    const points = rows.slice(0, one.x.length);
    const rules = one.rules.map(({ says, isMet, found }) => `- ${isMet ? 'met' : '**missed**'}: ${says} (${found})`);
    return [
      `### ${one.title}`,
      '',
      `\`${one.command}\`, commit ${one.commit}`,
      '',
      `![${one.title}](performance/${one.id}.svg)`,
      '',
      markdownTable([head, ...points]),
      '',
      ...rules,
      '',
    ];
  });
  const text = [
    measuredHeading,
    '',
    'Made by `node scripts/run.mjs bench/report.ts --write`; do not edit it. Each figure is a ratio to the peer of its row',
    `([benchmarks.md](benchmarks.md)), from the newest ${mode} run that has it. A commit with + had changes.`,
    '',
    `The machine: ${host.cores} × ${host.cpu}, ${host.memGiB} GiB, Linux ${host.kernel}, Node ${host.node}, Docker`,
    `${host.engine || 'none'} (${host.runtime || 'none'}); ${(host.steal * 100).toFixed(1)} % of the time went to other machines.`,
    '',
    '![Each figure as a multiple of its target](performance/targets.svg)',
    '',
    markdownTable(table),
    '',
    ...list('### Missed', missed, 'Nothing failed.'),
    ...list('### Measured on a machine that was too busy', noisy, 'Nothing.'),
    ...list('### Not measured', skipped, 'Everything was measured.'),
    ...curves,
    '### What Corral does not beat',
    '',
    '[The end of benchmarks.md](benchmarks.md#what-corral-does-not-beat) lists it.',
    '',
  ];
  return { text: text.join('\n'), plots };
}

function list(heading: string, metrics: readonly Metric[], none: string): string[] {
  const lines = metrics.map((metric) => {
    const [id, variant, ratio, , target] = cells(metric);
    return `- ${id} ${variant}: ${ratio ? `${ratio}, target ${target}` : metric.reason}`;
  });
  return [heading, '', ...(lines.length > 0 ? lines : [none]), ''];
}
