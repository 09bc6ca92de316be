import type { Series } from '../report/result.ts';
import type { BenchMode } from './measure.ts';

// A series measures the same thing at several sizes, so it has no peer: its rules compare its own points.

export type SeriesPoint = Readonly<Record<string, number>>;
export interface SeriesRule {
  readonly says: string;
  judge(series: Pick<Series, 'x' | 'y' | 'fits'>): { readonly isMet: boolean; readonly found: string };
}
export interface SeriesPlan {
  readonly name: string;
  readonly title: string;
  readonly along: string;
  missing?(): Promise<string | undefined>;
  points(mode: BenchMode): readonly number[];
  /**
   * Returns a function that measures one point. Points come in ascending order. The stack is disposed after the last
   * one.
   */
  open(stack: AsyncDisposableStack, mode: BenchMode): Promise<(x: number) => Promise<SeriesPoint>>;
  readonly fitted: readonly string[];
  readonly rules: readonly SeriesRule[];
}

export async function measureSeries(plan: SeriesPlan, mode: BenchMode, signal: AbortSignal): Promise<Series> {
  const x: number[] = [];
  const y: Record<string, number[]> = {};
  {
    await using stack = new AsyncDisposableStack();
    const figuresAt = await plan.open(stack, mode);
    for (const point of plan.points(mode)) {
      if (signal.aborted) break;
      const figures = await figuresAt(point);
      x.push(point);
      for (const [name, value] of Object.entries(figures)) y[name] = [...(y[name] ?? []), value];
      const shown = Object.entries(figures).map(([name, value]) => `${name} ${value.toFixed(2)}`);
      console.error(`bench: ${plan.name} at ${point} ${plan.along}: ${shown.join(', ')}`);
    }
  }
  const fits = Object.fromEntries(plan.fitted.map((figure) => [figure, fitLine(x, y[figure] ?? [])]));
  const found = { x, y, fits };
  const rules = plan.rules.map(({ says, judge }) => ({ says, ...judge(found) }));
  const command = `npm run bench -- --only ${plan.name}${mode === 'full' ? ' --full' : ''}`;
  return { name: plan.name, title: plan.title, along: plan.along, ...found, rules, command };
}

export function fitLine(x: readonly number[], y: readonly number[]): { slope: number; r2: number } {
  const mean = (all: readonly number[]) => all.reduce((sum, one) => sum + one, 0) / all.length;
  const [meanX, meanY] = [mean(x), mean(y)];
  const spread = x.reduce((sum, one) => sum + (one - meanX) ** 2, 0);
  const total = y.reduce((sum, one) => sum + (one - meanY) ** 2, 0);
  const slope = x.reduce((sum, one, n) => sum + (one - meanX) * ((y[n] ?? 0) - meanY), 0) / spread;
  const left = y.reduce((sum, one, n) => sum + (one - meanY - slope * ((x[n] ?? 0) - meanX)) ** 2, 0);
  return { slope, r2: total === 0 ? 1 : 1 - left / total };
}

export const growthFactor = (values: readonly number[]): number =>
  (values.at(-1) ?? Number.NaN) / (values[0] ?? Number.NaN);

export const createMaxRule = (
  says: string,
  most: number,
  of: (found: Pick<Series, 'x' | 'y' | 'fits'>) => number,
): SeriesRule => ({
  says,
  judge: (found) => ({ isMet: of(found) <= most, found: of(found).toFixed(2) }),
});
