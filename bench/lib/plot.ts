import type { Metric, Series } from './result.ts';

// Plots as SVG, without a script or a font of their own, readable on a light and on a dark page.

const [left, right, top, lineHeight] = [340, 40, 40, 22];
const width = 860;
const colours = {
  pass: '#2a7f3e',
  fail: '#c0392b',
  unclear: '#b7791f',
  noisy: '#808080',
  skipped: '#808080',
  stated: '#808080',
} as const;
const style = 'text{font:13px system-ui,sans-serif;fill:#777}.axis{stroke:#999;stroke-width:1}.grid{stroke:#9994}';
const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
const round = (value: number) => Math.round(value * 10) / 10;

const picture = (height: number, title: string, parts: readonly string[]): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">` +
  `<title>${escaped(title)}</title><style>${style}</style>\n${parts.join('\n')}\n</svg>\n`;
const text = (x: number, y: number, said: string, anchor: 'start' | 'middle' | 'end' = 'start') =>
  `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escaped(said)}</text>`;
const line = (x1: number, y1: number, x2: number, y2: number, how = 'class="axis"') =>
  `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" ${how}/>`;

const most = 8;
/** Each metric's ratio as a multiple of its target, with its interval: left of the line in the middle it is met. */
export function targetsPlot(metrics: readonly Metric[]): string {
  const hasTarget = ({ max, min }: Metric['target']) => max !== undefined || min !== undefined;
  const shown = metrics.filter(({ ratio, target }) => ratio !== undefined && hasTarget(target));
  const height = top + shown.length * lineHeight + 30;
  const span = width - left - right;
  const at = (times: number) => {
    const clipped = Math.min(most, Math.max(1 / most, times));
    return left + (span * (Math.log2(clipped) + Math.log2(most))) / (2 * Math.log2(most));
  };
  const ticks = [1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8].flatMap((times) => [
    line(at(times), top - 10, at(times), height - 30, times === 1 ? 'class="axis"' : 'class="grid"'),
    text(at(times), height - 12, times < 1 ? `1/${1 / times}` : `${times}`, 'middle'),
  ]);
  const rows = shown.flatMap((metric, n) => {
    const { ratio, target, verdict, id, variant } = metric;
    const y = top + n * lineHeight;
    const how = (value: number) => (target.max === undefined ? (target.min ?? 1) / value : value / (target.max || 1));
    const [low, high] = [how(ratio?.ci95[0] ?? 1), how(ratio?.ci95[1] ?? 1)];
    const colour = colours[verdict];
    const name = `${id} ${Object.values(variant).join(' ')} ${ratio?.stat}`;
    return [
      text(left - 10, y + 4, name.length > 48 ? `${name.slice(0, 47)}…` : name, 'end'),
      line(at(low), y, at(high), y, `stroke="${colour}" stroke-width="3"`),
      `<circle cx="${round(at(how(ratio?.median ?? 1)))}" cy="${y}" r="5" fill="${colour}"/>`,
    ];
  });
  const title = 'Each figure as a multiple of its target. Left of 1 the target is met.';
  return picture(height, title, [text(left, 16, title, 'start'), ...ticks, ...rows]);
}

const lines = ['#2a6fb0', '#c0392b', '#2a7f3e', '#b7791f', '#7d3c98', '#148f8f', '#555555'];
/** All figures of a series, each divided by its first value that is not 0, on logarithmic axes. */
export function seriesPlot({ title, along, x, y }: Series): string {
  const [plotTop, bottom, begin, end] = [50, 330, 60, width - 210];
  const curves = Object.entries(y).map(([name, values]) => {
    const first = values.find((value) => value > 0) ?? 1;
    return { name, first, values: values.map((value) => Math.max(1 / 64, value / first)) };
  });
  const logX = x.map((one) => Math.log10(Math.max(1, one)));
  const [low, high] = [Math.min(...logX), Math.max(...logX)];
  const all = curves.flatMap(({ values }) => values.map((value) => Math.log2(value)));
  const [least, greatest] = [Math.floor(Math.min(0, ...all)), Math.ceil(Math.max(1, ...all))];
  const atX = (value: number) => begin + ((end - begin) * (value - low)) / (high - low || 1);
  const atY = (value: number) => bottom - ((bottom - plotTop) * (Math.log2(value) - least)) / (greatest - least);
  const steps = Array.from({ length: greatest - least + 1 }, (_, n) => least + n).filter(
    (n) => greatest - least < 9 || n % 2 === 0,
  );
  const grid = steps.flatMap((power) => [
    line(begin, atY(2 ** power), end, atY(2 ** power), 'class="grid"'),
    text(begin - 8, atY(2 ** power) + 4, power < 0 ? `1/${2 ** -power}` : `${2 ** power}`, 'end'),
  ]);
  const points = x.map((value, n) => text(atX(logX[n] ?? 0), bottom + 20, value.toLocaleString('en'), 'middle'));
  const drawn = curves.flatMap(({ name, first, values }, n) => {
    const colour = lines[n % lines.length];
    const path = values.map((value, at) => `${round(atX(logX[at] ?? 0))},${round(atY(value))}`).join(' ');
    return [
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...values.map(
        (value, at) => `<circle cx="${round(atX(logX[at] ?? 0))}" cy="${round(atY(value))}" r="3" fill="${colour}"/>`,
      ),
      line(
        end + 20,
        plotTop + n * lineHeight - 4,
        end + 40,
        plotTop + n * lineHeight - 4,
        `stroke="${colour}" stroke-width="3"`,
      ),
      text(end + 46, plotTop + n * lineHeight, `${name}, 1 = ${first.toPrecision(3)}`),
    ];
  });
  const parts = [text(begin, 20, `${title}: each figure next to its first`), ...grid, ...points, ...drawn];
  return picture(bottom + 50, title, [...parts, text((begin + end) / 2, bottom + 42, along, 'middle')]);
}
