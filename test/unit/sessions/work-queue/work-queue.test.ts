import { test as base, describe, expect } from 'vitest';
import { EnvironmentKeys, findEnvironmentKeysUnderOldPeppers } from '../../../../src/auth/environment-keys.ts';
import { createPeppers } from '../../../../src/auth/pepper.ts';
import type { Store } from '../../../../src/core/contracts/ports.ts';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { createIdSource, type SessionId } from '../../../../src/core/model/ids.ts';
import { Secret } from '../../../../src/core/text/secret.ts';
import { WorkQueue } from '../../../../src/sessions/work-queue/work-queue.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';
import { openPair, storePairs } from '../../../support/stores/store-pairs.ts';

const environment = 'env_0123456789abcdef01234567';
const other = 'env_ffffffffffffffffffffffff';
const secrets = (...hex: string[]) => createPeppers(hex.map((two) => new Secret(two.repeat(32))));

const pollOptions = () => ({ blockMs: 0, reclaimMs: 5_000, maker: {}, signal: new AbortController().signal });

function opened({ records } = createInMemoryStore() as Pick<Store, 'records'>, pepper = secrets('ab'), shared = false) {
  const clock = manualClock();
  const ids = createIdSource();
  const ended = new Set<SessionId>();
  const archived = new Set<SessionId>();
  const gone = new Set<string>();
  const keys = new EnvironmentKeys({ records, clock, ids, peppers: async () => pepper });
  const deps = {
    records,
    keys,
    clock,
    shared,
    async session(id: SessionId) {
      if (ended.has(id)) throw new AppError('session_not_found', 'gone');
      return { archived: archived.has(id) };
    },
    async readOwner(id: string) {
      if (gone.has(id)) throw new AppError('not_found', 'gone');
      return 'owner';
    },
  };
  const queue = new WorkQueue(deps);
  const poll = (blockMs = 0, of = environment, workerId?: string) =>
    queue.service.poll(of, { ...pollOptions(), blockMs, maker: { key: 'maker' }, workerId });
  /** An item that a worker has claimed and acknowledged. */
  const serve = async () => {
    const item = await poll();
    if (!item) throw new Error('there is no item');
    await queue.service.acknowledge(environment, item.id);
    return item;
  };
  /** The same store, as another server opens it. */
  const again = () => new WorkQueue(deps);
  return { clock, ids, records, keys, queue, service: queue.service, poll, serve, again, ended, archived, gone };
}
const enqueued = async ({ ids, queue, clock }: ReturnType<typeof opened>) => {
  const id = ids.sessionId();
  await queue.enqueue(environment, id);
  clock.advance(1);
  return id;
};

const test = base.extend('it', () => opened());

describe('the queue', () => {
  test('gives out the items in their order, each once, and none to another environment', async ({ it }) => {
    const [first, second] = [await enqueued(it), await enqueued(it)];
    expect(await it.poll(0, other)).toBeUndefined();
    const claims = [await it.poll(), await it.poll(), await it.poll()];
    expect(claims.map((item) => item?.sessionId)).toEqual([first, second, undefined]);
    expect(claims[0]).toMatchObject({ environmentId: environment, state: 'queued', acknowledgedAt: null });
  });

  test('has one open item of a session, and another once that is stopped', async ({ it }) => {
    const id = await enqueued(it);
    await it.queue.enqueue(environment, id);
    const item = await it.serve();
    await it.queue.enqueue(environment, id);
    expect(await it.poll()).toBeUndefined();
    await it.service.stop(environment, item.id, { force: true });
    await it.queue.enqueue(environment, id);
    const next = await it.poll();
    expect([next?.sessionId, next?.id === item.id]).toEqual([id, false]);
    expect((await it.service.items(environment)).map(({ state }) => state)).toEqual(['queued', 'stopped']);
    expect(await it.service.item(environment, item.id)).toMatchObject({ state: 'stopped' });
    await expect(it.service.stop(environment, item.id, { force: true })).rejects.toMatchObject({ code: 'conflict' });
    await expect(it.service.item(other, item.id)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('two enqueues at once make one item', async ({ it }) => {
    const id = it.ids.sessionId();
    await Promise.all([1, 2, 3].map(() => it.queue.enqueue(environment, id)));
    expect(await it.service.items(environment)).toHaveLength(1);
  });

  test('two polls at once claim an item once', async ({ it }) => {
    await enqueued(it);
    const claims = await Promise.all([it.poll(), it.again().service.poll(environment, pollOptions()), it.poll()]);
    expect(claims.filter((claim) => claim !== undefined)).toHaveLength(1);
  });

  test.for(storePairs)('two servers give each session to one worker at a time, with %s', async (name, { skip }) => {
    await using pair = await openPair(name, { skip }, { atomicUpdates: true });
    const servers = pair.stores.map((store) => opened(store, secrets('ab'), true));
    const sessions = Array.from({ length: 30 }, () => createIdSource().sessionId()).sort();
    await Promise.all(sessions.flatMap((id) => servers.map(({ queue }) => queue.enqueue(environment, id))));
    const drain = async ({ poll, service }: ReturnType<typeof opened>) => {
      const taken: string[] = [];
      for (let item = await poll(); item; item = await poll()) {
        taken.push(item.sessionId);
        await service.acknowledge(environment, item.id);
      }
      return taken;
    };
    const served = async () => (await Promise.all([...servers, ...servers].map(drain))).flat().sort();
    expect(await served()).toEqual(sessions);
    for (const { clock } of servers) clock.advance(90_000); // every lease lapses
    expect(await served()).toEqual(sessions);
  });

  test('a poll that waits has an item as soon as there is one', async ({ it }) => {
    const waiting = it.poll(999);
    const id = it.ids.sessionId();
    await it.queue.enqueue(environment, id);
    expect((await waiting)?.sessionId).toBe(id);
    const none = it.poll(999);
    await it.clock.advance(999);
    expect(await none).toBeUndefined();
  });

  test('a poll ends with its client', async ({ it }) => {
    const left = new AbortController();
    const waiting = it.service.poll(environment, { ...pollOptions(), blockMs: 999, signal: left.signal });
    left.abort();
    expect(await waiting).toBeUndefined();
  });

  test('a claim that nobody acknowledges lapses', async ({ it }) => {
    const id = await enqueued(it);
    await it.poll();
    it.clock.advance(4_000);
    expect(await it.poll()).toBeUndefined();
    it.clock.advance(1_000);
    expect((await it.poll())?.sessionId).toBe(id);
  });

  test('an item without a claim cannot be acknowledged', async ({ it }) => {
    const id = await enqueued(it);
    const work = `work_${id}x1`;
    await expect(it.service.acknowledge(environment, work)).rejects.toMatchObject({ code: 'conflict' });
    await expect(it.service.acknowledge(environment, 'work_nonsense')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('an item of a session that was archived or deleted is never handed out', async ({ it }) => {
    it.ended.add(await enqueued(it));
    it.archived.add(await enqueued(it));
    expect(await it.poll()).toBeUndefined();
    expect((await it.service.items(environment)).map(({ state }) => state)).toEqual(['stopped', 'stopped']);
  });

  test('its numbers say who waits, who is claimed and how many workers ask', async ({ it }) => {
    const none = { waiting: 0, claimed: 0, oldestQueuedAt: null, workers: 0 };
    expect(await it.service.stats(environment)).toEqual(none);
    const at = it.clock.now();
    for (const _ of [1, 2, 3]) await enqueued(it);
    await it.poll(0, environment, 'one');
    await it.poll(0, other, 'two');
    expect(await it.service.stats(environment)).toEqual({ waiting: 2, claimed: 1, oldestQueuedAt: at, workers: 1 });
    it.clock.advance(31_000);
    expect(await it.service.stats(environment)).toMatchObject({ workers: 0 });
  });
});

describe('a lease', () => {
  test('is kept by heartbeats that name the one before, and by no other', async ({ it }) => {
    await enqueued(it);
    const { id } = await it.serve();
    const beat = (expected: number | null) => it.service.beat(environment, id, { expected });
    const first = await beat(null);
    expect(first).toMatchObject({ outcome: 'extended', state: 'active', ttlSeconds: 90 });
    expect(await beat(null)).toMatchObject({ outcome: 'mismatch', heartbeatAt: first.heartbeatAt });
    const second = await beat(first.heartbeatAt);
    expect(second.heartbeatAt).not.toBe(first.heartbeatAt); // in the same millisecond
    it.clock.advance(80_000);
    expect(await beat(second.heartbeatAt)).toMatchObject({ outcome: 'extended' });
    it.clock.advance(80_000);
    expect(await it.poll()).toBeUndefined();
  });

  test('that lapses gives the item to the next worker, and ends the earlier one', async ({ it }) => {
    const session = await enqueued(it);
    const item = await it.serve();
    const last = await it.service.beat(environment, item.id, { expected: null, ttlSeconds: 30 });
    const before = await it.queue.find(item.token);
    expect(before).toMatchObject({ environmentId: environment, owner: 'owner', work: { sessionId: session } });
    it.clock.advance(29_999);
    expect(await it.poll()).toBeUndefined();
    it.clock.advance(1);
    const next = await it.poll();
    expect(next).toMatchObject({ id: item.id, state: 'queued', heartbeatAt: null });
    expect([before?.ended.aborted, await it.queue.find(item.token)]).toEqual([true, undefined]);
    expect(await it.queue.find(next?.token ?? '')).toMatchObject({ work: { id: item.id } });
    const late = await it.service.beat(environment, item.id, { expected: last.heartbeatAt });
    expect(late.outcome).toBe('mismatch');
  });

  test('begins with the acknowledgement, so a worker that dies early holds nothing for ever', async ({ it }) => {
    await enqueued(it);
    await it.serve();
    it.clock.advance(90_000);
    expect(await it.poll()).toBeDefined();
  });

  test('survives a restart of the server', async ({ it }) => {
    await enqueued(it);
    const item = await it.serve();
    const { heartbeatAt } = await it.service.beat(environment, item.id, { expected: null });
    const later = it.again();
    expect(await later.find(item.token)).toBeDefined();
    const beat = await later.service.beat(environment, item.id, { expected: heartbeatAt });
    expect(beat.outcome).toBe('extended');
  });
});

describe('a stop', () => {
  test('asks the worker, which then ends the item', async ({ it }) => {
    await enqueued(it);
    const { id, token } = await it.serve();
    const { heartbeatAt } = await it.service.beat(environment, id, { expected: null });
    const stopping = { state: 'stopping', stoppedAt: null };
    expect(await it.service.stop(environment, id, { force: false })).toMatchObject(stopping);
    expect(await it.service.beat(environment, id, { expected: heartbeatAt })).toMatchObject({ state: 'stopping' });
    const worker = await it.queue.find(token);
    expect(await it.service.stop(environment, id, { force: true })).toMatchObject({ state: 'stopped' });
    expect([worker?.ended.aborted, await it.queue.find(token)]).toEqual([true, undefined]);
    const ended = { outcome: 'ended', state: 'stopped' };
    expect(await it.service.beat(environment, id, { expected: null })).toMatchObject(ended);
  });

  test('of an item that waits takes it from the queue', async ({ it }) => {
    const id = await enqueued(it);
    await it.service.withdraw(environment, id);
    expect(await it.poll()).toBeUndefined();
    await it.service.withdraw(environment, id); // a repetition is not an error
  });

  test('that a dead worker never receives ends the item with its lease', async ({ it }) => {
    await enqueued(it);
    const { id } = await it.serve();
    await it.service.stop(environment, id, { force: false });
    it.clock.advance(90_000);
    expect(await it.poll()).toBeUndefined();
    expect(await it.service.item(environment, id)).toMatchObject({ state: 'stopped' });
  });
});

describe('credentials of workers', () => {
  const choice = { name: 'laptop', maker: { key: 'maker' } };

  test('a key opens its environment until it is revoked, with the tokens of its claims', async ({ it }) => {
    const { key, view } = await it.service.createKey(environment, choice);
    const found = await it.queue.find(key);
    const expected = { environmentId: environment, owner: 'owner', keyId: view.id, maker: { key: 'maker' } };
    expect(found).toMatchObject(expected);
    await enqueued(it);
    const item = await it.service.poll(environment, { ...pollOptions(), maker: { environmentKey: view.id } });
    expect(await it.queue.find(item?.token ?? '')).toMatchObject({ maker: { key: 'maker' } });
    await expect(it.service.revokeKey(other, view.id)).rejects.toMatchObject({ code: 'not_found' });
    expect(await it.service.revokeKey(environment, view.id)).toMatchObject({ revokedAt: it.clock.now() });
    const refusal = { code: 'unauthorized', message: expect.stringContaining('was revoked') };
    for (const one of [key, item?.token ?? '']) await expect(it.queue.find(one)).rejects.toMatchObject(refusal);
    expect(await it.queue.find(`${key.slice(0, -43)}${'A'.repeat(43)}`)).toBeUndefined(); // a guess reveals nothing
    expect(found?.ended.aborted).toBe(true);
  });

  test('the store has neither the key nor its hash under a known secret, and the list no secret', async ({ it }) => {
    const { key } = await it.service.createKey(environment, choice);
    expect(JSON.stringify(await it.records.list('environment-key'))).not.toContain(key.slice(-43));
    expect(JSON.stringify(await it.service.keys(environment))).not.toMatch(/hash|pepper|maker/);
  });

  test.each([
    ['of another secret', (key: string) => `${key.slice(0, -43)}${'A'.repeat(43)}`],
    ['that is cut', (key: string) => key.slice(0, -1)],
    ['with more behind it', (key: string) => `${key}A`],
    ['of another id', (key: string) => `crlenv_ffffffffffff${key.slice(19)}`],
  ])('a key %s opens nothing', async (_, change) => {
    const it = opened();
    const { key } = await it.service.createKey(environment, choice);
    expect(await it.queue.find(change(key))).toBeUndefined();
  });

  test('a token that was changed, or is a day old, opens nothing', async ({ it }) => {
    await enqueued(it);
    const { id, token } = await it.serve();
    const [text = '', pepper, mac] = token.split('.');
    const claim = JSON.parse(Buffer.from(text.slice(8), 'base64url').toString());
    const changed = Buffer.from(JSON.stringify({ ...claim, environmentId: other })).toString('base64url');
    expect(await it.queue.find(`crlwork_${changed}.${pepper}.${mac}`)).toBeUndefined();
    expect(await it.queue.find(token)).toBeDefined();
    it.clock.advance(24 * 60 * 60_000);
    await it.service.beat(environment, id, { expected: null }); // the lease alone does not keep a token valid
    expect(await it.queue.find(token)).toBeUndefined();
  });

  test('keys end with their environment', async ({ it }) => {
    const { key } = await it.service.createKey(environment, choice);
    it.gone.add(environment);
    expect(await it.queue.find(key)).toBeUndefined();
  });

  test('an environment has at most a hundred keys', async ({ it }) => {
    for (let n = 0; n < 100; n++) await it.service.createKey(environment, choice);
    await expect(it.service.createKey(environment, choice)).rejects.toMatchObject({ code: 'quota' });
    await it.service.createKey(other, choice);
  });

  test('a key moves to the first encryption key with its next use', async () => {
    const old = opened();
    const { key, view } = await old.service.createKey(environment, choice);
    const pepper = secrets('cd', 'ab');
    expect(await findEnvironmentKeysUnderOldPeppers(old.records, pepper)).toMatchObject([{ id: view.id }]);
    const now = opened(old, pepper);
    expect(await now.queue.find(key)).toBeDefined();
    expect(await findEnvironmentKeysUnderOldPeppers(old.records, pepper)).toEqual([]);
  });
});
