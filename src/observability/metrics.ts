import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { LogNoiseCount } from './log-rate-limit.ts';

export interface HttpObservation {
  readonly method: string;
  /** A pattern without ids: each distinct value creates a time series. */
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
  httpRequest(observed: HttpObservation): void;
  /** `count` is called at each scrape. Until `countSessions` is called, no sessions are counted. */
  countSessions(count: CountSessions): void;
  event(type: string): void;
  runEnded(status: string): void;
  automationStart(cause: string, end: string): void;
  /** `started`, `left_out`, or the error code. */
  hookDelivery(outcome: string): void;
  memoryChange(by: 'person' | 'agent', action: string): void;
  /** `again`: to be retried later. `failed`: failed permanently. */
  webhookTry(outcome: 'delivered' | 'again' | 'failed'): void;
  warmPool(outcome: 'hit' | 'miss'): void;
  readyWorkspace(event: 'made' | 'taken' | 'dropped'): void;
  streamOpened(transport: 'sse' | 'websocket'): Disposable;
}
type CountSessions = () => Promise<Readonly<Record<string, number>>>;
export interface MetricsSources {
  noise?(): readonly LogNoiseCount[];
}

export function createMetrics(sources: MetricsSources = {}): Metrics {
  let sessions: CountSessions = async () => ({});
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'corral_sessions',
    help: 'Sessions by status',
    labelNames: ['status'],
    registers,
    async collect() {
      this.reset(); // clears statuses that no session has any longer
      const counts = await sessions().catch(() => ({})); // a failing store does not hide other metrics
      for (const [status, count] of Object.entries(counts)) this.set({ status }, count);
    },
  });
  new Counter({
    name: 'corral_log_lines_total',
    help: 'Warnings, errors and refused requests, by kind and whether the log shows or suppresses them',
    labelNames: ['kind', 'outcome'],
    registers,
    collect() {
      this.reset();
      for (const { kind, logged, suppressed } of sources.noise?.() ?? []) {
        this.inc({ kind, outcome: 'logged' }, logged);
        this.inc({ kind, outcome: 'suppressed' }, suppressed);
      }
    },
  });
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Counter({ name, help, labelNames, registers });
  const runs = counter('corral_runs_total', 'Runs that ended, by status', ['status']);
  const starts = counter(
    'corral_automation_starts_total',
    'Starts of automations that are over, by what they began and how they ended',
    ['cause', 'end'],
  );
  const deliveries = counter(
    'corral_hook_deliveries_total',
    'Deliveries from outside to automations, by what came of them',
    ['outcome'],
  );
  const noteChanges = counter(
    'corral_memory_changes_total',
    'Changes of notes that outlive sessions, by who made them and what they did',
    ['by', 'action'],
  );
  const tries = counter('corral_webhook_tries_total', 'Tries of outgoing webhooks, by their outcome', ['outcome']);
  const events = counter('corral_events_total', 'Events appended, by type', ['type']);
  const claims = counter(
    'corral_warm_pool_claims_total',
    'Sandboxes requested while there is a warm pool, by whether one stood ready',
    ['outcome'],
  );
  const workspaces = counter(
    'corral_ready_workspaces_total',
    'Workspaces with prepared files that were made for sessions to come, by what happened to them',
    ['event'],
  );
  const streams = new Gauge({
    name: 'corral_streams_open',
    help: 'Open event streams',
    labelNames: ['transport'],
    registers,
  });
  const requests = counter('corral_http_requests_total', 'HTTP requests answered', ['method', 'route', 'status']);
  const durations = new Histogram({
    name: 'corral_http_request_duration_seconds',
    help: 'From the request to the end of its answer; streams last as long as they are read',
    labelNames: ['method', 'route'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  // Cached, because the look-up by labels takes longer than the increment.
  const seriesOf = known((key: string) => {
    const [method = '', route = '', status = ''] = key.split(' ');
    return { count: requests.labels(method, route, status), duration: durations.labels(method, route) };
  });
  const eventsOf = known((type: string) => events.labels(type));
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    httpRequest({ method, route, status, seconds }) {
      const { count, duration } = seriesOf(`${method} ${route} ${status}`);
      count.inc();
      duration.observe(seconds);
    },
    countSessions: (count) => {
      sessions = count;
    },
    event: (type) => eventsOf(type).inc(),
    runEnded: (status) => runs.inc({ status }),
    automationStart: (cause, end) => starts.inc({ cause, end }),
    hookDelivery: (outcome) => deliveries.inc({ outcome }),
    memoryChange: (by, action) => noteChanges.inc({ by, action }),
    webhookTry: (outcome) => tries.inc({ outcome }),
    warmPool: (outcome) => claims.inc({ outcome }),
    readyWorkspace: (event) => workspaces.inc({ event }),
    streamOpened(transport) {
      let open = true;
      streams.inc({ transport });
      return {
        [Symbol.dispose]: () => {
          if (open) streams.dec({ transport });
          open = false;
        },
      };
    },
  };
}

function known<Value>(make: (key: string) => Value): (key: string) => Value {
  const created = new Map<string, Value>();
  return (key) => {
    const value = created.get(key) ?? make(key);
    if (!created.has(key)) created.set(key, value);
    return value;
  };
}
