import { expect, test } from 'vitest';
import type { SandboxInfo } from '../../../../drivers/driver.ts';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { type SessionId, sandboxIdOf } from '../../../../src/core/model/ids.ts';
import { Reconciler } from '../../../../src/sessions/engine/reconciler.ts';
import type { LiveSession } from '../../../../src/sessions/run/live-session.ts';
import type { StoredSession } from '../../../../src/sessions/run/log/projection.ts';
import { unfinishedRecordKind } from '../../../../src/sessions/run/log/projection.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';
import { openRun, stored } from '../../../support/machines/session-parts.ts';
import { newSession } from '../../../support/stores/store.ts';

const signal = new AbortController().signal;
const sandboxOf = (sessionId: SessionId): SandboxInfo => ({
  ...{ id: sandboxIdOf(sessionId), sessionId, epoch: 1, template: 'default', image: 'image', expiresAt: 1_000_000 },
  phase: 'ready',
});

interface World {
  readonly sessions?: readonly StoredSession[];
  readonly sandboxes?: readonly SandboxInfo[];
  /** True: another server has the leases of all sessions. */
  readonly elsewhere?: boolean;
  /** The sessions in this server's memory. */
  readonly here?: readonly SessionId[];
  /** The sessions that another living server works on. */
  readonly withPeers?: readonly SessionId[];
  /** The number of times that `settle` fails because the store is unavailable. */
  readonly failures?: number;
  /** Holds up `settle`. */
  readonly slow?: Promise<void>;
  /** The answers of `engine.holds`, in order; the last one repeats. */
  readonly holds?: readonly boolean[];
}

/** A store with these sessions, each marked as unfinished, and records of the reconciler's actions. */
async function world({ sessions = [], sandboxes = [], elsewhere = false, failures = 0, slow, ...rest }: World) {
  const { holds = [true], here = [], withPeers = [] } = rest;
  const store = createInMemoryStore();
  const read: string[] = [];
  const get: typeof store.records.get = async (kind, id) => {
    if (kind === 'session') read.push(id);
    return await store.records.get(kind, id);
  };
  const offered: SessionId[] = [];
  const woken: SessionId[] = [];
  const destroyed: string[] = [];
  const holdsLeft = [...holds];
  const clock = manualClock();
  let settles = 0;
  const warned: string[] = [];
  for (const record of sessions) {
    await store.records.put({ kind: 'session', id: record.id, doc: record });
    await store.records.put({ kind: unfinishedRecordKind, id: record.id, doc: {} });
  }
  const reconciler = new Reconciler({
    driver: { list: async () => [...sandboxes], destroy: async (id) => void destroyed.push(id) },
    store: {
      records: { ...store.records, get },
      settle: async () => {
        settles += 1;
        await slow;
        if (settles <= failures) throw new AppError('store_unavailable', 'It does not answer.');
      },
    },
    liveSessions: {
      offer: (id) => void offered.push(id),
      get: (id) => (here.includes(id) ? ({} as LiveSession) : undefined),
    },
    supervisor: { wake: (id) => void woken.push(id), hasSandbox: () => holdsLeft.shift() ?? holds.at(-1) ?? true },
    clock,
    logger: { info: () => {}, warn: (_fields, text) => void warned.push(text), error: () => {} },
    graceMs: 1_000,
    everyMs: 1_000,
    remove: async () => {},
    ownership: { isElsewhere: async () => elsewhere },
    isWithPeer: (id) => withPeers.includes(id),
  });
  const marked = async () => (await store.records.list(unfinishedRecordKind)).map(({ id }) => id);
  return { reconciler, read, offered, woken, marked, destroyed, clock, warned, settles: () => settles };
}

test('a running sandbox is offered before anything is read, and its session is woken after that', async () => {
  const id = newSession();
  const { reconciler, offered, woken } = await world({ sessions: [stored({ id })], sandboxes: [sandboxOf(id)] });
  await reconciler.offer(signal);
  expect([offered, woken]).toEqual([[id], []]);
  await reconciler.recover();
  expect(woken).toEqual([id]);
});

test.each([
  ['run is unfinished is woken and stays marked', { openRuns: [openRun()] }, false, true, true],
  ['run had ended when its server died loses its mark', { status: 'completed' as const }, false, false, false],
  ['work another server does keeps its mark for that one', {}, true, false, true],
])('a session whose %s', async (_, more, elsewhere, isWoken, isMarked) => {
  const id = newSession();
  const { reconciler, woken, marked } = await world({ sessions: [stored({ id, ...more })], elsewhere });
  await reconciler.recover();
  expect([woken, await marked()]).toEqual([isWoken ? [id] : [], isMarked ? [id] : []]);
});

test('a store that could not be settled is settled by the next sweep, once', async () => {
  const { reconciler, settles } = await world({ failures: 1 });
  await expect(reconciler.recover()).rejects.toMatchObject({ code: 'store_unavailable' });
  await reconciler.sweep(signal);
  await reconciler.sweep(signal);
  expect(settles()).toBe(2);
});

test.each([
  ['is destroyed after a while', [false], 1],
  ['stays where it is needed again since the list was made', [false, false, false, true], 0],
])('a sandbox that its session does not use %s', async (_what, holds, times) => {
  const id = newSession();
  const input = { sessions: [stored({ id })], sandboxes: [sandboxOf(id)], holds };
  const { reconciler, destroyed, clock } = await world(input);
  await reconciler.sweep(signal); // the first sweep offers it to its session
  await reconciler.sweep(signal);
  clock.advance(1_000);
  await reconciler.sweep(signal);
  expect(destroyed).toHaveLength(times);
});

test('F135 what is left of the sandbox of a deleted session is destroyed after a while', async () => {
  const left = { ...sandboxOf(newSession()), phase: 'stopped' as const };
  const { reconciler, destroyed, clock } = await world({ sandboxes: [left], holds: [false] });
  await reconciler.sweep(signal);
  expect(destroyed).toEqual([]);
  clock.advance(1_000);
  await reconciler.sweep(signal);
  expect(destroyed).toEqual([left.id]);
});

test('a sweep does not read the record of a session that has its sandbox', async () => {
  const id = newSession();
  const { reconciler, read } = await world({ sandboxes: [sandboxOf(id)], holds: [true] });
  await reconciler.sweep(signal);
  expect(read).toEqual([]);
});

test.each(['here', 'withPeers'] as const)('a sweep reads nothing of a session that is in hands (%s)', async (place) => {
  const id = newSession();
  const sessions = [stored({ id, openRuns: [openRun()] })];
  const { reconciler, read, marked } = await world({ sessions, sandboxes: [sandboxOf(id)], [place]: [id] });
  await reconciler.sweep(signal);
  expect([read, await marked()]).toEqual([[], [id]]);
});

test('F007 a store that does not answer holds up no shutdown, and what it says later wakes nothing', async () => {
  const id = newSession();
  const { promise: slow, resolve: answers } = Promise.withResolvers<void>();
  const { reconciler, woken } = await world({ sessions: [stored({ id, openRuns: [openRun()] })], slow });
  const stop = new AbortController();
  const running = reconciler.run(stop.signal);
  stop.abort();
  await running;
  answers();
  await new Promise(setImmediate);
  expect(woken).toEqual([]);
});

test('a backend that stays away is reported once', async () => {
  const { reconciler, clock, warned, settles } = await world({ failures: 4 });
  const stop = new AbortController();
  const running = reconciler.run(stop.signal);
  expect(await clock.until(() => settles() >= 5, 60_000)).toBe(true);
  stop.abort();
  await running;
  expect(warned.filter((text) => text.includes('compared'))).toHaveLength(1);
});
