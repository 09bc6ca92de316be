import { expect, test } from 'vitest';
import type { Store } from '../../../src/core/contracts/ports.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import { createIdSource, type SessionId } from '../../../src/core/model/ids.ts';
import type { SessionRecord } from '../../../src/core/model/records.ts';
import type { CreateSessionCommand } from '../../../src/sessions/api/sessions.ts';
import { createSessionRecord } from '../../../src/sessions/run/log/projection.ts';
import { createNamedSessionMethods } from '../../../src/sessions/services/sessions/named.ts';
import { SessionNames } from '../../../src/sessions/services/sessions/names.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { openPair, storePairs } from '../../support/stores/store-pairs.ts';

// Callers who ask for a name at the same time get one session, on every store and from several servers.

/** The sessions of one server: their logs and records are real, but they have no machines. */
function serverOn(store: Store, clock = manualClock(1_000)) {
  const ids = createIdSource();
  const { records } = store;
  let mayCreate = true;
  const get = async (id: SessionId): Promise<SessionRecord> => {
    const found = (await records.get('session', id))?.doc as SessionRecord | undefined;
    if (!found || found.deleting) throw new AppError('session_not_found', 'There is no such session.');
    return found;
  };
  const create = async ({ id = ids.sessionId(), name, owner }: CreateSessionCommand) => {
    if (!mayCreate) throw new AppError('sandbox_capacity', 'There is no room.');
    const input = { origin: 'trpc', title: '', template: 'default', projectId: null, lastTask: '' } as const;
    const record = createSessionRecord({ ...input, id, name, owner, at: clock.now() });
    const fact = { type: 'session.created', runId: null, data: { origin: 'trpc', template: 'default' } } as const;
    const puts = [{ kind: 'session', id, doc: record, sort: clock.now() }];
    await store.events.append({ sessionId: id, after: 0, at: clock.now(), facts: [fact], puts });
    return record;
  };
  const change = async (id: SessionId, name: string | null) => {
    const found = await get(id);
    await records.put({ kind: 'session', id, doc: { ...found, name }, sort: 0 });
    return await get(id);
  };
  const remove = (id: SessionId) => store.events.erase(id);
  const names = new SessionNames({ records, clock, ids, get });
  const service = createNamedSessionMethods({ names, create, remove, resume: async () => {} });
  return {
    names,
    clock,
    remove,
    open: (name: string, owner = 'ada') => service.named({ origin: 'trpc', name, owner }),
    find: async (name: string) => (await service.byName(name, 'ada')).id,
    rename: async (id: SessionId, name: string | null) => {
      const session = await get(id);
      return await names.rename(session, name, () => change(id, name));
    },
    refuse: () => {
      mayCreate = false;
    },
  };
}

async function conforms(stores: readonly Store[]) {
  const servers = stores.map((store) => serverOn(store));
  const [one, two] = [servers[0], servers.at(-1)] as [ReturnType<typeof serverOn>, ReturnType<typeof serverOn>];
  const records = (stores[0] as Store).records;

  // Many concurrent callers.
  for (const name of ['build-cache', 'docs']) {
    const opened = await Promise.all(servers.flatMap(({ open }) => Array.from({ length: 8 }, () => open(name))));
    expect(new Set(opened.map(({ session }) => session.id)).size).toBe(1);
    expect(opened.filter(({ isNew }) => isNew)).toHaveLength(1);
  }
  expect(await records.count('session')).toBe(2);

  // Another owner's names are separate.
  const { session: bobs } = await one.open('docs', 'bob');
  expect(bobs.id).not.toBe(await two.find('docs'));

  // Two sessions claim one name at the same time: one gets it, and the other keeps its own.
  const [cache, docs] = [await one.find('build-cache'), await one.find('docs')];
  const tries = await Promise.allSettled([one.rename(cache, 'main'), two.rename(docs, 'main')]);
  expect(tries.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(tries.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'conflict' } });
  const [winner, loser, freed, kept] =
    tries[0]?.status === 'fulfilled'
      ? ([cache, docs, 'build-cache', 'docs'] as const)
      : ([docs, cache, 'docs', 'build-cache'] as const);
  expect(await two.find('main')).toBe(winner);
  expect(await two.find(kept)).toBe(loser);
  await expect(two.find(freed)).rejects.toMatchObject({ code: 'session_not_found' });

  // A name that was freed, or whose session was deleted, can name another session.
  await one.rename(winner, null);
  await expect(two.find('main')).rejects.toMatchObject({ code: 'session_not_found' });
  expect((await Promise.all(servers.map(({ open }) => open('main'))))[0]?.session.id).not.toBe(winner);
  await one.remove(loser);
  const after = await two.open(kept);
  expect(after).toMatchObject({ isNew: true });
  expect(after.session.id).not.toBe(loser);
}

test.for(storePairs)('a name is that of one session, whoever asks at the same time, with %s', async (name, context) => {
  await using pair = await openPair(name, context, { atomicUpdates: true });
  await conforms(pair.stores);
});

test('a session that could not be made leaves its name free', async () => {
  const store = createInMemoryStore();
  const full = serverOn(store);
  full.refuse();
  await expect(full.open('docs')).rejects.toMatchObject({ code: 'sandbox_capacity' });
  expect(await store.records.count('box-name')).toBe(0);
  expect(await serverOn(store).open('docs')).toMatchObject({ isNew: true });
});

test('a name that a dead server was about to assign is assigned by the next caller, and later a new claim takes its place', async () => {
  const store = createInMemoryStore();
  const server = serverOn(store);
  const left = await server.names.claim('ada', 'docs'); // and its server dies
  if (left.kind !== 'claim') throw new Error('nobody has this name');
  expect((await server.open('docs')).session.id).toBe(left.claim.sessionId);

  const late = await server.names.claim('ada', 'main');
  if (late.kind !== 'claim') throw new Error('nobody has this name');
  server.clock.advance(61_000);
  const { session } = await server.open('main');
  expect(session.id).not.toBe(late.claim.sessionId);
  expect(await server.names.complete(late.claim)).toBe(false);
  expect(await server.find('main')).toBe(session.id);
});

test('a rename that a dead server left half-done does not keep the name from another session', async () => {
  const store = createInMemoryStore();
  const server = serverOn(store);
  const { session } = await server.open('docs');
  const died = server.names.rename(session, 'main', () => Promise.reject(new AppError('shutting_down', 'It ends.')));
  await expect(died).rejects.toMatchObject({ code: 'shutting_down' });
  server.clock.advance(61_000);
  expect(await server.find('docs')).toBe(session.id);
  expect(await server.open('main')).toMatchObject({ isNew: true });
});

test('the clean-up removes names of sessions that are gone, and no others', async () => {
  const store = createInMemoryStore();
  const server = serverOn(store);
  const { session: gone } = await server.open('docs');
  await server.open('main');
  await server.remove(gone.id);
  server.clock.advance(61_000);
  expect(await server.names.collect(server.clock.now())).toBe(1);
  expect((await store.records.list('box-name')).map(({ doc }) => (doc as { name: string }).name)).toEqual(['main']);
});
