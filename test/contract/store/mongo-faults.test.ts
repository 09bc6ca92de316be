// @module-tag all
import { describe, expect, test } from 'vitest';
import type { AppendRequest } from '../../../src/core/contracts/ports.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { openMongoStore } from '../../../src/storage/mongo/store.ts';
import { behindProxy, mongoUrl, openMongo, rawDatabase, skipMongo } from '../../support/stores/mongo.ts';
import { deltas, facts, newSession } from '../../support/stores/store.ts';

/** An error code of MongoDB that the store does not retry. */
const badValue = 2;

describe.skipIf(skipMongo)('mongo store in trouble (needs TEST_MONGODB_URL)', () => {
  const entry = (more: Partial<AppendRequest> = {}): AppendRequest => ({
    sessionId: newSession(),
    after: 0,
    at: 1,
    facts: facts(1),
    ...more,
  });
  const seqs = (page: { events: { seq: number }[] }) => page.events.map(({ seq }) => seq);

  test('F064 an append of one fact or several whose answer is lost is done once, with the same seq', async () => {
    await using mongo = await behindProxy();
    for (const count of [1, 3]) {
      const one = entry({ facts: facts(count), puts: [{ kind: 'k', id: `lost ${count}`, doc: 1 }] });
      mongo.proxy.cause(/^insert events/, 'lose');
      expect(await mongo.store.events.append(one)).toBe(count);
      const page = await mongo.store.events.page(one.sessionId, 0, 10);
      expect([page.head, page.events.length]).toEqual([count, count]);
      expect(await mongo.store.records.get('k', `lost ${count}`)).toMatchObject({ doc: 1, version: 1 });
    }
  });

  test('F064 an append that was abandoned and is requested again knows what it wrote', async () => {
    await using mongo = await behindProxy(600);
    const one = entry({ facts: facts(2) });
    mongo.proxy.cause(/^insert events/, 'lose', 1);
    mongo.proxy.cause(/^(insert|find) events/, 'cut', 1_000);
    await expect(mongo.store.events.append(one)).rejects.toMatchObject({ code: 'store_unavailable', retryable: true });
    mongo.proxy.calm();
    await expect.poll(() => mongo.store.events.append(one).catch(() => 0)).toBe(2);
    expect(seqs(await mongo.store.events.page(one.sessionId, 0, 10))).toEqual([1, 2]);
    await expect(mongo.store.events.append({ ...one })).rejects.toMatchObject({ code: 'fenced' });
  });

  test('F065 after an error that passes an append is tried again until it works', async () => {
    await using mongo = await behindProxy();
    for (const code of [112, 91, 10107, 11600]) {
      mongo.proxy.cause(/^insert events/, code, 2);
      const one = entry();
      expect([code, await mongo.store.events.append(one)]).toEqual([code, 1]);
      expect(seqs(await mongo.store.events.page(one.sessionId, 0, 10))).toEqual([1]);
    }
  });

  test('F065 a duplicate that another writer wrote is fenced', async () => {
    await using mongo = await behindProxy();
    await using other = await openMongoStore({ url: new Secret(mongoUrl as string), database: mongo.database });
    const sessionId = newSession();
    await mongo.store.events.append(entry({ sessionId }));
    await other.events.append(entry({ sessionId, after: 1 }));
    await expect(mongo.store.events.append(entry({ sessionId, after: 1 }))).rejects.toMatchObject({ code: 'fenced' });
    expect(await mongo.store.events.append(entry({ sessionId, after: 2 }))).toBe(3);
  });

  test('F063 a slow server costs an append its deadline and no more, and others continue', async () => {
    await using mongo = await behindProxy(500);
    mongo.proxy.cause(/^insert events/, { delayMs: 600_000 }, 1); // longer than the test may take
    const one = entry();
    await expect(mongo.store.events.append(one)).rejects.toMatchObject({ code: 'store_unavailable' });
    expect([
      await mongo.store.events.append(entry()),
      (await mongo.store.events.page(newSession(), 0, 1)).head,
    ]).toEqual([1, 0]);
  });

  test('F063 the store limits waiting requests and refuses more at once', async () => {
    await using opened = await openMongo({ maxWaiting: 5 });
    const requested = Array.from({ length: 20 }, () => opened.store.inbox.claim(newSession(), 'hash', 1));
    const done = await Promise.allSettled(requested);
    expect(done.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    for (const it of done) if (it.status === 'rejected') expect(it.reason).toMatchObject({ code: 'store_busy' });
  });

  test('F062 while the server is away requests fail in time; once it is back everything is there and continues', async () => {
    await using mongo = await behindProxy();
    const sessionId = newSession();
    await mongo.store.events.append(entry({ sessionId }));
    await mongo.proxy.close();
    // the same append each time: the server can still execute one that the store gave up
    const next = entry({ sessionId, after: 1 });
    await expect(mongo.store.events.append(next)).rejects.toMatchObject({ code: 'store_unavailable', retryable: true });
    await mongo.proxy.open();
    await expect.poll(() => mongo.store.events.append(next).catch(() => 0)).toBe(2);
    expect(seqs(await mongo.store.events.page(sessionId, 0, 10))).toEqual([1, 2]);
  });

  describe('a writer that dies in the middle of an append', () => {
    test('after its first event has committed it: whoever reads finds all of it, records too', async () => {
      await using mongo = await behindProxy(500);
      const { sessionId, ...one } = entry({ facts: [...facts(1), ...deltas(2)] });
      await mongo.store.events.append({ ...one, sessionId, facts: facts(1) });
      const puts = [{ kind: 'session', id: sessionId, doc: 'newest' }];
      mongo.proxy.cause(/^update records/, 'hang', 100);
      await expect(mongo.store.events.append({ ...one, sessionId, after: 1, puts })).rejects.toMatchObject({
        code: 'store_unavailable',
      });
      await rawDatabase(mongo.database, async (db) => {
        for (const { name } of await db.listCollections().toArray())
          if (name.startsWith('events')) await db.collection(name).deleteMany({ nth: { $gt: 0 } });
      });
      await using other = await openMongoStore({ url: new Secret(mongoUrl as string), database: mongo.database });
      expect(await other.records.get('session', sessionId)).toMatchObject({ doc: 'newest', version: 1 });
      const page = await other.events.page(sessionId, 0, 10);
      expect([page.head, ...seqs(page)]).toEqual([4, 1, 2, 3, 4]);
      expect(await other.events.append({ ...one, sessionId, after: 4 })).toBe(7);
    });

    test('a writer that died a moment ago, or only sleeps, is looked for by every start, and one of long ago by none', async () => {
      const now = Date.now();
      await using mongo = await openMongo({ now: () => now });
      await mongo.store.events.append(entry({ facts: facts(1) }));
      const url = new Secret(mongoUrl as string);
      const left: number[] = [];
      for (const laterMs of [60_000, 16 * 60_000]) {
        await using other = await openMongoStore({ url, database: mongo.database, now: () => now + laterMs });
        await other.settle();
        const open = { writer: { $exists: true } };
        left.push(await rawDatabase(mongo.database, (db) => db.collection('logs').countDocuments(open)));
      }
      expect(left).toEqual([1, 0]);
    });

    test('an older append that is completed late does not put an old record over a newer one', async () => {
      await using mongo = await openMongo();
      const sessionId = newSession();
      for (const after of [0, 2]) {
        const puts = [{ kind: 'session', id: sessionId, doc: after }];
        await mongo.store.events.append(entry({ sessionId, after, facts: facts(2), puts }));
      }
      await using other = await openMongoStore({ url: new Secret(mongoUrl as string), database: mongo.database });
      await other.settle();
      expect(await other.records.get('session', sessionId)).toMatchObject({ doc: 2, version: 2 });
    });
  });

  test('the end of a log that could not be noted is noted once the store answers, without a further append', async () => {
    await using mongo = await behindProxy();
    const one = entry({ facts: facts(2) });
    mongo.proxy.cause(/^update heads/, badValue);
    await mongo.store.events.append(one);
    await expect.poll(() => mongo.store.events.heads([one.sessionId])).toEqual(new Map([[one.sessionId, 2]]));
  });
});
