import type { SessionFact } from '../../src/core/events.ts';
import { randomIds, SessionId } from '../../src/core/ids.ts';
import { Secret } from '../../src/core/secret.ts';
import { newSession } from '../../src/session/run/log/projection.ts';
import { storeEventLog } from '../../src/store/log.ts';
import { mongoStore } from '../../src/store/mongo/store.ts';
import type { Experiment, Mode, Pair, Row, SideRound } from '../lib/measure.ts';
import { rawMongo } from '../peers/raw-mongo.ts';

// Events a second on MongoDB through the event log; each session awaits one append before its next. The peer is a plain
// loop with the same concerns: insertOne, insertMany for a batch, and updateOne when the append also writes the
// session's record. `stored`: the number of events that the session has before. The row counts the stored events.

const url = process.env.MONGODB_URL;

export const P13: Row = {
  id: 'P13',
  title: 'appends on MongoDB',
  missing: async () => (url ? undefined : 'MONGODB_URL names no server'),
  experiments: (mode) => [
    experiment({ sessions: 1, stored: 0 }, mode),
    experiment({ sessions: 1, stored: mode === 'quick' ? 10_000 : 100_000 }, mode),
    experiment({ sessions: 20, stored: 0 }, mode),
    experiment({ sessions: 1, stored: 0, batch: 100 }, mode),
    experiment({ sessions: 1, stored: 0, with: 'record' }, mode),
  ],
};

interface Variant {
  readonly sessions: number;
  readonly stored: number;
  /** Facts in one append; default: 1. */
  readonly batch?: number;
  readonly with?: 'record';
}
const factOf = (seq: number): SessionFact => ({
  type: 'step',
  runId: null,
  data: { id: String(seq), description: `step ${seq} `.padEnd(180, '.'), status: 'running' },
});

const recordOf = (id: string, head: number) => ({
  ...newSession({ id: SessionId.parse(id), origin: 'trpc', title: 't', template: 'default', ...nothing }),
  lastSeq: head,
});
const nothing = { projectId: null, lastTask: 'x'.repeat(100), at: 0 };

function experiment(variant: Variant, mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    id: 'P13',
    variant: { ...variant },
    ...{ unit: 'events/s', better: 'higher', subject: 'corral-log', feels: 'noise' },
    peer: `raw-${variant.batch ? 'insertMany' : 'insertOne'}${variant.with ? '+updateOne' : ''}`,
    goals: [{ stat: 'p50', min: variant.batch ? 0.5 : 0.7, level: 'anchor' }],
    rounds: { warmUp: 2, min: 10, max: quick ? 20 : 60, capMs: quick ? 9_000 : 120_000 },
    open: () => openPair(variant, quick ? 250 : 1_000),
  };
}

async function openPair({ sessions, stored, batch = 1, with: also }: Variant, roundMs: number): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const ids = randomIds();
  const database = `corral_bench_${ids.short()}`;
  const address = url ?? '';
  const raw = stack.use(await rawMongo(address, database));
  const store = stack.use(await mongoStore({ url: new Secret(address), database, deadlineMs: 30_000 }));
  const log = storeEventLog(store.events, { maxLag: 5_000, pageSize: 256 });
  const long = { subject: ids.sessionId(), peer: ids.sessionId() };
  const heads = new Map<SessionId, number>();
  if (stored > 0) {
    let after = 0;
    while (after < stored) {
      const facts = Array.from({ length: 500 }, (_, n) => factOf(after + n + 1));
      after = await log.append({ sessionId: long.subject, after, at: Date.now(), facts });
    }
    heads.set(long.subject, after);
    await raw.fill('raw', long.peer, stored, (seq) => JSON.stringify(factOf(seq)));
    heads.set(long.peer, stored);
  }
  /** The long session, or new ones each time, so that both logs have the same length. */
  const writers = (side: 'subject' | 'peer'): SessionId[] =>
    stored > 0 ? [long[side]] : Array.from({ length: sessions }, () => ids.sessionId());

  async function round(side: 'subject' | 'peer', write: (id: SessionId, head: number) => Promise<unknown>) {
    const ready = writers(side);
    for (const id of ready) {
      await write(id, heads.get(id) ?? 0); // a session's first append does extra work, once
      heads.set(id, (heads.get(id) ?? 0) + batch);
    }
    const from = performance.now();
    const counts = await Promise.all(
      ready.map(async (id) => {
        const start = heads.get(id) ?? 0;
        let head = start;
        while (performance.now() - from < roundMs) {
          await write(id, head);
          head += batch;
        }
        heads.set(id, head);
        return [id, head, head - start] as const;
      }),
    );
    const seconds = (performance.now() - from) / 1_000;
    const written = counts.reduce((sum, [, , count]) => sum + count, 0);
    return { counts, samples: [written / seconds], written };
  }

  const factsAfter = (head: number) => Array.from({ length: batch }, (_, n) => factOf(head + n + 1));

  async function subject(): Promise<SideRound> {
    const { counts, samples } = await round('subject', (id, head) =>
      log.append({
        ...{ sessionId: id, after: head, at: Date.now(), facts: factsAfter(head) },
        ...(also && { puts: [{ kind: 'session', id, doc: recordOf(id, head), sort: head }] }),
      }),
    );
    const expected = counts.reduce((sum, [, head]) => sum + head, 0);
    let received = 0;
    for (const [id] of counts) received += await raw.count(id);
    return { samples, correct: { expected, received, lost: expected - received, duplicated: 0, reordered: 0 } };
  }
  async function peer(): Promise<SideRound> {
    const { samples } = await round('peer', async (id, head) => {
      const facts = factsAfter(head).map((fact) => JSON.stringify(fact));
      await raw.insert(id, head + 1, facts);
      if (also) await raw.put(id, JSON.stringify(recordOf(id, head)));
    });
    return { samples };
  }
  const held = stack.move();
  return { subject, peer, [Symbol.asyncDispose]: () => held.disposeAsync() };
}
