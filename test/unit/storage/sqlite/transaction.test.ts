import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { createGroupCommitter } from '../../../../src/storage/sqlite/transaction.ts';

let db: DatabaseSync;
beforeEach(() => {
  db = new DatabaseSync(':memory:');
  db.exec("CREATE TABLE t (v TEXT NOT NULL CHECK (v <> 'odd'))");
});
afterEach(() => db.close());
const count = () => Number(db.prepare('SELECT count(*) AS n FROM t').get()?.n);

function open() {
  const insert = db.prepare('INSERT INTO t (v) VALUES (?)');
  return createGroupCommitter(
    db,
    {
      add: (text: string) => Number(insert.run(text).changes),
      addThenFail(text: string) {
        insert.run(text);
        throw new AppError('conflict', 'No.');
      },
      stumble() {
        throw new TypeError('a bug');
      },
    },
    'the.db',
  );
}

test('a request that fails half-way is rolled back, and the others of its transaction stay committed', () => {
  const replies = open()([['add', 'a'], ['addThenFail', 'b'], ['add', 'odd'], ['stumble'], ['add', 'c']]);
  expect(replies.map(([, value]) => value)).toEqual([1, 'conflict', 'store_unavailable', 'internal', 1]);
  expect(
    db
      .prepare('SELECT v FROM t ORDER BY v')
      .all()
      .map(({ v }) => v),
  ).toEqual(['a', 'c']);
});

test('F070 a full disk acknowledges nothing that is not stored, and writes succeed again once there is room', () => {
  const commit = open();
  db.exec('PRAGMA max_page_count = 20');
  const replies = commit([
    ['add', 'small'],
    ['add', 'x'.repeat(200_000)],
    ['add', 'small'],
  ]);
  expect(replies.filter(([ok]) => ok).length).toBe(count());
  const expected = [false, 'store_unavailable', 'The store is full: its disk has no space left.'];
  expect(replies[1]?.slice(0, 3)).toEqual(expected);
  expect(db.isTransaction).toBe(false);
  db.exec('PRAGMA max_page_count = 1000');
  expect(commit([['add', 'x'.repeat(200_000)]])).toEqual([[true, 1]]);
});

test('a failed commit refuses all its requests, and later requests succeed', () => {
  db.exec('PRAGMA foreign_keys = ON; CREATE TABLE a (id INTEGER PRIMARY KEY);');
  db.exec('CREATE TABLE b (a INTEGER REFERENCES a (id) DEFERRABLE INITIALLY DEFERRED)');
  const dangle = db.prepare('INSERT INTO b (a) VALUES (7)');
  const insert = db.prepare('INSERT INTO t (v) VALUES (?)');
  const commit = createGroupCommitter(
    db,
    { dangle: () => void dangle.run(), add: (v: string) => void insert.run(v) },
    'the.db',
  );
  expect([commit([['add', 'a'], ['dangle']]).map(([ok]) => ok), count()]).toEqual([[false, false], 0]);
  expect(commit([['add', 'a']])[0]?.[0]).toBe(true);
});
