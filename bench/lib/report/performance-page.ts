import type { BenchRow } from '../measure/measure.ts';
import type { SeriesPlan } from '../measure/series.ts';
import type { Figures } from './figures.ts';
import { renderTargetsPlot } from './plot.ts';
import { formatMarkdownTable, toMetricCells, toSeriesRows } from './table.ts';

interface PageContent {
  readonly figures: Figures;
  readonly rows: readonly BenchRow[];
  readonly series: readonly Pick<SeriesPlan, 'name' | 'title'>[];
}

const causes: Readonly<Record<string, string>> = {
  key: 'The program `script` makes the terminal and passes keys through a pipe; daemon and server are programs of their own: a key and its echo wake seven programs, with the engine’s stream five.',
  load: 'Two processors carry the server, the 50 sandboxes and the caller; most of the time is the wait for a processor.',
  peers: 'Both start a container. The daemon in Corral’s takes the difference: Node itself needs 37 ms of its 65.',
};

const intro = `# Performance

Each row does the same work with Corral and with the simplest program that can do it (its *peer*, in \`bench/peers\`), in turns, on one
machine, and reports the ratio.

    npm run bench                            all rows, in about 15 minutes
    npm run bench -- --only command,output   some of them
    npm run bench -- --full                  tight intervals
    npm run bench -- --against ../older      another checkout in place of the peers
    node scripts/run.mjs bench/report.ts     puts the results into this page

- A figure is the median ratio over the rounds (A B, then B A); the interval contains 95 % of the medians of 2,000 resamples.
- \`pass\`: the whole interval meets the target. \`fail\`: it misses it. \`unclear\`: neither. \`noisy\`: the machine changed its
  pace by more than 15 %, or the measuring process was too busy or late; such a row never passes.
- A lost, doubled or reordered event ends the run with exit code 1.
- Rows are skipped without what they need, such as Docker, \`KUBECONFIG\`, or packages of \`bash bench/peers/install.sh\`.
- \`runs\`, \`cluster\` and \`claims\` have no peer: each compares its own sizes.
- A new row is a file in \`bench/rows\`, its line in \`bench/rows/all.ts\`, and a peer of at most 60 lines.

Several servers and thousands of pods are in [scale.md](scale.md).
`;

export function renderPerformancePage({ figures: { machine, metrics, series }, rows, series: plans }: PageContent) {
  const order = [...rows, ...plans].map(({ name }) => name);
  const sorted = metrics.toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  const missed = sorted.filter(({ verdict }) => verdict === 'fail');
  const measured = new Set([...metrics, ...series].map(({ name }) => name));
  const never = order.filter((name, n) => !measured.has(name) && order.indexOf(name) === n);
  const parts = [
    intro,
    '## Rows\n',
    ...rows.map(({ name, title }) => `- ${name}: ${title}`),
    '\n## Figures\n',
    `Noisy figures are only in the picture. The machine of the last run: ${machine}.\n`,
    '![Each figure as a multiple of its target](performance/targets.svg)\n',
    ...sorted.filter(({ verdict }) => verdict !== 'noisy').map(figureLine),
    '\n## Missed\n',
    ...(missed.length > 0 ? [...new Set(missed.map(({ name }) => causeOf(name)))] : ['Nothing failed.']),
    ...(never.length > 0 ? [`\nNot measured yet: ${never.join(', ')}.`] : []),
    ...series.flatMap((one) => {
      const [head = [], ...all] = toSeriesRows(one);
      const rules = one.rules.map(({ says, isMet, found }) => `- ${isMet ? 'met' : '**missed**'}: ${says} (${found})`);
      return [
        `\n## ${one.title}\n`,
        `\`${one.command}\`, ${one.on}, commit ${one.commit}\n`,
        formatMarkdownTable([head, ...all.slice(0, one.x.length)]),
        '',
        ...rules,
      ];
    }),
  ];
  return { text: `${parts.join('\n')}\n`, picture: renderTargetsPlot(sorted) };
}

function figureLine(figure: Figures['metrics'][number]): string {
  const [name, variant, ratio, interval, target, verdict] = toMetricCells(figure);
  const bound = target?.replace('<= ', '≤').replace('>= ', '≥');
  const note = figure.note === undefined ? '' : ` (${figure.note})`;
  return `- ${name} ${variant}: ${ratio} (${interval?.replace(' to ', '–')}), target ${bound}, ${verdict}; ${figure.on}${note}`;
}

const causeOf = (name: string): string => `- **${name}**: ${causes[name] ?? 'The cause is not known yet.'}`;
