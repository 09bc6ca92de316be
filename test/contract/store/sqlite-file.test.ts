import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { migrations } from '../../../src/storage/sqlite/schema.ts';
import { openSqliteStore, type SqliteOptions } from '../../../src/storage/sqlite/store.ts';
import { run } from '../../support/clients/api.ts';
import { needs } from '../../support/servers/components.ts';
import { databasePerTest } from '../../support/stores/database-per-test.ts';
import { expectIndexed, recordsBeforeIndex } from '../../support/stores/records-before-index.ts';
import { deltas, facts, newSession, writer } from '../../support/stores/store.ts';

const database = databasePerTest();
const open = (options: Partial<SqliteOptions> = {}) => openSqliteStore({ path: database.path, ...options });

/** A file with enough data to fill its third page. */
async function fill(sessionId = newSession()) {
  await using store = await open();
  await writer(store.events, sessionId)(facts(200));
  return sessionId;
}

function scribble(text: string | Buffer, offset: number): Buffer {
  const bytes = readFileSync(database.path);
  Buffer.from(text).copy(bytes, offset);
  writeFileSync(database.path, bytes);
  return bytes;
}

test('a closed store has all its contents when it opens again', async () => {
  const sessionId = newSession();
  {
    await using store = await open();
    await writer(store.events, sessionId)([...deltas(4), ...facts(2)]);
    await store.events.compact(sessionId, { keepDroppable: 1, keepAll: 100 });
    await store.records.put({ kind: 'k', id: 'a', doc: { a: 1 } });
    await store.inbox.claim('key', 'hash', 1);
    await store.inbox.answer('key', 'done');
    await store.leases.acquire('lease', 'me', 1, 10);
  }
  await using store = await open();
  const expected = { head: 6, thinned: 3, events: [{ seq: 5 }, { seq: 6 }] };
  expect(await store.events.page(sessionId, 4, 10)).toMatchObject(expected);
  expect(await store.records.get('k', 'a')).toEqual({ id: 'a', doc: { a: 1 }, version: 1 });
  expect(await store.inbox.claim('key', 'hash', 1)).toEqual({ kind: 'done', answer: 'done' });
  expect(await store.leases.acquire('lease', 'other', 12, 10)).toMatchObject({ epoch: 2 });
});

test("only the server's user can read the store's files", async () => {
  database.path = join(database.folder, 'made', 'corral.db');
  await using store = await open();
  await writer(store.events, newSession())(facts(1));
  const modes = readdirSync(join(database.folder, 'made')).map((name) => [
    name,
    (statSync(join(database.folder, 'made', name)).mode & 0o777).toString(8),
  ]);
  expect(Object.fromEntries(modes)).toEqual({
    'corral.db': '600',
    'corral.db-shm': '600',
    'corral.db-wal': '600',
    'corral.db.holder': '600',
    'corral.db.lock': '600',
  });
  expect(statSync(join(database.folder, 'made')).mode & 0o777).toBe(0o700);
});

test('of many sessions that are erased at once, while others write, no text is in any file once each answer is out', async () => {
  await using store = await open();
  const busy = newSession();
  const going = Array.from({ length: 12 }, newSession);
  for (const [n, id] of going.entries())
    await writer(store.events, id)([{ type: 'title', runId: null, data: { title: `xyzzy-${n}-`.repeat(500) } }]);
  const append = writer(store.events, busy);
  let isOver = false;
  const writing = (async () => {
    while (!isOver) await append(facts(1));
  })();
  const all = () => ['', '-wal'].map((end) => readFileSync(`${database.path}${end}`, 'latin1')).join('');
  const found = await Promise.all(
    going.map(async (id, n) => {
      await store.events.erase(id);
      return all().includes(`xyzzy-${n}-`);
    }),
  );
  isOver = true;
  await writing;
  expect(found).toEqual(going.map(() => false));
});

test('the text of an erased session is in no file of the store', async () => {
  await using store = await open();
  const [gone, kept] = [newSession(), newSession()];
  for (const [id, text] of [
    [gone, 'xyzzy'],
    [kept, 'plugh'],
  ] as const) {
    const big = { type: 'title' as const, runId: null, data: { title: text.repeat(4_000) } };
    await writer(store.events, id)([...facts(20), big, { ...big, data: { title: text } }]);
    await store.records.put({ kind: 'session', id, doc: text });
  }
  await store.events.erase(gone);
  // Closing the lock file after a read would release its lock.
  const files = readdirSync(database.folder).filter((name) => !name.endsWith('.lock'));
  const bytes = files.map((name) => readFileSync(join(database.folder, name), 'latin1')).join();
  expect(bytes).toContain('plugh');
  expect(bytes).not.toContain('xyzzy');
  expect(bytes).not.toContain(gone);
});

test('a text that is redacted or deleted is in no file of the store soon after', async () => {
  await using store = await open();
  const bytes = () =>
    readdirSync(database.folder)
      .filter((name) => !name.endsWith('.lock'))
      .map((name) => readFileSync(join(database.folder, name), 'latin1'))
      .join();
  const redacted = ['memory-version', 'memory-store-version'];
  const deleted = ['memory-store-text', 'document-agent', 'document-version', 'skill-version', 'automation', 'project'];
  for (const kind of [...redacted, ...deleted]) {
    const removed = { kind, id: 'person::a:1' };
    await store.records.put({ ...removed, doc: { text: 'xyzzy'.repeat(2_000) } });
    await Promise.all(Array.from({ length: 20 }, (_, n) => store.records.put({ kind, id: `b:${n}`, doc: 'plugh' })));
    if (redacted.includes(kind)) await store.records.put({ ...removed, doc: { text: null } });
    else await store.records.delete(kind, removed.id);
    await expect.poll(() => bytes().includes('xyzzy'), { message: kind }).toBe(false);
  }
  expect(bytes()).toContain('plugh');
});

test('F072 a second server on the same file is refused, and the error names the first server', async () => {
  await using _first = await open();
  const second = open();
  await expect(second).rejects.toMatchObject({ name: 'AppError', code: 'store_busy' });
  await expect(second).rejects.toThrow(`in use by another server (pid ${process.pid}, since 20`);
  await expect(open()).rejects.toMatchObject({ code: 'store_busy' }); // a refused open does not release the lock
});

test('F072 a file that cannot be written is refused with the system’s reason', async (context) => {
  await needs(context, 'bubblewrap');
  await fill();
  const program = `
    import { openSqliteStore } from './src/storage/sqlite/store.ts';
    const refused = await openSqliteStore({ path: ${JSON.stringify(database.path)} }).catch((error) => error);
    console.log(JSON.stringify([refused.code, refused.publicMessage]));`;
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', '--input-type=module', '-e', program];
  const { stdout } = await run('bwrap', [
    '--dev-bind',
    '/',
    '/',
    '--ro-bind',
    database.folder,
    database.folder,
    ...node,
  ]);
  const expected = ['store_unavailable', expect.stringMatching(/corral\.db.*read-only.*must be writable/)];
  expect(JSON.parse(stdout)).toEqual(expected);
});

test('a store opens despite the lock note of a dead server whose pid another process has now', async () => {
  writeFileSync(`${database.path}.holder`, JSON.stringify({ pid: process.ppid, since: '2020-01-01T00:00:00.000Z' }));
  await using store = await open();
  await store.check(AbortSignal.timeout(60_000));
});

test('a file of an earlier version opens with all its records, found by owner, sharing, name and text, and sums its usage', async () => {
  const db = new DatabaseSync(database.path);
  for (const step of migrations.slice(0, 5)) db.exec(step);
  const put = db.prepare('INSERT INTO record (id, kind, version, sort, doc) VALUES (?, ?, 1, ?, ?)');
  for (const [n, { kind, id, doc }] of recordsBeforeIndex.entries()) put.run(id, kind, n, JSON.stringify(doc));
  const fork = newSession();
  put.run(
    fork,
    'session',
    0,
    JSON.stringify({ status: 'completed', title: 'Old', forkedFrom: { sessionId: fork, seq: 1 } }),
  );
  const add = db.prepare('INSERT INTO event (session, seq, type, at, fact) VALUES (?, ?, ?, 0, ?)');
  for (const seq of [1, 2])
    add.run(fork, seq, 'usage', JSON.stringify({ data: { model: 'a/b', inputTokens: seq, outputTokens: 0 } }));
  add.run(fork, 3, 'message.user', JSON.stringify({ data: { text: 'hay' } }));
  db.exec('PRAGMA user_version = 5');
  db.close();
  await using store = await open();
  expect(await store.events.usage(0, 1, ['session', 'model'])).toMatchObject([
    { session: fork, model: 'a/b', inputTokens: 2 },
  ]);
  const found = await Promise.all([store.events.search('HAY', 9), store.records.searchTitles('old', 9)]);
  expect(found).toEqual([[fork], [fork]]);
  await store.events.erase(fork);
  expect(await store.events.search('hay', 9)).toEqual([]);
  await expectIndexed(store.records);
});

test('F014 a file that a newer version wrote is refused, and says so', async () => {
  await fill();
  const db = new DatabaseSync(database.path);
  db.exec('PRAGMA user_version = 999');
  db.close();
  const before = readFileSync(database.path);
  await expect(open()).rejects.toMatchObject({ code: 'unsupported' });
  await expect(open()).rejects.toThrow(/written by a newer Corral \(schema 999; this one supports up to \d+\)/);
  expect(readFileSync(database.path).equals(before)).toBe(true);
});

test.each([
  ['F071 a page of noise', 8_192, Buffer.from(Array.from({ length: 512 }, (_, n) => (n * 197 + 13) % 256))],
  ['a header that is none', 0, 'This is not a database'],
])('%s is found at start; the file is refused with advice and left as it is', async (_, offset, noise) => {
  await fill();
  const damaged = scribble(noise, offset);
  await expect(open()).rejects.toMatchObject({ name: 'AppError', code: 'store_corrupt', retryable: false });
  await expect(open()).rejects.toThrow('./corral repair');
  expect(readFileSync(database.path).equals(damaged)).toBe(true);
});

test('damage that SQLite cannot see, because only the text is hit, is found when it is read', async () => {
  const sessionId = await fill();
  scribble('"t15~~~', readFileSync(database.path, 'latin1').indexOf('"t150"}'));
  await using store = await open();
  await expect(store.events.page(sessionId, 0, 500)).rejects.toMatchObject({ code: 'store_corrupt' });
  expect((await store.events.page(sessionId, 0, 100)).events).toHaveLength(100);
});

test('a path where no file can be is refused with the system’s reason', async () => {
  writeFileSync(join(database.folder, 'file'), '');
  database.path = join(database.folder, 'file', 'corral.db');
  await expect(open()).rejects.toMatchObject({ code: 'store_unavailable' });
  await expect(open()).rejects.toThrow('EEXIST');
});

test('a lock file that is none is not taken for a lock that is held', async () => {
  writeFileSync(`${database.path}.lock`, 'not a database, but long enough to have a header. '.repeat(20));
  await expect(open()).rejects.toMatchObject({ code: 'store_unavailable' });
  await expect(open()).rejects.toThrow(`${database.path}.lock cannot be used`);
});
