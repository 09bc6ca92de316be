import { type Child, startChild } from '../lib/child-process.ts';
import type { Many } from '../lib/corral-many.ts';
import { freshFolder } from '../lib/folder.ts';
import { watchGenerator } from '../lib/generator.ts';
import { askAll, Line } from '../lib/line.ts';
import { type Experiment, type Mode, nothingMissing, type Pair, type Row, type SideRound } from '../lib/measure.ts';

// A page of 50 of the list, and one session, with 10,000 stored sessions of which a hundred change each second. The
// peers answer the same bytes, one from memory and one from a SELECT, during a hundred UPDATEs a second. Calls are
// sequential on a keep-alive connection, so three times the time is a third of the throughput.

const stored = 10_000;
const changesPerSecond = 100;
const asks = ['page of 50', 'one session'] as const;
type Ask = (typeof asks)[number];
/** The allowed multiple of the peer's time; as throughput, 0.3 and 0.5 of the peer's. */
const most = { bytes: 3.3, select: 2 } as const;
type Peer = keyof typeof most;
const peers = Object.keys(most) as Peer[];

export const P18: Row = {
  id: 'P18',
  title: 'list and get among 10,000 sessions while 100 change each second',
  missing: nothingMissing,
  experiments: (mode) =>
    asks.flatMap((ask) => [
      ...peers.map((peer) => experiment(ask, peer, mode)),
      ...(mode === 'full' ? [absolute(ask)] : []),
    ]),
};

const base = { id: 'P18', unit: 'ms', better: 'lower', subject: 'corral-trpc', feels: 'noise' } as const;

function experiment(ask: Ask, peer: Peer, mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    ...{ ...base, variant: { ask, beside: peer }, peer: `raw-fastify-${peer}` },
    goals: [
      { stat: 'p50', max: most[peer], level: 'lead' },
      { stat: 'p99', max: 3, level: 'lead' },
    ],
    rounds: { warmUp: 2, min: 5, max: quick ? 12 : 40, capMs: quick ? 9_000 : 120_000 },
    open: () => openPair(ask, peer, quick ? 400 : 2_000),
  };
}

/** At most 50 ms, for any number of sessions. */
function absolute(ask: Ask): Experiment {
  return {
    ...{ ...base, variant: { ask, beside: 'budget' }, peer: 'budget of 50 ms' },
    goals: [{ stat: 'p99', max: 1, level: 'anchor' }],
    rounds: { warmUp: 2, min: 5, max: 20, capMs: 60_000 },
    open: async () => ({ ...(await openPair(ask, 'select', 2_000)), peer: async () => ({ samples: [50] }) }),
  };
}

async function openPair(ask: Ask, beside: Peer, calls: number): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const { path: dataDir } = stack.use(await freshFolder());
  const corral = stack.use(await startChild('corral-many', { dataDir, sessions: stored }));
  const { url, session: id } = await corral.call<Many>('listen');
  const query = (path: string, input: object) =>
    `${url}/trpc/${path}?input=${encodeURIComponent(JSON.stringify(input))}`;
  const one = await (await fetch(query('sessions.get', { id }))).text();
  const session = (JSON.parse(one) as { result: { data: object } }).result.data;
  const around = {
    page: ['{"result":{"data":{"items":[', '],"nextCursor":"1.0"}}}'],
    one: ['{"result":{"data":', '}}'],
  };
  const raw = stack.use(await startChild('raw-list', { dataDir, rows: stored, session, around }));
  const rawUrl = await raw.call<string>('listen');
  const some = (9_000).toString(16).padStart(16, '0');
  const urls = {
    'page of 50': [query('sessions.list', { limit: 50 }), `${rawUrl}/${beside}/page`],
    'one session': [query('sessions.get', { id }), `${rawUrl}/${beside}/one/${some}`],
  } as const;
  const [ours, theirs] = urls[ask];
  const subject = stack.use(await Line.open({ over: 'http', url: ours, holds: '"latestMessageAt"' }));
  const peer = stack.use(await Line.open({ over: 'http', url: theirs, holds: '"latestMessageAt"' }));
  const held = stack.move();
  return {
    subject: () => round(corral, subject, calls),
    peer: () => round(raw, peer, calls),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function round(server: Child, line: Line, calls: number): Promise<SideRound> {
  await server.call('change', changesPerSecond);
  const load = watchGenerator();
  const samples = await askAll([line], calls);
  const generator = load.stop();
  await server.call('rest');
  return { samples, generator };
}
