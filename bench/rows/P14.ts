import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { freshFolder } from '../lib/folder.ts';
import type { Experiment, Mode, Pair, Row, SideRound } from '../lib/measure.ts';
import { inPackage, loadPeer, missingPeer } from '../lib/peer-packages.ts';

// The same script on `node:sqlite` and on better-sqlite3, a native add-on: appends in transactions of 100, one read by
// key for each, and a page of 100. It tells whether the rule "no native add-on" costs speed.

interface Statement {
  run(...values: unknown[]): unknown;
  get(...values: unknown[]): unknown;
  all(...values: unknown[]): unknown[];
}
interface Database {
  exec(sql: string): unknown;
  prepare(sql: string): Statement;
  close(): void;
}
type Open = new (path: string) => Database;

export const P14: Row = {
  id: 'P14',
  title: 'node:sqlite and better-sqlite3, the same script',
  missing: missingPeer(inPackage('better-sqlite3', 'package.json')),
  experiments: (mode) => [experiment(mode)],
};

function experiment(mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    ...{ id: 'P14', variant: { synchronous: 'normal' }, unit: 'operations/s', better: 'higher', feels: 'noise' },
    ...{ subject: 'node:sqlite', peer: 'better-sqlite3@13' },
    goals: [{ stat: 'p50', min: 0.9, level: 'anchor' }],
    rounds: { warmUp: 2, min: 8, max: quick ? 20 : 60, capMs: quick ? 12_000 : 120_000 },
    open: () => openPair(quick ? 20 : 100),
  };
}

async function openPair(batches: number): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await freshFolder());
  const subject = script(new (DatabaseSync as unknown as Open)(join(path, 'node.db')), batches);
  const peer = script(new (loadPeer<Open>('better-sqlite3'))(join(path, 'better.db')), batches);
  stack.defer(() => {
    subject.close();
    peer.close();
  });
  const held = stack.move();
  return {
    subject: async () => subject.round(),
    peer: async () => peer.round(),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

const perBatch = 100;
const text = JSON.stringify({ id: '1', description: 'step '.padEnd(180, '.'), status: 'running' });

function script(db: Database, batches: number): { round(): SideRound; close(): void } {
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  db.exec(
    'CREATE TABLE event (session TEXT, seq INTEGER, fact TEXT, PRIMARY KEY (session, seq)) STRICT, WITHOUT ROWID',
  );
  const insert = db.prepare('INSERT INTO event (session, seq, fact) VALUES (?, ?, ?)');
  const one = db.prepare('SELECT fact FROM event WHERE session = ? AND seq = ?');
  const page = db.prepare('SELECT seq, fact FROM event WHERE session = ? AND seq > ? ORDER BY seq LIMIT 100');
  let rounds = 0;
  return {
    round() {
      const session = `session-${++rounds}`;
      const from = performance.now();
      for (let batch = 0; batch < batches; batch++) {
        const first = batch * perBatch;
        db.exec('BEGIN');
        for (let n = 1; n <= perBatch; n++) insert.run(session, first + n, text);
        db.exec('COMMIT');
        for (let n = 1; n <= perBatch; n++) if (!one.get(session, first + n)) throw new Error('a row is missing');
        if (page.all(session, first).length !== perBatch) throw new Error('the page is not whole');
      }
      return { samples: [(batches * perBatch * 2 * 1_000) / (performance.now() - from)] };
    },
    close: () => db.close(),
  };
}
