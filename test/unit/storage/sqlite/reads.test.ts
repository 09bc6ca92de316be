import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { droppable } from '../../../../src/core/model/event-traits.ts';
import { lastOfType, readOperations, recordStatements, recordsByPrefix } from '../../../../src/storage/sqlite/reads.ts';
import { migrations, unindexedTypes } from '../../../../src/storage/sqlite/schema.ts';

function database(ids: readonly string[]) {
  const db = new DatabaseSync(':memory:');
  for (const step of migrations) db.exec(step);
  const put = db.prepare('INSERT INTO record (id, kind, version, sort, doc) VALUES (?, ?, 1, ?, ?)');
  for (const [n, id] of ids.entries()) for (const kind of ['a', 'b']) put.run(id, kind, n, '{}');
  return db;
}

test('a list by prefix has the records of its kind whose ids begin so, the newest first', () => {
  const { list } = readOperations(database(['s', 's:1', 's:2', 's:\u{10fffe}', 's;', 'r:9', 't:1']));
  expect(list({ kind: 'a', idPrefix: 's:', limit: -1 }).map(([id]) => id)).toEqual(['s:\u{10fffe}', 's:2', 's:1']);
  expect(list({ kind: 'a', idPrefix: 's:', limit: 1 }).map(([id]) => id)).toEqual(['s:\u{10fffe}']);
});

test('a list by prefix reads no other ids, however many records the kind has', () => {
  const plan = database([]).prepare(`EXPLAIN QUERY PLAN ${recordsByPrefix}`).all();
  expect(plan.map(({ detail }) => detail)).toContain('SEARCH record USING PRIMARY KEY (id>? AND id<?)');
});

test.each([
  ['kind', 'record_order (kind=?)'],
  ['owner', 'record_owner (kind=? AND owner=?)'],
  ['shared', 'record_shared (kind=?)'],
  ['state', 'record_state (kind=? AND state=?)'],
] as const)('a list by %s reads and counts by an index, in its order, and nothing else', (set, index) => {
  const db = database([]);
  const plans = Object.values(recordStatements(set)).map((sql) =>
    db
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map(({ detail }) => String(detail))
      .filter((detail) => /record|TEMP/.test(detail)),
  );
  const [first, behind, count] = plans.map((plan) => plan.join().replaceAll('USING COVERING INDEX', 'USING INDEX'));
  expect(first).toBe(`SEARCH record USING INDEX ${index}`);
  expect(count).toBe(`SEARCH record USING INDEX ${index}`);
  const at = index.slice(0, -1);
  expect(behind).toMatch(`SEARCH record USING INDEX ${at} AND sort=? AND id>?)`);
  expect(behind).toMatch(`SEARCH record USING INDEX ${at} AND sort<?)`);
});

test('a search reads in pieces of at most a thousand rows and about a megabyte, and nothing behind a hit', () => {
  const db = database([]);
  const put = db.prepare("INSERT INTO event (session, seq, type, at, fact) VALUES (?, ?, 'message.user', 0, ?)");
  const say = (session: string, seq: number, text: string) => put.run(session, seq, JSON.stringify({ data: { text } }));
  for (let seq = 1; seq <= 1_500; seq++) say('a', seq, 'hay');
  for (let seq = 1; seq <= 600; seq++) say('b', seq, seq === 2 ? 'needle' : 'hay');
  for (let seq = 1; seq <= 5; seq++) say('c', seq, 'x'.repeat(400_000));
  const { search, searchRecords } = readOperations(db);
  const [none, first] = search('needle', ['', 0]);
  expect([none, first]).toEqual([[], ['a', 1_000]]);
  const [found, second] = search('needle', first ?? ['', 0]);
  expect([found, second]).toEqual([['b'], ['c', 3]]);
  expect(search('needle', second ?? ['', 0])).toEqual([[], null]);
  const record = db.prepare("INSERT INTO record (id, kind, version, sort, doc) VALUES (?, 'k', 1, ?, ?)");
  for (let n = 0; n < 1_500; n++) record.run(`r${n}`, n, JSON.stringify({ title: n === 1_200 ? 'Needle' : 'hay' }));
  const [before, next] = searchRecords('k', ['title'], 'needle', null);
  expect([before, next]).toEqual([[], [999, 'r999']]);
  expect(searchRecords('k', ['title'], 'needle', next)).toEqual([['r1200'], null]);
});

test('the newest event of a type is read from an index, and nothing else of the log', () => {
  const db = database([]);
  const plan = db.prepare(`EXPLAIN QUERY PLAN ${lastOfType}`).all();
  expect(plan.map(({ detail }) => detail)).toEqual([
    'SEARCH event USING COVERING INDEX event_type (session=? AND type=?)',
  ]);
  expect(new Set(unindexedTypes)).toEqual(droppable);
  const types = ['run.end', 'message.delta', 'run.end', 'message.delta', 'tool.output'];
  const put = db.prepare("INSERT INTO event (session, seq, type, at, fact) VALUES ('s', ?, ?, 0, '{}')");
  for (const [n, type] of types.entries()) put.run(n + 1, type);
  const { lastOf } = readOperations(db);
  const found = ['run.end', 'message.delta', 'tool.output', 'run.wait'].map((type) => lastOf('s', type));
  expect(found).toEqual([3, 4, 5, 0]);
});
