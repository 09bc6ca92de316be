import { describe, expect, test } from 'vitest';
import type { Append } from '../../../src/core/contracts/ports.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { mongoStore } from '../../../src/storage/mongo/store.ts';
import { mongoUrl, openMongo, skipMongo } from '../../support/stores/mongo.ts';
import { mongoProxy } from '../../support/stores/mongo-proxy.ts';
import { facts, newSession } from '../../support/stores/store.ts';

describe.skipIf(skipMongo)("a session's record on MongoDB (needs TEST_MONGODB_URL)", () => {
  async function behindProxy() {
    await using stack = new AsyncDisposableStack();
    const proxy = stack.use(await mongoProxy(mongoUrl as string));
    const opened = stack.use(await openMongo({ url: new Secret(proxy.url), deadlineMs: 800 }));
    const held = stack.move();
    return { ...opened, proxy, [Symbol.asyncDispose]: () => held.disposeAsync() };
  }
  const sessionId = newSession();
  const entry = (after: number, doc: number): Append => ({
    sessionId,
    after,
    at: 1,
    facts: facts(1),
    puts: [{ kind: 'session', id: sessionId, doc }],
  });
  const puts = (seen: readonly string[]) => seen.filter((command) => command === 'update records').length;

  test('an append waits for the first put only; later puts are merged, and readers see the newest record', async () => {
    await using opened = await behindProxy();
    const { proxy, store } = opened;
    await store.events.append(entry(0, 0));
    expect(puts(proxy.seen)).toBe(1);
    for (let n = 1; n <= 20; n++) {
      await store.events.append(entry(n, n));
      if (n % 7 === 0) expect(await store.records.get('session', sessionId)).toMatchObject({ doc: n });
    }
    expect((await store.records.list('session')).map(({ doc }) => doc)).toEqual([20]);
    expect(puts(proxy.seen)).toBeLessThan(20);
  });

  test('F064 a record whose writer dies before the put is committed: the next reader finds it, also after later events', async () => {
    await using opened = await behindProxy();
    const { proxy, store, database } = opened;
    await store.events.append(entry(0, 0));
    proxy.cause(/^update records/, 'hang', 1_000);
    expect(await store.events.append(entry(1, 1))).toBe(2);
    expect(await store.events.append({ ...entry(2, 2), puts: [] })).toBe(3); // the newest event itself puts no record
    await expect(store.records.get('session', sessionId)).rejects.toMatchObject({ code: 'store_unavailable' });
    await using other = await mongoStore({ url: new Secret(mongoUrl as string), database });
    expect(await other.records.get('session', sessionId)).toMatchObject({ doc: 1 });
    expect(await other.events.append(entry(3, 3))).toBe(4);
    proxy.calm();
    await expect.poll(() => store.records.get('session', sessionId).catch(() => undefined)).toMatchObject({ doc: 3 }); // the late one lies over nothing newer
  });

  test('a store that does not answer does not keep a shutdown waiting, whatever it still has to write', async () => {
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
    await using opened = await behindProxy();
    const { proxy, store } = opened;
    await store.events.append(entry(0, 0));
    proxy.cause(/^insert events/, 'lose');
    proxy.cause(/^(insert|find) events/, 'cut', 1_000);
    await expect(store.events.append(entry(1, 1))).rejects.toMatchObject({ code: 'store_unavailable' });
    proxy.calm();
    expect(await store.records.get('session', sessionId)).toMatchObject({ doc: 1 });
    expect((await store.events.page(sessionId, 0, 10)).events).toHaveLength(2);
  });

  test('F064 a record that a closing server could not write: the next server finds it', async () => {
    await using opened = await behindProxy();
    const { proxy, database } = opened;
    {
      await using closing = await mongoStore({ url: new Secret(proxy.url), database, deadlineMs: 800 });
      await closing.events.append(entry(0, 0));
      proxy.cause(/^update records/, 'hang', 1_000);
      await closing.events.append(entry(1, 1)); // its record is put late, and hangs
    }
    await using other = await mongoStore({ url: new Secret(mongoUrl as string), database });
    expect(await other.records.get('session', sessionId)).toMatchObject({ doc: 1 });
  });

  test('F110 a put that is still under way when another server erases the session does not bring it back', async () => {
    await using opened = await behindProxy();
    const { proxy, store, database } = opened;
    await store.events.append(entry(0, 0));
    proxy.cause(/^update records/, 'hang', 1_000);
    await store.events.append(entry(1, 1)); // its record is put late, and hangs
    await using other = await mongoStore({ url: new Secret(mongoUrl as string), database });
    await other.events.erase(sessionId);
    proxy.calm();
    await expect.poll(() => store.records.list('session').catch(() => 'not yet')).toEqual([]);
    expect(await other.records.list('session')).toEqual([]);
    expect(await other.records.get('session', sessionId)).toBeUndefined();
    expect(await other.records.belonging(sessionId)).toEqual([]);
  });

  test('an erased session leaves no record that is put late', async () => {
    await using opened = await behindProxy();
    const { store } = opened;
    await store.events.append(entry(0, 0));
    await store.events.append(entry(1, 1));
    await store.events.erase(sessionId);
    expect(await store.records.list('session')).toEqual([]);
  });

  test('an append waits for the put of a record that was deleted before', async () => {
    await using opened = await behindProxy();
    const { store, database } = opened;
    await store.events.append(entry(0, 0));
    await store.records.delete('session', sessionId);
    await store.events.append(entry(1, 1));
    await using other = await mongoStore({ url: new Secret(mongoUrl as string), database });
    expect(await other.records.list('session')).toHaveLength(1);
  });
});
