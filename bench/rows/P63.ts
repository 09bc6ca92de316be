import { setTimeout as pause } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { randomIds } from '../../src/core/ids.ts';
import { monotonicMs } from '../lib/generator.ts';
import type { Experiment, Mode, Pair, Row, SideRound } from '../lib/measure.ts';
import { type RunningServer, startServer } from '../lib/server.ts';
import { budget } from './P26.ts';

// Two servers on one MongoDB. The row changes a session's title at one server, at random moments, while a client of each
// server watches. It measures how much later the other server's client sees the event. Each client must see every event,
// once and in order.

const url = process.env.MONGODB_URL;
const budgetMs = { polling: 150, pushed: 50 } as const;
const patienceMs = 10_000;

export const P63: Row = {
  id: 'P63',
  title: 'an event at another server, after it is at the one that wrote it',
  missing: async () => (url ? undefined : 'MONGODB_URL names no server'),
  experiments: (mode) => [experiment('busy', mode), experiment('now and then', mode)],
};

type Pace = 'busy' | 'now and then';
const gapMs: Readonly<Record<Pace, number>> = { busy: 40, 'now and then': 600 };

function experiment(pace: Pace, mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    ...{ id: 'P63', variant: { pace }, unit: 'ms', better: 'lower', feels: 'noise' },
    ...{ subject: 'corral-two-servers', peer: 'budget of 150 ms, pushed 50' },
    goals: [{ stat: 'p95', max: 1, level: 'lead' }],
    rounds: { warmUp: 1, min: 4, max: quick ? 5 : 15, capMs: quick ? 20_000 : 200_000 },
    open: () => openPair(pace, pace === 'busy' ? 40 : 12),
  };
}

async function openPair(pace: Pace, times: number): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const name = `corral_bench_${randomIds().short()}`;
  const client = stack.use(await new MongoClient(url ?? '').connect());
  stack.defer(async () => void (await client.db(name).dropDatabase()));
  const { setName, msg } = await client.db('admin').command({ hello: 1 });
  const settings = { CORRAL_DRIVER: 'memory', MONGODB_URL: addressOf(name) };
  const writer = stack.use(await startServer(settings));
  const other = stack.use(await startServer(settings));
  const id = await create(writer);
  const over = new AbortController();
  stack.defer(() => over.abort());
  const [near, far] = [watch(writer, id, over.signal), watch(other, id, over.signal)];
  await seen([near, far], 'begin', () => rename(writer, id, 'begin'));
  let round = 0;
  async function subject(): Promise<SideRound> {
    round += 1;
    const samples: number[] = [];
    for (let n = 0; n < times; n++) {
      const title = `round ${round}, ${n}`;
      const [here, there] = await seen([near, far], title, () => rename(writer, id, title));
      samples.push(Math.max(0, (there ?? 0) - (here ?? 0)));
      await pause(Math.random() * 2 * gapMs[pace]);
    }
    const seqs = far.seqs.splice(0);
    const duplicated = seqs.length - new Set(seqs).size;
    const reordered = seqs.filter((seq, n) => n > 0 && seq < (seqs[n - 1] ?? 0)).length;
    const lost = near.seqs.splice(0).filter((seq) => !seqs.includes(seq)).length;
    return { samples, correct: { expected: times, received: samples.length, lost, duplicated, reordered } };
  }
  const held = stack.move();
  const most = setName !== undefined || msg === 'isdbgrid' ? budgetMs.pushed : budgetMs.polling;
  return { ...budget(most), subject, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

function addressOf(database: string): string {
  const address = new URL(url ?? '');
  address.pathname = `/${database}`;
  return address.href;
}

async function create({ url: base }: RunningServer): Promise<string> {
  const answer = await fetch(`${base}/api/v1/sessions`, { method: 'PUT' });
  return ((await answer.json()) as { data: { session_id: string } }).data.session_id;
}

async function rename({ url: base }: RunningServer, id: string, title: string): Promise<void> {
  const answer = await fetch(`${base}/trpc/sessions.update`, {
    ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
    body: JSON.stringify({ id, title }),
  });
  if (!answer.ok) throw new Error(`the title could not be changed: ${await answer.text()}`);
}

interface Watched {
  readonly at: Map<string, number>;
  readonly seqs: number[];
}

/** The time when each title arrived at a client of that server. */
function watch({ url: base }: RunningServer, id: string, signal: AbortSignal): Watched {
  const watched: Watched = { at: new Map(), seqs: [] };
  const read = async () => {
    const { body } = await fetch(`${base}/api/v1/sessions/${id}/events`, { signal });
    let rest = '';
    for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
      const now = monotonicMs();
      const blocks = (rest + Buffer.from(chunk).toString()).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const seq = /^id: (\d+)$/m.exec(block)?.[1];
        const title = /"title":"([^"]*)"/.exec(block)?.[1];
        if (seq === undefined || title === undefined) continue;
        watched.seqs.push(Number(seq));
        watched.at.set(title, now);
      }
    }
  };
  void read().catch(() => {}); // the waiting round reports the failure
  return watched;
}

async function seen(by: readonly Watched[], title: string, act: () => Promise<void>): Promise<number[]> {
  await act();
  const deadline = monotonicMs() + patienceMs;
  while (!by.every(({ at }) => at.has(title))) {
    if (monotonicMs() > deadline) throw new Error(`the title "${title}" did not come`);
    await pause(2);
  }
  return by.map(({ at }) => at.get(title) ?? 0);
}
