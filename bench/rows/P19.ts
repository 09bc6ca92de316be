import { startChild } from '../lib/child-process.ts';
import type { Listening } from '../lib/corral-calls.ts';
import { type DialectName, dialectCalls } from '../lib/dialect-calls.ts';
import { freshFolder } from '../lib/folder.ts';
import { watchGenerator } from '../lib/generator.ts';
import { askAll, type Call, Line } from '../lib/line.ts';
import { type Experiment, type Mode, nothingMissing, type Pair, type Row, type SideRound } from '../lib/measure.ts';

// The time to read one session, from the first byte of the request to the last byte of the answer. Calls are sequential
// on a keep-alive connection. The peer answers the same bytes as REST, from a map.

interface Api {
  readonly api: string;
  readonly dialect: DialectName;
  readonly max: number;
}
const apis: readonly Api[] = [
  { api: 'trpc', dialect: 'trpc-http', max: 1.5 },
  { api: 'rest', dialect: 'cambioml', max: 1.2 },
  { api: 'ws', dialect: 'trpc-ws', max: 1.2 },
];

export const P19: Row = {
  id: 'P19',
  title: 'reading a session over tRPC, REST and WebSocket',
  missing: nothingMissing,
  experiments: (mode) => apis.map((api) => experiment(api, mode)),
};

function experiment({ api, dialect, max }: Api, mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    id: 'P19',
    variant: { api },
    ...{ unit: 'ms', better: 'lower', subject: `corral-${dialect}`, peer: 'raw-fastify-route', feels: 'noise' },
    goals: [
      { stat: 'p50', max, level: 'lead' },
      { stat: 'p99', max, level: 'stretch' },
    ],
    rounds: { warmUp: 3, min: 5, max: quick ? 12 : 40, capMs: quick ? 8_000 : 120_000 },
    open: () => openPair(dialect, quick ? 1_000 : 4_000),
  };
}

async function openPair(dialect: DialectName, calls: number): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const { path: dataDir } = stack.use(await freshFolder());
  const corral = stack.use(await startChild('corral-calls', { dataDir }));
  const listening = await corral.call<Listening>('listen');
  const answer = await fetch(`${listening.url}/sessions/${listening.session}`);
  const session = (await answer.json()) as { id: string };
  const raw = stack.use(await startChild('raw-route', { session }));
  const rawUrl = await raw.call<string>('listen');
  const rawCall: Call = { over: 'http', url: `${rawUrl}/sessions/${session.id}`, holds: session.id };
  const subject = stack.use(await Line.open(dialectCalls[dialect].of(listening)));
  const peer = stack.use(await Line.open(rawCall));
  const held = stack.move();
  const round = async (line: Line): Promise<SideRound> => {
    const load = watchGenerator();
    const samples = await askAll([line], calls);
    return { samples, generator: load.stop() };
  };
  return {
    subject: () => round(subject),
    peer: () => round(peer),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
