import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { createGroupCommitter } from '../../../src/storage/sqlite/transaction.ts';
import { databasePerTest } from '../../support/stores/database-per-test.ts';

const database = databasePerTest();

test('F073 after a failed fsync the store acknowledges nothing more, and does not ask the disk again', () => {
  using db = new DatabaseSync(database.path);
  db.exec('CREATE TABLE t (v TEXT)');
  const insert = db.prepare('INSERT INTO t (v) VALUES (?)');
  let calls = 0;
  // Only a failing disk fails here, so the test makes the statement that reaches it fail.
  const failing = {
    exec: (sql: string) => db.exec(sql),
    get isTransaction() {
      return db.isTransaction;
    },
    prepare: (sql: string) => (sql === 'COMMIT' ? { run: failedFsync } : db.prepare(sql)),
  };
  function failedFsync() {
    calls++;
    throw Object.assign(new Error('disk I/O error'), { errcode: 1034 });
  }
  const add = (text: string) => Number(insert.run(text).changes);
  const commit = createGroupCommitter(failing as unknown as DatabaseSync, { add }, database.path);
  expect(
    commit([
      ['add', 'a'],
      ['add', 'b'],
    ]).map((reply) => reply.slice(0, 2)),
  ).toEqual([
    [false, 'store_unavailable'],
    [false, 'store_unavailable'],
  ]);
  expect([commit([['add', 'c']])[0]?.slice(0, 2), calls]).toEqual([[false, 'store_unavailable'], 1]);
  expect(db.prepare('SELECT count(*) AS n FROM t').get()).toEqual({ n: 0 });
});
