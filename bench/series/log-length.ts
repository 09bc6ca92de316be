import { join } from 'node:path';
import { storeEventLog } from '../../src/store/log.ts';
import { sqliteStore } from '../../src/store/sqlite/store.ts';
import { freshFolder } from '../lib/folder.ts';
import { monotonicMs } from '../lib/generator.ts';
import { logActs, longLog } from '../lib/log-acts.ts';
import { atMost, growth, type SeriesPlan } from '../lib/series.ts';
import { startServer } from '../lib/server.ts';
import { median } from '../lib/statistics.ts';

// The same operations on one session's log of 100, 10,000 and 100,000 events, and a start of the server on it after a
// kill -9. All logs exist at the same time, in databases of their own.

const times = { quick: { acts: 200, starts: 3 }, full: { acts: 1_000, starts: 10 } } as const;
const kinds = ['append', 'page', 'resume', 'open'] as const;

export const logLength: SeriesPlan = {
  ...{ id: 'log-length', title: 'Cost by the length of a log', along: 'events' },
  points: () => [100, 10_000, 100_000],
  fitted: [],
  rules: [
    atMost('an append is flat: at most 1.2 times the shortest', 1.2, ({ y }) => growth(y.appendMs ?? [])),
    atMost('a resume is flat: at most 1.2 times the shortest', 1.2, ({ y }) => growth(y.resumeMs ?? [])),
    atMost('a restart takes at most 1.5 times the shortest', 1.5, ({ y }) => growth(y.restartMs ?? [])),
  ],
  async open(mode) {
    const folder = await freshFolder();
    return {
      at: (events) => figuresOf(join(folder.path, String(events)), events, times[mode]),
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    };
  },
};

async function figuresOf(dataDir: string, events: number, { acts, starts }: { acts: number; starts: number }) {
  const figures: Record<string, number> = {};
  {
    await using store = await sqliteStore({ path: join(dataDir, 'corral.db') });
    const log = storeEventLog(store.events, { maxLag: 5_000, pageSize: 256 });
    const id = await longLog(store, events);
    let head = events;
    for (const kind of kinds) {
      const samples: number[] = [];
      for (let n = 0; n < acts; n++) {
        const from = monotonicMs();
        head = (await logActs[kind]?.(log, id, head)) ?? head;
        samples.push(monotonicMs() - from);
      }
      figures[`${kind}Ms`] = median(samples);
    }
  }
  const started: number[] = [];
  for (let n = 0; n < starts; n++) {
    const from = monotonicMs();
    await using server = await startServer({ CORRAL_DRIVER: 'memory', CORRAL_DATA_DIR: dataDir });
    started.push(monotonicMs() - from);
    process.kill(server.pid, 'SIGKILL');
  }
  return { ...figures, restartMs: median(started) };
}
