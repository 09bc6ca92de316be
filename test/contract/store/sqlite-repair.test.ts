// @module-tag all
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { recoverDatabase } from '../../../src/storage/sqlite/recover.ts';
import { openSqliteStore } from '../../../src/storage/sqlite/store.ts';
import { databasePerTest } from '../../support/stores/database-per-test.ts';
import { facts, newSession, writer } from '../../support/stores/store.ts';

const database = databasePerTest();

const now = Date.UTC(2026, 0, 1);
async function fill(sessions: number) {
  await using store = await openSqliteStore({ path: database.path });
  const ids = Array.from({ length: sessions }, newSession);
  for (const id of ids) {
    await writer(store.events, id)(facts(200));
    await store.records.put({ kind: 'session', id, doc: { id, lastSeq: 200 } });
  }
  return ids;
}
function damage(offset: number, length = 512): Buffer {
  const bytes = readFileSync(database.path);
  bytes.fill(Buffer.from('noise '), offset, offset + length);
  writeFileSync(database.path, bytes);
  return bytes;
}

test('F071 repair takes over what can be read, marks the gaps, and keeps the damaged file as it is', async () => {
  const ids = await fill(20);
  const damaged = damage(Math.floor(readFileSync(database.path).length / 8_192) * 4_096, 4_096); // a page in the middle
  await expect(openSqliteStore({ path: database.path })).rejects.toMatchObject({ code: 'store_corrupt' });
  const { kept, events, records } = recoverDatabase(database.path, now);
  expect(kept).toBe(`${database.path}.damaged-2026-01-01T00-00-00-000Z`);
  expect([readFileSync(kept as string).equals(damaged), records]).toEqual([true, 20]);
  expect(events).toBeGreaterThan(3_500);
  expect(readdirSync(database.folder).filter((name) => name.startsWith('.recovering'))).toEqual([]);

  await using store = await openSqliteStore({ path: database.path });
  let found = 0;
  for (const id of ids) {
    const { events: read, head, trimmed } = await store.events.page(id, 0, 500);
    found += read.length;
    const seqs = read.map(({ seq }) => seq).filter((seq) => seq > trimmed);
    expect(seqs).toEqual(Array.from({ length: head - trimmed }, (_, n) => trimmed + n + 1)); // every gap is reported
    expect((await store.records.get('session', id))?.doc).toMatchObject({ lastSeq: head });
    expect(await store.events.append({ sessionId: id, after: head, at: 1, facts: facts(1) })).toBe(head + 1);
  }
  expect(found).toBe(events);
});

test('an event whose text was hit is left behind', async () => {
  const [id] = (await fill(1)) as [Awaited<ReturnType<typeof fill>>[number]];
  damage(readFileSync(database.path, 'latin1').indexOf('"t150"}'), 6);
  damage(readFileSync(database.path).length - 4_096 + 8, 64); // damage that a check also finds
  const { kept } = recoverDatabase(database.path, now);
  expect(kept).toBeDefined();
  await using store = await openSqliteStore({ path: database.path });
  const page = await store.events.page(id, 0, 500);
  expect(page.events.map(({ seq }) => seq)).not.toContain(150);
  if (page.head > 150) expect(page.trimmed).toBeGreaterThanOrEqual(150);
});

test('a sound file is left alone', async () => {
  await fill(1);
  const before = readFileSync(database.path);
  expect(recoverDatabase(database.path, now)).toMatchObject({ kept: undefined });
  expect(readFileSync(database.path).equals(before)).toBe(true);
});

test('a file without its header cannot be repaired: it stays unchanged, and the error asks for a backup', async () => {
  await fill(1);
  const damaged = damage(0, 100);
  expect(() => recoverDatabase(database.path, now)).toThrow('put a backup in its place');
  expect(readFileSync(database.path).equals(damaged)).toBe(true);
});

test('F072 while a server has the file it is not repaired', async () => {
  await using _store = await openSqliteStore({ path: database.path });
  expect(() => recoverDatabase(database.path, now)).toThrow('in use by another server');
});
