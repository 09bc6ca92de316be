// The simplest durable append: one prepared INSERT per transaction, in the caller's thread, into the same table.
import { DatabaseSync } from 'node:sqlite';
import { migrations } from '../../src/store/sqlite/schema.ts';

export interface RawTable extends Disposable {
  insert(session: string, seq: number, fact: string): void;
  count(session: string): number;
}

export function rawTable(path: string, synchronous: 'full' | 'normal'): RawTable {
  const db = new DatabaseSync(path);
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}; PRAGMA journal_size_limit = 16777216`);
  db.exec(migrations[0] ?? '');
  const insert = db.prepare('INSERT INTO event (session, seq, type, at, fact) VALUES (?, ?, ?, ?, ?)');
  const count = db.prepare('SELECT count(*) AS n FROM event WHERE session = ?');
  return {
    insert: (session, seq, fact) => void insert.run(session, seq, 'step', Date.now(), fact),
    count: (session) => Number(count.get(session)?.n),
    [Symbol.dispose]: () => db.close(),
  };
}
