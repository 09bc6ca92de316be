import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import type { UsageSum } from '../../../../src/core/contracts/ports.ts';
import { droppableEventTypes } from '../../../../src/core/model/event-traits.ts';
import {
  buildRecordStatements,
  buildUsageSumsQuery,
  createReadOperations,
  type EventPosition,
  messageChunkEndQuery,
  newestOfTypeQuery,
  recordsByPrefixQuery,
  type SearchChunk,
  titleChunkEndQuery,
  type UsageChunk,
} from '../../../../src/storage/sqlite/reads.ts';
import { migrations, unindexedEventTypes } from '../../../../src/storage/sqlite/schema.ts';

function database(ids: readonly string[]) {
  const db = new DatabaseSync(':memory:');
  for (const step of migrations) db.exec(step);
  const put = db.prepare('INSERT INTO record (id, kind, version, sort, doc) VALUES (?, ?, 1, ?, ?)');
  for (const [n, id] of ids.entries()) for (const kind of ['a', 'b']) put.run(id, kind, n, '{}');
  return db;
}

test('a list by prefix has the records of its kind whose ids begin so, the newest first', () => {
  const { list } = createReadOperations(database(['s', 's:1', 's:2', 's:\u{10fffe}', 's;', 'r:9', 't:1']));
  expect(list({ kind: 'a', idPrefix: 's:', limit: -1 }).map(([id]) => id)).toEqual(['s:\u{10fffe}', 's:2', 's:1']);
  expect(list({ kind: 'a', idPrefix: 's:', limit: 1 }).map(([id]) => id)).toEqual(['s:\u{10fffe}']);
});

test('usage is summed two thousand events at a time, and those of one moment together', () => {
  const db = database(['s']);
  db.exec("UPDATE record SET kind = 'session' WHERE kind = 'a'");
  const put = db.prepare("INSERT INTO event (session, seq, type, at, fact) VALUES ('s', ?, 'usage', ?, ?)");
  const fact = JSON.stringify({ data: { model: 'm', inputTokens: 1, outputTokens: 2 } });
  for (let seq = 1; seq <= 4_500; seq++) put.run(seq, seq < 1_990 ? seq : Math.max(2_100, seq), fact);
  const { usage } = createReadOperations(db);
  const chunks: number[][] = [];
  for (let at: number | null = 0; at !== null; ) {
    const [sums, next]: UsageChunk = usage(at, 4_400, ['model']);
    chunks.push((JSON.parse(sums) as UsageSum[]).map(({ turns }) => turns));
    at = next;
  }
  expect(chunks).toEqual([[2_100], [2_000], [299]]);
});

const plannedUsage = [
  'SEARCH usage USING PRIMARY KEY (at>? AND at<?)',
  'SEARCH record USING COVERING INDEX record_usage (id=? AND kind=?)',
  'USE TEMP B-TREE FOR GROUP BY',
];
test.each([
  ['usage by owner and day', buildUsageSumsQuery(['owner', 'day']), plannedUsage],
  ['usage by all its keys', buildUsageSumsQuery(['owner', 'project', 'model', 'day']), plannedUsage],
  ['the newest of a type', newestOfTypeQuery, ['SEARCH event USING COVERING INDEX event_type (session=? AND type=?)']],
  ['the next chunk of messages', messageChunkEndQuery, ['SEARCH message USING PRIMARY KEY ((session,seq)>(?,?))']],
  ['the next chunk of titles', titleChunkEndQuery, ['SEARCH record USING COVERING INDEX record_usage (id>?)']],
])('%s is read by an index, and reads nothing else', (_, query, plan) => {
  const found = database([]).prepare(`EXPLAIN QUERY PLAN ${query}`).all();
  expect(found.map(({ detail }) => detail)).toEqual(plan);
});

test('a list by prefix reads no other ids, however many records the kind has', () => {
  const plan = database([]).prepare(`EXPLAIN QUERY PLAN ${recordsByPrefixQuery}`).all();
  expect(plan.map(({ detail }) => detail)).toContain('SEARCH record USING PRIMARY KEY (id>? AND id<?)');
});

test.each([
  ['kind', 'record_order (kind=?)'],
  ['owner', 'record_owner (kind=? AND owner=?)'],
  ['shared', 'record_shared (kind=?)'],
  ['state', 'record_state (kind=? AND state=?)'],
  ['parent', 'record_parent (kind=? AND parent=?)'],
  ['ownerState', 'record_owner_state (kind=? AND owner=? AND state=?)'],
  ['parentState', 'record_parent_state (kind=? AND parent=? AND state=?)'],
] as const)('a list by %s reads and counts by an index, in its order, and nothing else', (set, index) => {
  const db = database([]);
  const plans = Object.values(buildRecordStatements(set)).map((sql) =>
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

test('a search takes a few milliseconds at a time, continues where it ended, and reads nothing behind a hit', () => {
  const db = database([]);
  const put = db.prepare("INSERT INTO event (session, seq, type, at, fact) VALUES (?, ?, 'message.user', 0, ?)");
  const say = (session: string, seq: number, text: string) => put.run(session, seq, JSON.stringify({ data: { text } }));
  for (let seq = 1; seq <= 300; seq++) say('a', seq, 'hay');
  for (let seq = 1; seq <= 200; seq++) say('b', seq, seq % 2 ? 'hay' : 'a "Needle"\nof 100 %');
  for (const [n, text] of ['text', '"needle"', '\\u0022needle', '"needle"\nof 100'].entries()) say('c', n + 1, text);
  /** A clock on which each read takes `ms`: with 5, each piece is as short as possible. */
  const pieces = <Place>(
    ms: number,
    read: (ops: ReturnType<typeof createReadOperations>, from: Place) => SearchChunk<Place>,
    first: Place,
  ) => {
    let time = 0;
    const ops = createReadOperations(db, () => (time += ms));
    const found: string[][] = [];
    for (let [some, next]: SearchChunk<Place> = read(ops, first); ; [some, next] = read(ops, next)) {
      found.push(some);
      if (next === null) return found;
    }
  };
  const search = (ms: number, text: string) =>
    pieces<EventPosition>(ms, (ops, from) => ops.search(text, from), ['', 0]);
  expect([search(0, '"needle"\nof 100 %'), search(0, 'NEEDLE"')]).toEqual([[['b']], [['b', 'c']]]);
  expect([search(5, 'needle"'), search(5, 'no such text').flat()]).toEqual([[[], [], ['b'], ['c']], []]);
  const record = db.prepare(
    "INSERT INTO record (id, kind, version, sort, doc, title) VALUES (?, 'session', 1, 0, '', ?)",
  );
  db.exec('BEGIN');
  for (let n = 0; n < 20_001; n++) record.run(`${10_000 + n}`, n % 10_000 === 9_999 ? 'Needle' : 'hay');
  db.exec('COMMIT');
  const found = pieces<string>(0, (ops, from) => ops.searchTitles('needle', from), '');
  expect(found).toEqual([['19999'], ['29999'], []]);
});

test('a search reads few rows at once while they take long', () => {
  const db = database([]);
  const put = db.prepare("INSERT INTO event (session, seq, type, at, fact) VALUES ('s', ?, 'message.user', 0, '{}')");
  for (let seq = 1; seq <= 400; seq++) put.run(seq);
  let [time, from] = [0, ['', 0] as EventPosition | null];
  const { search } = createReadOperations(db, () => (time += 4));
  const ends: number[] = [];
  for (; from; from = search('x', from)[1]) ends.push(from[1]);
  expect(ends).toEqual([0, 136, 272]);
});

test('the newest event of a type is found, whether or not the index has its type', () => {
  const db = database([]);
  expect(new Set(unindexedEventTypes)).toEqual(droppableEventTypes);
  const types = ['run.end', 'message.delta', 'run.end', 'message.delta', 'tool.output'];
  const put = db.prepare("INSERT INTO event (session, seq, type, at, fact) VALUES ('s', ?, ?, 0, '{}')");
  for (const [n, type] of types.entries()) put.run(n + 1, type);
  const { findLastSeq } = createReadOperations(db);
  const found = ['run.end', 'message.delta', 'tool.output', 'run.wait'].map((type) => findLastSeq('s', type));
  expect(found).toEqual([3, 4, 5, 0]);
});
