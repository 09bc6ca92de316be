import { join } from 'node:path';
import type { SessionId } from '../../src/core/ids.ts';
import { storeEventLog } from '../../src/store/log.ts';
import { sqliteStore } from '../../src/store/sqlite/store.ts';
import { freshFolder } from '../lib/folder.ts';
import { monotonicMs } from '../lib/generator.ts';
import { type Act, logActs, longLog } from '../lib/log-acts.ts';
import { type Experiment, type Mode, nothingMissing, type Pair, type Row, type SideRound } from '../lib/measure.ts';
import { startServer } from '../lib/server.ts';
import { budget } from './P26.ts';

// Whether the cost grows with the length of a session's log: the same operation on a long log and on one of 100 events.

const short = 100;

export const P61: Row = {
  id: 'P61',
  title: 'cost by the length of a log, beside one of 100 events',
  missing: nothingMissing,
  experiments: (mode) => {
    const lengths = mode === 'quick' ? [10_000] : [10_000, 100_000];
    const inProcess = lengths.flatMap((events) => Object.keys(logActs).map((act) => experiment(act, events, mode)));
    const pages = lengths.map((events) => absolute(events, mode));
    return mode === 'quick' ? [...inProcess, ...pages] : [...inProcess, ...pages, ...lengths.map(restart)];
  },
};

const base = { id: 'P61', unit: 'ms', better: 'lower', peer: `corral-${short}-events`, feels: 'noise' } as const;

function experiment(act: string, events: number, mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    ...{ ...base, variant: { act, events }, subject: 'corral' },
    goals: [{ stat: 'p50', max: 1.2, level: 'lead' }],
    rounds: { warmUp: 2, min: 6, max: quick ? 12 : 40, capMs: quick ? 3_000 : 60_000 },
    open: () => openPair(logActs[act] as Act, events, quick ? 100 : 400),
  };
}

/** A page of history in at most 50 ms, for a log of any length. */
function absolute(events: number, mode: Mode): Experiment {
  const rounds = mode === 'quick' ? { max: 6, capMs: 3_000, times: 200 } : { max: 20, capMs: 60_000, times: 1_000 };
  return {
    ...{ ...base, variant: { act: 'page', events, beside: 'budget' }, subject: 'corral', peer: 'budget of 50 ms' },
    goals: [{ stat: 'p99', max: 1, level: 'anchor' }],
    rounds: { warmUp: 1, min: 4, max: rounds.max, capMs: rounds.capMs },
    open: async () => ({ ...(await openPair(logActs.page as Act, events, rounds.times)), ...budget(50) }),
  };
}

function restart(events: number): Experiment {
  return {
    ...{ ...base, variant: { act: 'restart', events }, subject: 'corral' },
    goals: [{ stat: 'p50', max: 1.5, level: 'lead' }],
    rounds: { warmUp: 1, min: 6, max: 20, capMs: 120_000 },
    open: async () => {
      await using stack = new AsyncDisposableStack();
      const { path } = stack.use(await freshFolder());
      for (const length of [events, short]) {
        await using store = await sqliteStore({ path: join(path, String(length), 'corral.db') });
        await longLog(store, length);
      }
      const started = async (length: number): Promise<SideRound> => {
        const from = monotonicMs();
        await using server = await startServer({
          CORRAL_DRIVER: 'memory',
          CORRAL_DATA_DIR: join(path, String(length)),
        });
        const samples = [monotonicMs() - from];
        process.kill(server.pid, 'SIGKILL');
        return { samples };
      };
      const held = stack.move();
      return {
        subject: () => started(events),
        peer: () => started(short),
        [Symbol.asyncDispose]: () => held.disposeAsync(),
      };
    },
  };
}

async function openPair(act: Act, events: number, times: number): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await freshFolder());
  const store = stack.use(await sqliteStore({ path: join(path, 'corral.db') }));
  const log = storeEventLog(store.events, { maxLag: 5_000, pageSize: 256 });
  const long = { id: await longLog(store, events), head: events };
  const side = async (its: { id: SessionId; head: number }): Promise<SideRound> => {
    const samples: number[] = [];
    for (let n = 0; n < times; n++) {
      const from = monotonicMs();
      its.head = await act(log, its.id, its.head);
      samples.push(monotonicMs() - from);
    }
    return { samples };
  };
  const held = stack.move();
  return {
    subject: () => side(long),
    // A new log each time, because appends make it longer.
    peer: async () => side({ id: await longLog(store, short), head: short }),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
