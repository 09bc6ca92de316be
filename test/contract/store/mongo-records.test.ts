// @module-tag all
import { describe, expect, test } from 'vitest';
import { neverAbortingSignal } from '../../../src/core/concurrency/cancel.ts';
import type { AppendRequest, Store } from '../../../src/core/contracts/ports.ts';
import type { SessionId } from '../../../src/core/model/ids.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { LogSizeEstimator } from '../../../src/sessions/retention/retention.ts';
import { openMongoStore } from '../../../src/storage/mongo/store.ts';
import { stored } from '../../support/machines/session-parts.ts';
import { behindProxy, mongoUrl, openMongo, skipMongo } from '../../support/stores/mongo.ts';
import { mongoProxy } from '../../support/stores/mongo-proxy.ts';
import { facts, newSession } from '../../support/stores/store.ts';

describe.skipIf(skipMongo)("a session's record on MongoDB (needs TEST_MONGODB_URL)", () => {
  const sessionId = newSession();
  const entry = (after: number, doc: number): AppendRequest => ({
    sessionId,
    after,
    at: 1,
    facts: facts(1),
    puts: [{ kind: 'session', id: sessionId, doc }],
  });

  test('an append is two round trips with a record, and one without', async () => {
    await using mongo = await behindProxy(800);
    await mongo.store.events.append(entry(0, 0));
    const before = mongo.proxy.seen.length;
    await mongo.store.events.append(entry(1, 1));
    await mongo.store.events.append({ ...entry(2, 2), puts: [] });
    const kinds = mongo.proxy.seen.slice(before).filter((command) => /^(insert|update|find) (?!heads)/.test(command));
    const expected = ['insert events', 'update records', 'insert events'];
    expect(kinds.map((command) => command.replace(/events\w*/, 'events'))).toEqual(expected);
  });

  test('F064 a record whose writer fails before the put is committed: every server finds it, and a later append too', async () => {
    await using mongo = await behindProxy(800);
    await using other = await openMongoStore({ url: new Secret(mongoUrl as string), database: mongo.database });
    for (const reader of [mongo.store, other]) {
      const id = newSession();
      const own = (after: number): AppendRequest => {
        return { ...entry(after, after), sessionId: id, puts: [{ kind: 'session', id, doc: after }] };
      };
      await mongo.store.events.append(own(0));
      mongo.proxy.cause(/^update records/, 'hang', 1_000);
      await expect(mongo.store.events.append(own(1))).rejects.toMatchObject({ code: 'store_unavailable' });
      await expect(mongo.store.records.get('session', id)).rejects.toMatchObject({ code: 'store_unavailable' });
      mongo.proxy.calm();
      expect(await reader.records.get('session', id)).toMatchObject({ doc: 1 });
      expect(await reader.events.append(own(2))).toBe(3);
      // the hanging put does not overwrite the newer document
      await expect.poll(() => mongo.store.records.get('session', id).catch(() => undefined)).toMatchObject({ doc: 2 });
    }
  });

  test('sizes of logs are read of those that grew on any server, and of no other', async () => {
    await using mongo = await behindProxy(800);
    await using other = await openMongoStore({ url: new Secret(mongoUrl as string), database: mongo.database });
    const ids = Array.from({ length: 12 }, newSession);
    const append = (to: Store, id: SessionId, after: number) =>
      to.events.append({ ...entry(after, after), sessionId: id, puts: [{ kind: 'session', id, doc: { after } }] });
    for (const id of ids) await append(other, id, 0);
    const sizes = new LogSizeEstimator(mongo.store);
    expect(await sizes.refresh(0, neverAbortingSignal)).toBeUndefined();
    await sizes.of(
      ids.map((id) => stored({ id })),
      neverAbortingSignal,
    );
    const known = async () => (await sizes.refresh(0, neverAbortingSignal))?.total ?? 0;
    const before = [await known(), await known()];
    await append(other, ids[5] as SessionId, 1);
    const from = mongo.proxy.seen.length;
    const grown = await known();
    expect([before[0] === before[1], grown > (before[0] ?? 0)]).toEqual([true, true]);
    const reads = mongo.proxy.seen.slice(from).filter((command) => command.startsWith('find'));
    expect(reads.filter((command) => command.startsWith('find events')).length).toBeLessThanOrEqual(3);
    expect(reads.filter((command) => command === 'find records')).toHaveLength(2);
  });

  test('a store that does not answer does not keep a shutdown waiting', { tags: ['nightly'] }, async () => {
    await using proxy = await mongoProxy(mongoUrl as string);
    const opened = await openMongo({ url: new Secret(proxy.url), deadlineMs: 3_000 });
    await opened.store.events.append(entry(0, 0));
    proxy.cause(/./, 'hang', 1_000);
    const appends = [opened.store.events.append(entry(1, 1)), opened.store.events.append(entry(2, 2))];
    for (const append of appends) append.catch(() => {});
    await opened.store[Symbol.asyncDispose]();
    expect((await Promise.allSettled(appends)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    proxy.calm();
    await opened[Symbol.asyncDispose]();
  });

  test('F064 a record whose append was stored although it failed: the same server finds it too', async () => {
    await using mongo = await behindProxy(800);
    await mongo.store.events.append(entry(0, 0));
    mongo.proxy.cause(/^insert events/, 'lose');
    mongo.proxy.cause(/^(insert|find) events/, 'cut', 1_000);
    await expect(mongo.store.events.append(entry(1, 1))).rejects.toMatchObject({ code: 'store_unavailable' });
    mongo.proxy.calm();
    expect(await mongo.store.records.get('session', sessionId)).toMatchObject({ doc: 1 });
    expect((await mongo.store.events.page(sessionId, 0, 10)).events).toHaveLength(2);
  });

  test('F064 a record that a closing server could not write: the next server finds it', async () => {
    await using mongo = await behindProxy(800);
    {
      await using closing = await openMongoStore({
        url: new Secret(mongo.proxy.url),
        database: mongo.database,
        deadlineMs: 800,
      });
      await closing.events.append(entry(0, 0));
      mongo.proxy.cause(/^update records/, 'hang', 1_000);
      await expect(closing.events.append(entry(1, 1))).rejects.toMatchObject({ code: 'store_unavailable' });
    }
    await using other = await openMongoStore({ url: new Secret(mongoUrl as string), database: mongo.database });
    expect(await other.records.get('session', sessionId)).toMatchObject({ doc: 1 });
  });

  test('F110 a put that is still under way when another server erases the session does not bring it back', async () => {
    await using mongo = await behindProxy(800);
    await mongo.store.events.append(entry(0, 0));
    mongo.proxy.cause(/^update records/, 'hang', 1_000);
    const failing = expect(mongo.store.events.append(entry(1, 1))).rejects.toMatchObject({ code: 'store_unavailable' });
    await expect
      .poll(() => mongo.proxy.seen.filter((command) => command === 'update records').length)
      .toBeGreaterThan(1);
    await using other = await openMongoStore({ url: new Secret(mongoUrl as string), database: mongo.database });
    await other.events.erase(sessionId);
    await failing;
    mongo.proxy.calm();
    await expect.poll(() => mongo.store.records.list('session').catch(() => 'not yet')).toEqual([]);
    expect(await other.records.list('session')).toEqual([]);
    expect(await other.records.get('session', sessionId)).toBeUndefined();
    expect(await other.records.belonging(sessionId)).toEqual([]);
  });
});
