import { expect, test } from 'vitest';
import type { Clock } from '../../../../src/core/contracts/clock.ts';
import type { RecordStore, Store } from '../../../../src/core/contracts/ports.ts';
import { createIdSource, type SessionId } from '../../../../src/core/model/ids.ts';
import type { SessionService } from '../../../../src/sessions/api/sessions.ts';
import { WaitingRunResumer } from '../../../../src/sessions/budgets/waiting-runs.ts';
import { Delegation } from '../../../../src/sessions/delegation/child-runs.ts';
import { countSessionsByStatus } from '../../../../src/sessions/engine/unfinished-sessions.ts';
import type { StoredSession } from '../../../../src/sessions/run/log/projection.ts';
import { SessionList } from '../../../../src/sessions/services/session-list.ts';
import { WorkEnqueuer } from '../../../../src/sessions/work-queue/waiting-sessions.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { withPayloadOffload } from '../../../../src/storage/payload-offload/payload-offload.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';
import { stored } from '../../../support/machines/session-parts.ts';
import { seeded } from '../../../support/simulation/dice.ts';
import { memoryBlobs } from '../../../support/stores/memory-blobs.ts';
import { facts } from '../../../support/stores/store.ts';

const ids = createIdSource();
const idOf = (n: number) => n.toString(16).padStart(16, '0') as SessionId;
const one = (id: SessionId, at: number, change: Partial<StoredSession> = {}): StoredSession =>
  stored({ id, title: `at ${at}`, createdAt: at, updatedAt: at, latestMessageAt: at, ...change });
const anything = { after: undefined, keep: () => true };

/** A session list over a store, with a count of its reads. */
function listOf() {
  const { records } = createInMemoryStore();
  let [calls, rows] = [0, 0];
  const counting: RecordStore = {
    ...records,
    async list(kind, options) {
      calls++;
      const found = await records.list(kind, options);
      rows += found.length;
      return found;
    },
  };
  const put = (doc: StoredSession) => records.put({ kind: 'session', id: doc.id, doc, sort: doc.latestMessageAt });
  const fill = async (count: number, changeOf: (n: number) => Partial<StoredSession> = () => ({})) => {
    for (let n = 0; n < count; n++) await put(one(idOf(n), n, changeOf(n)));
  };
  const list = new SessionList({ records: counting });
  return { list, put, fill, records, counting, requested: () => calls, rows: () => rows };
}

test('a page is one read, and shows what changed since the page before', async () => {
  const { list, put, fill, requested } = listOf();
  await fill(100);
  const before = await list.part({ limit: 50, ...anything });
  await put(one(idOf(3), 1_000, { title: 'moved' }));
  const after = await list.part({ limit: 50, ...anything });
  expect([requested(), before.map(({ id }) => id).slice(0, 2)]).toEqual([2, [idOf(99), idOf(98)]]);
  expect([after.map(({ title }) => title).slice(0, 2), after.length]).toEqual([['moved', 'at 99'], 50]);
});

test('F102 the list equals the contents of the store after any order of changes', async () => {
  const random = seeded(7);
  const { list, put, records } = listOf();
  const known = new Map<SessionId, StoredSession>();
  const any = () => [...known.values()][Math.floor(random() * known.size)] as StoredSession;
  const change = async () => {
    const dice = random();
    if (known.size < 10 || dice < 0.5) return one(ids.sessionId(), Math.floor(random() * 500));
    const doc = any();
    if (dice < 0.6) return { ...doc, deleting: true };
    return { ...doc, title: `${random()}`, latestMessageAt: doc.latestMessageAt + Math.floor(random() * 50) };
  };
  for (let n = 0; n < 400; n++) {
    const doc = await change();
    known.set(doc.id, doc);
    await put(doc);
    if (n % 7 > 0) continue;
    const all = (await records.list('session')).map(({ doc }) => doc as StoredSession);
    const there = all.filter(({ deleting }) => !deleting);
    const keep = (it: { id: string }) => n % 2 === 0 || it.id > '8';
    const after = n % 3 === 0 ? any() : undefined;
    const behind = after ? there.slice(firstBehind(there, after)) : there;
    const page = await list.part({ limit: 20, after, keep });
    const expected = behind.filter(keep).slice(0, 20);
    expect(page.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
    expect((await list.all()).map(({ id, title }) => [id, title])).toEqual(there.map(({ id, title }) => [id, title]));
  }
});

test('F102 a session that moves while the list is read is in it, once', async () => {
  const { list, put, fill } = listOf();
  await fill(3_500);
  await list.all();
  const reading = list.all();
  await Promise.resolve();
  await put(one(idOf(5), 9_000, { title: 'moved' }));
  await put(one(idOf(3_499), 9_001, { title: 'moved before it was read, or after' }));
  const found = await reading;
  expect([found.length, new Set(found.map(({ id }) => id)).size]).toEqual([3_500, 3_500]);
});

test.each([
  ['an owner', { owner: 'ann' }, 8],
  ['a status', { status: 'waiting' as const }, 9],
  ['a status of a project', { projectId: 'p', status: 'waiting' as const }, 5],
  ['a status of an owner and projects', { owner: 'ann', projects: ['p'], status: 'waiting' as const }, 9],
])('a list of %s reads no other sessions', async (_, only, count) => {
  const { list, fill, rows } = listOf();
  await fill(1_000, (n) => ({
    status: n % 250 === 0 || n % 200 === 1 ? 'waiting' : 'completed',
    owner: n % 125 === 0 ? 'ann' : 'bob',
    projectId: n % 2 === 1 ? 'p' : null,
  }));
  expect(await list.part({ ...only, limit: 50, ...anything })).toHaveLength(count);
  expect(rows()).toBe(count);
});

test('a scrape counts the sessions of each status, and reads none', async () => {
  const { fill, counting, requested } = listOf();
  await fill(10, (n) => ({ status: n < 3 ? 'running' : 'completed' }));
  expect(await countSessionsByStatus(counting)).toEqual({ pending: 0, running: 3, waiting: 0, completed: 7 });
  expect(requested()).toBe(0);
});

interface RoundParts {
  readonly store: Store;
  readonly sessions: Pick<SessionService, 'list' | 'get' | 'send'>;
  readonly clock: Clock;
}
const never = new AbortController().signal;
const leads = async () => true;
const warn = () => {};
test.each<[string, (parts: RoundParts) => Promise<unknown>]>([
  [
    'runs that wait for a budget',
    ({ store, ...parts }) =>
      new WaitingRunResumer({ ...parts, ledger: {}, holdings: {}, events: store.events, leads, warn } as never).round(),
  ],
  [
    'sessions that wait for a worker',
    ({ store, ...parts }) => new WorkEnqueuer({ ...parts, events: store.events, leads, warn } as never).round(),
  ],
  [
    'children without their parents',
    ({ store, clock, ...services }) =>
      new Delegation({ ...store, clock, warn, services: Promise.resolve(services) } as never).adopt(never),
  ],
  [
    'blobs without an event',
    ({ store }) =>
      withPayloadOffload({ store, blobs: memoryBlobs(), newId: () => '', now: () => 1 }).collect(1_000, never),
  ],
])('a round for %s reads no idle sessions', async (_, round) => {
  const readsOf = async (idle: number) => {
    const { events, ...store } = createInMemoryStore();
    let rows = 0;
    const count = <Found>(found: Found): Found => {
      rows += Array.isArray(found) ? found.length : 1;
      return found;
    };
    const records: RecordStore = {
      ...store.records,
      get: async (...args) => count(await store.records.get(...args)),
      list: async (...args) => count(await store.records.list(...args)),
    };
    const page: typeof events.page = async (...args) => count(await events.page(...args));
    const clock = manualClock();
    for (let n = 0; n < idle + 3; n++) {
      const [id, status] = [idOf(n), n < idle ? 'completed' : 'waiting'] as const;
      const doc = one(id, n, { status });
      await store.records.put({ kind: 'session', id, doc, sort: doc.latestMessageAt });
      await events.append({ sessionId: id, after: 0, at: 1, facts: facts(2) });
      await store.records.put({ kind: 'large', id: `${id}:large`, doc: { at: 1, seq: 1, isKept: true } });
    }
    const list = new SessionList({ records });
    const sessions = { list: list.part.bind(list), get: list.get.bind(list), send: async () => {} };
    await round({ store: { ...store, records, events: { ...events, page } }, sessions, clock } as never);
    return rows;
  };
  expect(await readsOf(200)).toBe(await readsOf(2));
});

test('the sessions that a search found are read alone, and are in order and on pages like a list', async () => {
  const { list, fill, rows } = listOf();
  await fill(1_000, (n) => ({ deleting: n === 300 }));
  const among = new Set([7, 900, 300, 42, 5_000].map(idOf));
  const first = await list.part({ limit: 2, ...anything }, { among });
  expect(first.map(({ id }) => id)).toEqual([900, 42].map(idOf));
  const rest = await list.part({ limit: 2, ...anything, after: first.at(-1) }, { among });
  expect([rest.map(({ id }) => id), rows()]).toEqual([[idOf(7)], 0]);
});

test('a search reads no more pages than its hits fill', async () => {
  const { list, fill, rows } = listOf();
  await fill(1_200);
  const hits = new Set([1_100, 900, 600, 2].map(idOf));
  const searched: number[] = [];
  const matches = async (page: readonly { id: SessionId }[]) => {
    searched.push(page.length);
    return new Set(page.map(({ id }) => id).filter((id) => hits.has(id)));
  };
  const found = await list.part({ limit: 3, ...anything }, { matches });
  expect([found.map(({ id }) => id), searched, rows()]).toEqual([[1_100, 900, 600].map(idOf), [500, 500], 1_000]);
});

function firstBehind(sorted: readonly StoredSession[], { latestMessageAt, id }: StoredSession): number {
  const found = sorted.findIndex(
    (it) => it.latestMessageAt < latestMessageAt || (it.latestMessageAt === latestMessageAt && it.id > id),
  );
  return found < 0 ? sorted.length : found;
}
