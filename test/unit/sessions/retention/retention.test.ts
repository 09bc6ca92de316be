import { describe, expect, test } from 'vitest';
import type { Store } from '../../../../src/core/contracts/ports.ts';
import { AppError } from '../../../../src/core/errors/errors.ts';
import type { SessionId } from '../../../../src/core/model/ids.ts';
import { SessionStreamRegistry } from '../../../../src/sessions/engine/watchers.ts';
import {
  findOverdueSessions,
  LogSizeEstimator,
  type RetentionDeps,
  RetentionEnforcer,
  type RetentionPolicy,
} from '../../../../src/sessions/retention/retention.ts';
import type { StoredSession } from '../../../../src/sessions/run/log/projection.ts';
import { createEventLog } from '../../../../src/storage/log/log.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';
import { openRun, stored } from '../../../support/machines/session-parts.ts';
import { deltas, facts, newSession, take } from '../../../support/stores/store.ts';

const dayMs = 24 * 60 * 60 * 1_000;
const now = 100 * dayMs;
const never = new AbortController().signal;
const all: RetentionPolicy = { days: 0, maxSessions: 0, maxBytes: 0, maxSessionBytes: 0 };
const session = (daysAgo: number, more: Partial<StoredSession> = {}): StoredSession =>
  stored({ id: newSession(), updatedAt: now - daysAgo * dayMs, status: 'completed', ...more });
const idsOf = (sessions: readonly StoredSession[]) => sessions.map(({ id }) => id);

describe('sessions that the policy removes', () => {
  test.each<[string, Partial<RetentionPolicy>, daysAtRest: number[], removed: number[]]>([
    ['none without limits', {}, [90, 10], []],
    ['by age: those in which nothing happened for so many days', { days: 30 }, [31, 29, 50], [50, 31]],
    ['by count: the longest at rest, until so many are left', { maxSessions: 3 }, [5, 4, 3, 2, 1], [5, 4]],
    ['by bytes: the longest at rest, until the rest fits', { maxBytes: 250 }, [3, 2, 1], [3]],
    ['by bytes: none where all fit', { maxBytes: 300 }, [3, 2, 1], []],
  ])('%s', (_, policy, ages, removed) => {
    const sessions = ages.map((age) => session(age));
    const bytes = new Map(idsOf(sessions).map((id) => [id, 100]));
    const found = findOverdueSessions({ ...all, ...policy }, sessions, bytes, now);
    expect(found).toEqual(removed.map((age) => sessions[ages.indexOf(age)]?.id));
  });

  test.each([
    ['has a run', { openRuns: [openRun()] }],
    ['waits for somebody', { status: 'waiting' }],
    ['is a favorite', { favorite: true }],
    ['is pinned', { pinned: true }],
    ['is shared', { shared: true }],
    ['is being deleted', { deleting: true }],
  ] as const)('never one that %s', (_, more) => {
    const policy = { days: 1, maxSessions: 1, maxBytes: 1, maxSessionBytes: 0 };
    const sessions = [session(90, more as Partial<StoredSession>), session(0)];
    const bytes = new Map(idsOf(sessions).map((id) => [id, 1]));
    expect(findOverdueSessions(policy, sessions, bytes, now)).not.toContain(sessions[0]?.id);
  });
});

async function retentionBench(more: Partial<RetentionDeps> = {}, store: Store = createInMemoryStore()) {
  const clock = manualClock(now);
  const watchers = new SessionStreamRegistry();
  const removed: SessionId[] = [];
  const retention = new RetentionEnforcer({
    policyOf: () => ({ ...all, days: 30 }),
    store,
    log: { onAppend: () => {} },
    watchers,
    clock,
    name: 'a',
    everyMs: 1_000,
    driver: { list: async () => [] },
    liveSessions: { get: () => undefined },
    commands: { change: async (id) => (await store.records.get('session', id))?.doc as StoredSession },
    logger: { info: () => {}, warn: () => {} },
    ownership: { isElsewhere: async () => false },
    mayDeleteOld: async () => true,
    collect: async () => 0,
    remove: async (id) => {
      removed.push(id);
      await store.events.erase(id);
    },
    ...more,
  });
  const add = async (record: StoredSession) => {
    await store.records.put({ kind: 'session', id: record.id, doc: record, sort: record.latestMessageAt });
    return record.id;
  };
  const rounds = async (count = 2) => {
    for (let n = 0; n < count; n++) await retention.round(never);
  };
  return { retention, store, clock, watchers, removed, add, rounds };
}

const fenced = new AppError('fenced', 'Another server now owns this session.');
/** Two servers on one store, of which the first deletes. */
async function twoServers() {
  const store = createInMemoryStore({ shared: true });
  const there = await retentionBench({ name: 'b', mayDeleteOld: async () => false }, store);
  return { here: await retentionBench({}, store), there };
}

describe('retention', () => {
  test('deletes in the second round what was overdue in the first, and keeps the rest', async () => {
    const { add, rounds, removed } = await retentionBench();
    const old = await add(session(31));
    await add(session(29));
    await rounds(1);
    expect(removed).toEqual([]);
    await rounds(1);
    expect(removed).toEqual([old]);
  });

  test('reads no younger session than it could delete', async () => {
    const store = createInMemoryStore();
    let read = 0;
    const list: typeof store.records.list = async (...query) => {
      const found = await store.records.list(...query);
      read += found.length;
      return found;
    };
    const policyOf = () => ({ ...all, days: 30, maxSessions: 3 });
    const { add, rounds } = await retentionBench({ policyOf }, { ...store, records: { ...store.records, list } });
    for (const daysAgo of [1, 29, 31]) await add(session(daysAgo, { latestMessageAt: now - daysAgo * dayMs }));
    await rounds(1);
    expect(read).toBe(1);
  });

  test('takes no more than 50 at once', async () => {
    const { add, rounds, removed } = await retentionBench();
    for (let n = 0; n < 120; n++) await add(session(60));
    await rounds(2);
    expect(removed).toHaveLength(50);
    await rounds(2);
    expect(removed).toHaveLength(120);
  });

  test('leaves watched sessions alone, watched here or on another server, until the watchers are gone', async () => {
    const { here, there } = await twoServers();
    const [seenHere, seenThere] = [await here.add(session(60)), await here.add(session(60))];
    {
      using _one = here.watchers.endOf(seenHere);
      using _two = there.watchers.watch(seenThere);
      await there.rounds(1);
      await here.rounds(3);
      expect(here.removed).toEqual([]);
    }
    await there.rounds(1);
    await here.rounds(1);
    expect(here.removed.sort()).toEqual([seenHere, seenThere].sort());
  });

  test('believes for a while only that somebody looks at it through a server that is gone', async () => {
    const { here, there } = await twoServers();
    const id = await here.add(session(60));
    there.watchers.watch(id);
    await there.rounds(1);
    await here.rounds(2);
    expect(here.removed).toEqual([]);
    here.clock.advance(3_000);
    await here.rounds(1);
    expect(here.removed).toEqual([id]);
  });

  test.each<[string, (id: SessionId) => Partial<RetentionDeps>]>([
    ['is in memory', () => ({ liveSessions: { get: () => ({}) as never } })],
    ['belongs to another server', () => ({ ownership: { isElsewhere: async () => true } })],
    ['has a sandbox', (id) => ({ driver: { list: async () => [{ sessionId: id, phase: 'ready' } as never] } })],
    ['is written to at that moment', () => ({ commands: { change: async () => stored({ lastSeq: 9 }) } })],
    ['another server took at that moment', () => ({ commands: { change: () => Promise.reject(fenced) } })],
  ])('leaves alone what %s', async (_, input) => {
    const record = session(60);
    const { add, rounds, removed } = await retentionBench(input(record.id));
    await add(record);
    await rounds(3);
    expect(removed).toEqual([]);
  });

  test('deletes nothing while the driver does not answer', async () => {
    const list = async () => Promise.reject(new AppError('driver_unavailable', 'Docker does not answer.'));
    const { add, retention, rounds, removed } = await retentionBench({ driver: { list } });
    await add(session(60));
    await rounds(1);
    await expect(retention.round(never)).rejects.toThrow('Docker');
    expect(removed).toEqual([]);
  });

  test('does nothing while another server does it; two at once do no harm', async () => {
    const idle = await retentionBench({ mayDeleteOld: async () => false });
    await idle.add(session(60));
    await idle.rounds(3);
    expect(idle.removed).toEqual([]);

    const store = createInMemoryStore();
    const gone = new Set<SessionId>();
    const remove = async (id: SessionId) => {
      if (gone.has(id)) throw new AppError('session_not_found', 'There is no such session.');
      gone.add(id);
      await store.events.erase(id);
    };
    const [one, two] = [await retentionBench({ remove }, store), await retentionBench({ remove }, store)];
    for (let n = 0; n < 20; n++) await one.add(session(60));
    await Promise.all([one.rounds(2), two.rounds(2)]);
    expect([gone.size, await store.records.count('session')]).toEqual([20, 0]);
  });

  test('shortens a log that is too large: its deltas first, then its oldest events; seqs stay, old cursors are notified', async () => {
    const { add, rounds, store } = await retentionBench({ policyOf: () => ({ ...all, maxSessionBytes: 5_000 }) });
    const log = createEventLog(store.events, { maxLag: 100, pageSize: 10 });
    const [thin, long] = [await add(session(1)), await add(session(1))];
    await log.append({ sessionId: thin, after: 0, at: 1, facts: [...facts(3), ...deltas(50), ...facts(2, 4)] });
    await log.append({ sessionId: long, after: 0, at: 1, facts: [...deltas(10), ...facts(90)] });
    await rounds(1);
    const seqs = async (id: SessionId) => (await store.events.page(id, 0, 1_000)).events.map(({ seq }) => seq);
    expect(await seqs(thin)).toEqual([1, 2, 3, 53, 54, 55]);
    const left = await seqs(long);
    expect(left.at(-1)).toBe(100);
    expect(await new LogSizeEstimator(store).measure(long)).toBeLessThanOrEqual(5_000);
    expect(left.length).toBeGreaterThan(20);
    expect(await take(log, thin, 10, 1)).toEqual(['cursor_too_old']);
    expect(await take(log, thin, 2, 2, { deltas: false })).toEqual([3, 53]);
    expect(await take(log, long, 10, 1, { deltas: false })).toEqual(['cursor_too_old']);
    const before = left.length;
    await rounds(2);
    expect(await seqs(long)).toHaveLength(before);
  });

  test.each([
    ['of each log', { maxSessionBytes: 5_000 }],
    ['of all', { maxBytes: 40_000 }],
  ])('with a limit for the bytes %s a round reads only what grew since the last one', async (_, limit) => {
    const stored = createInMemoryStore();
    const log = createEventLog(stored.events, { maxLag: 100, pageSize: 10 });
    const reads: string[] = [];
    const note = <Of extends object>(of: Of): Of =>
      new Proxy(of, {
        get: (target, name: keyof Of & string) =>
          typeof target[name] !== 'function'
            ? target[name]
            : (...args: unknown[]) => {
                reads.push(`${name} ${args.join()}`);
                return (target[name] as (...params: unknown[]) => unknown)(...args);
              },
      });
    const store = { ...stored, records: note(stored.records), events: note(stored.events) };
    const { add, rounds, removed } = await retentionBench({ policyOf: () => ({ ...all, ...limit }), log }, store);
    const ids: SessionId[] = [];
    for (let n = 0; n < 50; n++) ids.push(await add(session(50 - n)));
    for (const sessionId of ids) await log.append({ sessionId, after: 0, at: 1, facts: facts(2) });
    await rounds(1);
    const grown = ids[7] as SessionId;
    await log.append({ sessionId: grown, after: 2, at: 1, facts: facts(5, 3) });
    reads.length = 0;
    await rounds(1);
    expect(reads).toEqual([`page ${grown},2,256`, `page ${grown},7,256`]);
    await log.append({ sessionId: grown, after: 7, at: 1, facts: facts(400, 8) });
    await rounds(2);
    const isShort = (await new LogSizeEstimator(stored).measure(grown)) <= 5_000;
    expect('maxBytes' in limit ? removed.length > 0 : isShort).toBe(true);
  });
});
