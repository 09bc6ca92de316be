import type { Metric } from './result.ts';
import type { TableMetric } from './table.ts';

// A plot as SVG, without scripts or fonts, readable on light and dark pages.

const [left, right, top, lineHeight] = [340, 40, 40, 22];
const width = 860;
const colours = { pass: '#2a7f3e', fail: '#c0392b', unclear: '#b7791f', noisy: '#808080', skipped: '#808080' };
const style = 'text{font:13px system-ui,sans-serif;fill:#777}.axis{stroke:#999;stroke-width:1}.grid{stroke:#9994}';
const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
const round = (value: number) => Math.round(value * 10) / 10;

const picture = (height: number, title: string, parts: readonly string[]): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">` +
  `<title>${escaped(title)}</title><style>${style}</style>\n${parts.join('\n')}\n</svg>\n`;
const text = (x: number, y: number, text: string, anchor: 'start' | 'middle' | 'end' = 'start') =>
  `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escaped(text)}</text>`;
const line = (x1: number, y1: number, x2: number, y2: number, how = 'class="axis"') =>
  `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" ${how}/>`;

const most = 8;
/**
 * Plots each metric's ratio as a multiple of its target, with its interval. Left of the middle line, the target is met.
 */
export function renderTargetsPlot(metrics: readonly TableMetric[]): string {
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
    const { ratio, target, verdict, name: row, variant } = metric;
    const y = top + n * lineHeight;
    const how = (value: number) => (target.max === undefined ? (target.min ?? 1) / value : value / (target.max || 1));
    const [low, high] = [how(ratio?.ci95[0] ?? 1), how(ratio?.ci95[1] ?? 1)];
    const colour = colours[verdict];
    const name = `${row} ${Object.values(variant).join(' ')} ${ratio?.stat}`;
    return [
      text(left - 10, y + 4, name.length > 48 ? `${name.slice(0, 47)}…` : name, 'end'),
      line(at(low), y, at(high), y, `stroke="${colour}" stroke-width="3"`),
      `<circle cx="${round(at(how(ratio?.median ?? 1)))}" cy="${y}" r="5" fill="${colour}"/>`,
    ];
  });
  const title = 'Each figure as a multiple of its target. Left of 1 the target is met.';
  return picture(height, title, [text(left, 16, title, 'start'), ...ticks, ...rows]);
}
