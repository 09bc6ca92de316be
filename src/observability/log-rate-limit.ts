import { type Clock, systemClock } from '../core/contracts/clock.ts';

// In each interval, logs the first lines per kind and source, then the number of suppressed lines.

export const logNoiseIntervalMs = 60_000;
const perSource = 10;
const requestsPerSource = 100;
/** A kind's limit, as a multiple of the limit for one source. */
const manySources = 10;
/** Maximum number of sources per kind in one interval. Further sources share one count. */
const maxSources = 1_000;
const maxKinds = 200;
const others = 'others';

export interface LogNoiseCount {
  readonly kind: string;
  readonly logged: number;
  readonly suppressed: number;
}
export interface LogNoiseLimiter {
  admits(kind: string, source: string, perSource: number): boolean;
  counts(): readonly LogNoiseCount[];
}
export interface SuppressionSummary {
  readonly kind: string;
  readonly suppressed: number;
  readonly sources: number;
  readonly most: string;
}
interface Window {
  logged: number;
  readonly bySource: Map<string, { seen: number; suppressed: number }>;
}

export function createLogNoiseLimiter(
  report: (leftOut: SuppressionSummary) => void,
  clock: Clock = systemClock,
): LogNoiseLimiter {
  const totals = new Map<string, { logged: number; suppressed: number }>();
  const windows = new Map<string, Window>();
  let timer: unknown;

  const end = () => {
    timer = undefined;
    const over = [...windows];
    windows.clear();
    for (const [kind, { bySource }] of over) {
      const noisy = [...bySource].filter(([, { suppressed }]) => suppressed > 0);
      const [most] = noisy.sort(([, a], [, b]) => b.suppressed - a.suppressed);
      if (!most) continue;
      const suppressed = noisy.reduce((sum, [, one]) => sum + one.suppressed, 0);
      report({ kind, suppressed, sources: noisy.length, most: most[0] });
    }
  };
  return {
    admits(value, from, most) {
      const kind = totals.has(value) || totals.size < maxKinds ? value : others;
      const total = totals.get(kind) ?? { logged: 0, suppressed: 0 };
      totals.set(kind, total);
      const window = windows.get(kind) ?? { logged: 0, bySource: new Map() };
      windows.set(kind, window);
      const source = window.bySource.has(from) || window.bySource.size < maxSources ? from : others;
      const count = window.bySource.get(source) ?? { seen: 0, suppressed: 0 };
      window.bySource.set(source, count);
      if (timer === undefined) {
        timer = clock.setTimeout(end, logNoiseIntervalMs);
        (timer as { unref?: () => void }).unref?.();
      }
      count.seen += 1;
      const isLogged = count.seen <= most && window.logged < most * manySources;
      if (isLogged) {
        window.logged += 1;
        total.logged += 1;
      } else {
        count.suppressed += 1;
        total.suppressed += 1;
      }
      return isLogged;
    },
    counts: () => [...totals].map(([kind, count]) => ({ kind, ...count })),
  };
}

interface LogFields {
  readonly session?: unknown;
  readonly sessionId?: unknown;
  readonly sandbox?: unknown;
  readonly address?: unknown;
  readonly status?: unknown;
  readonly route?: unknown;
}
type NoiseSource = readonly [kind: string, source: string, perSource: number];
const warn = 40; // pino's number for the level
export function findLogNoiseSource(level: number, [about, text]: readonly unknown[]): NoiseSource | undefined {
  const { session, sessionId, sandbox, address, status, route } = (
    typeof about === 'object' ? (about ?? {}) : {}
  ) as LogFields;
  const kind = String(typeof about === 'string' ? about : text).slice(0, 200);
  const source = String(sandbox ?? session ?? sessionId ?? address ?? '');
  if (level >= warn) return [kind, source, perSource];
  // Lines without an address belong to requests that are already rate limited.
  if (text !== 'request' || address === undefined) return undefined;
  const what = Number(status) >= 400 ? 'refused' : String(route);
  return [`request ${what} ${status}`, source, requestsPerSource];
}
