import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findBubblewrap } from '../../drivers/process/find-bubblewrap.ts';
import { randomIds } from '../../src/core/ids.ts';
import { sqliteStore } from '../../src/store/sqlite/store.ts';
import type { Progress } from '../lib/busy-sessions.ts';
import { startChild } from '../lib/child-process.ts';
import { type Controlled, kinds } from '../lib/control-calls.ts';
import { freshFolder } from '../lib/folder.ts';
import { httpCalls } from '../lib/http-calls.ts';
import type { Experiment, Mode, Pair, Row, SideRound } from '../lib/measure.ts';
import { startServer } from '../lib/server.ts';
import { addSession } from '../lib/sessions.ts';
import { summary } from '../lib/statistics.ts';
import { budget } from './P26.ts';

// How long a person waits for a control call while 50 sessions work and 500 more are in memory. Eight of the 50 belong to
// people who send a message, watch for 1.6 s and stop the run. A sample is a call of the kind with the worst p99 of that
// round, so every kind meets the target. The caller, the working sessions and the server share the machine's processors,
// as in production. A call counts from the time it was due: a late caller can only make the figure worse.

const active = 50;
const idle = 500;
const steered = 8;
const runsEach = 20;
const atOnce = 50;
const budgetMs = 100;
/** Long enough for a p99: eight people stop four runs a second. */
const roundMs = { quick: 25_000, full: 60_000 } as const;
const drivers = ['memory', 'process'] as const;
type Driver = (typeof drivers)[number];

const row = (driver: Driver, missing: Row['missing']): Row => ({
  id: 'P65',
  title: 'control calls while 50 sessions work',
  missing,
  experiments: (mode) => [experiment(driver, mode), besideRaw(driver, mode)],
});
export const P65 = row('memory', async () => undefined);
export const P65Process = row('process', async () =>
  (await findBubblewrap('bwrap')) ? undefined : 'bubblewrap does not work here',
);

function experiment(driver: Driver, mode: Mode): Experiment {
  return {
    ...{ id: 'P65', variant: { driver, active, idle }, unit: 'ms', better: 'lower', feels: 'nothing' },
    ...{ subject: 'corral', peer: `budget of ${budgetMs} ms` },
    goals: [{ stat: 'p99', max: 1, level: 'lead' }],
    rounds: { warmUp: 1, min: 4, max: mode === 'quick' ? 4 : 8, capMs: mode === 'quick' ? 150_000 : 600_000 },
    open: async () => ({ ...(await openPair(driver, roundMs[mode])), ...budget(budgetMs) }),
  };
}

/**
 * The cost of the busy machine itself, which is only stated: the list of sessions, compared with a route of the simplest
 * server at the same pace.
 */
function besideRaw(driver: Driver, mode: Mode): Experiment {
  return {
    ...{ id: 'P65', variant: { driver, active, idle, beside: 'raw' }, unit: 'ms', better: 'lower', feels: 'nothing' },
    ...{ subject: 'corral, list', peer: 'raw-fastify, in turn' },
    goals: [{ stat: 'p99', level: 'lead' }],
    rounds: { warmUp: 1, min: 4, max: mode === 'quick' ? 4 : 12, capMs: mode === 'quick' ? 120_000 : 400_000 },
    open: () => openPair(driver, mode === 'quick' ? 8_000 : 20_000, 'list'),
  };
}

async function openPair(driver: Driver, ms: number, only?: 'list'): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await freshFolder());
  const dataDir = join(path, 'd');
  const stored = await storedSessions(dataDir, idle);
  const server = stack.use(
    await startServer({
      ...{ CORRAL_DRIVER: driver, CORRAL_DATA_DIR: dataDir, CORRAL_SESSION_PASSIVATE_SECONDS: '86400' },
      ...{ CORRAL_MAX_SESSIONS: '1000', CORRAL_MAX_SESSIONS_PER_OWNER: '0', CORRAL_MAX_RUNNING_RUNS: '100' },
      ...{ CORRAL_EGRESS_POLICY: 'none', LOG_LEVEL: 'error' },
    }),
  );
  const { url } = server;
  {
    using calls = httpCalls(url);
    for (const id of stored) await calls.ask('/trpc/sessions.update', { id, title: 'in memory' });
  }
  const others = { active: active - steered, starts: 1 };
  const printer = driver === 'memory' ? 'shell' : 'perl';
  const busy = stack.use(await startChild('busy-sessions', { url, ...others, printer, runsEach }));
  await busy.call('begin');
  const control = stack.use(await startChild('control-calls', { url, sessions: steered }));
  const raw = stack.use(await startChild('raw-route', { session: { id: 'one' } }));
  const place = { url: await raw.call<string>('listen'), path: '/sessions/one' };
  const held = stack.move();
  return {
    peer: async () => ({ samples: await control.call<number[]>('plain', { ...place, ms }) }),
    async subject(): Promise<SideRound> {
      const before = await busy.call<Progress>('progress');
      const { took, asked, failed } = await control.call<Controlled>('round', { ms });
      const after = await busy.call<Progress>('progress');
      const starved = after.heard.filter((bytes, n) => bytes === before.heard[n]).length;
      for (const why of [...failed, ...after.failed].slice(0, 3)) console.error(`bench: P65: ${why}`);
      tell(driver, took, before, after);
      const [worst] = kinds.map((kind) => took[kind]).sort((a, b) => summary(b).p99 - summary(a).p99);
      const lost = failed.length + starved + after.failed.length;
      const correct = {
        expected: asked + active - steered,
        received: asked + active - steered - lost,
        lost,
        duplicated: 0,
        reordered: 0,
      };
      return { samples: only ? took[only] : (worst ?? []), correct };
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function tell(driver: Driver, took: Controlled['took'], before: Progress, after: Progress): void {
  const each = kinds.map((kind) => {
    const { p50, p99, max, n } = summary(took[kind]);
    return `${kind} ${p50.toFixed(1)}/${p99.toFixed(1)}/${max.toFixed(0)} (${n})`;
  });
  const [runs, started] = [after.runs - before.runs, after.started - before.started];
  console.error(`bench: P65 ${driver}: p50/p99/max ms: ${each.join(', ')}; ${runs} runs, ${started} starts`);
}

/** Stores sessions before the server starts, as an earlier server would have left them: without sandboxes. */
async function storedSessions(dataDir: string, count: number): Promise<string[]> {
  await mkdir(dataDir, { mode: 0o700 });
  await using store = await sqliteStore({ path: join(dataDir, 'corral.db') });
  const ids = randomIds();
  const made: string[] = [];
  for (let n = 0; n < count; n += atOnce) {
    made.push(...(await Promise.all(Array.from({ length: atOnce }, () => addSession({ store, ids })))));
  }
  return made;
}
