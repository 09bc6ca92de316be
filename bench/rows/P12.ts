import { join } from 'node:path';
import type { SessionFact } from '../../src/core/events.ts';
import { randomIds, type SessionId } from '../../src/core/ids.ts';
import { storeEventLog } from '../../src/store/log.ts';
import { sqliteStore } from '../../src/store/sqlite/store.ts';
import { freshFolder } from '../lib/folder.ts';
import { type Experiment, type Mode, nothingMissing, type Pair, type Row, type SideRound } from '../lib/measure.ts';
import { rawTable } from '../peers/raw-insert.ts';

// Durable appends a second through the event log; each session awaits one append before its next. The peer writes the
// same rows, one per transaction, with the same `synchronous`. The row reads every event back and compares it.

export const P12: Row = {
  id: 'P12',
  title: 'durable appends',
  missing: nothingMissing,
  experiments: (mode) => [
    experiment({ sessions: 1, synchronous: 'full' }, 0.5, mode),
    experiment({ sessions: 1, synchronous: 'normal' }, 0.5, mode),
    experiment({ sessions: 100, synchronous: 'full' }, 1.5, mode),
  ],
};

interface Variant {
  readonly sessions: number;
  readonly synchronous: 'full' | 'normal';
}
const textOf = (seq: number) => `step ${seq} `.padEnd(180, '.');
const factOf = (seq: number): SessionFact => ({
  type: 'step',
  runId: null,
  data: { id: String(seq), description: textOf(seq), status: 'running' },
});

function experiment(variant: Variant, min: number, mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    id: 'P12',
    variant: { ...variant },
    ...{ unit: 'events/s', better: 'higher', subject: 'corral-log', peer: 'raw-insert', feels: 'noise' },
    goals: [{ stat: 'p50', min, level: 'lead' }],
    rounds: { warmUp: 2, min: 10, max: quick ? 20 : 60, capMs: quick ? 9_000 : 120_000 },
    open: () => openPair(variant, quick ? 250 : 1_000),
  };
}

async function openPair({ sessions, synchronous }: Variant, roundMs: number): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await freshFolder());
  const store = stack.use(await sqliteStore({ path: join(path, 'corral.db'), synchronous }));
  const log = storeEventLog(store.events, { maxLag: 5_000, pageSize: 256 });
  const raw = stack.use(rawTable(join(path, 'raw.db'), synchronous));
  const ids = randomIds();

  /** New sessions each time, so that both logs have the same length. */
  async function subject(): Promise<SideRound> {
    const appended = new Map<SessionId, number>(Array.from({ length: sessions }, () => [ids.sessionId(), 0]));
    const from = performance.now();
    const writers = [...appended.keys()].map(async (id) => {
      let head = 0;
      while (performance.now() - from < roundMs) {
        const entry = { sessionId: id, after: head, at: Date.now(), facts: [factOf(head + 1)] };
        head = await log.append(entry);
      }
      appended.set(id, head);
    });
    await Promise.all(writers);
    const seconds = (performance.now() - from) / 1_000;
    const expected = [...appended.values()].reduce((sum, one) => sum + one, 0);
    const received = await readBack(appended);
    return {
      samples: [expected / seconds],
      correct: { expected, received, lost: expected - received, duplicated: 0, reordered: 0 },
    };
  }

  async function readBack(appended: ReadonlyMap<SessionId, number>): Promise<number> {
    let right = 0;
    for (const [id, count] of appended) {
      for (let after = 0; after < count; ) {
        const { events } = await log.page(id, after, 1_000);
        if (events.length === 0) break;
        for (const event of events) {
          if (event.seq === after + 1 && event.type === 'step' && event.data.description === textOf(event.seq)) right++;
          after = event.seq;
        }
      }
    }
    return right;
  }

  async function peer(): Promise<SideRound> {
    const id = ids.sessionId();
    const from = performance.now();
    let seq = 0;
    while (performance.now() - from < roundMs) raw.insert(id, ++seq, JSON.stringify(factOf(seq)));
    const seconds = (performance.now() - from) / 1_000;
    if (raw.count(id) !== seq) throw new Error('the raw table lost a row');
    return { samples: [seq / seconds] };
  }

  const held = stack.move();
  return { subject, peer, [Symbol.asyncDispose]: () => held.disposeAsync() };
}
