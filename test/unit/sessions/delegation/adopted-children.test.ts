import { expect, test } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { SessionId } from '../../../../src/core/model/ids.ts';
import type { AttemptSet } from '../../../../src/core/model/runs/attempts.ts';
import type { SessionListQuery } from '../../../../src/sessions/api/sessions.ts';
import { AttemptRecords } from '../../../../src/sessions/attempts/attempt-records.ts';
import { AttemptRunner } from '../../../../src/sessions/attempts/attempt-rounds.ts';
import { Delegation } from '../../../../src/sessions/delegation/child-runs.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';
import { stored } from '../../../support/machines/session-parts.ts';

const parent = SessionId.parse('0'.repeat(16));
const child = SessionId.parse('1'.repeat(16));

/** A server after a restart, whose store is away at first, and a child whose parent no longer exists. */
async function restarted(failures: number) {
  const { records } = createInMemoryStore();
  const clock = manualClock();
  const warned: string[] = [];
  const forgotten: SessionId[] = [];
  const forget = (id: SessionId) => void forgotten.push(id);
  const deleted = Promise.withResolvers<SessionId>();
  let calls = 0;
  const link = { sessionId: parent, runId: null, callId: 'c' } as never;
  const open = stored({ id: child, status: 'running', parent: link });
  const sessions = {
    get: async (id: SessionId) => {
      if (id === parent) throw new AppError('session_not_found', 'It is gone.');
      return open;
    },
    list: async ({ status }: SessionListQuery) => {
      if (calls++ < failures) throw new AppError('store_unavailable', 'The store did not answer in time.');
      return status === open.status ? [open] : [];
    },
    delete: async (id: SessionId) => void deleted.resolve(id),
  };
  const delegation = new Delegation({
    ...({} as ConstructorParameters<typeof Delegation>[0]),
    services: Promise.resolve({ sessions, files: {} } as never),
    budgets: { forget, remember: async () => {}, listChildren: async () => [] } as never,
    records,
    clock,
    warn: (_, text) => void warned.push(text),
  });
  return { delegation, clock, warned, forgotten, deleted: deleted.promise };
}

test('a child whose parent is gone is deleted after a restart, also when the store answers only later', async () => {
  const { delegation, clock, warned, deleted } = await restarted(3); // two lists at a time
  const adopted = delegation.adopt(new AbortController().signal);
  await clock.pass(4_000);
  await adopted;
  expect([await deleted, warned.length]).toEqual([child, 2]);
});

test('a server that stops waits no longer for the store', async () => {
  const { delegation, clock, warned } = await restarted(Number.POSITIVE_INFINITY);
  const stop = new AbortController();
  const adopted = delegation.adopt(stop.signal);
  await expect.poll(() => warned).toHaveLength(1);
  stop.abort();
  await expect(adopted).resolves.toBeUndefined();
  expect(clock.now()).toBe(0);
});

test('nothing is kept of the calls of a run that ended or of a session that was deleted', async () => {
  const { delegation, forgotten } = await restarted(0);
  await delegation.stopChildren(parent);
  await delegation.deleteChildren(child);
  expect(forgotten).toEqual([parent, child]);
});

test('failed starts of an attempt are not counted for the next one, or after its attempts were closed', async () => {
  const { records } = createInMemoryStore();
  const attempts = new AttemptRecords({ records });
  const clock = manualClock();
  let starts = 0;
  const start = async () => {
    if (++starts !== 14) throw new AppError('sandbox_unavailable', 'No sandbox.');
  };
  const runner = new AttemptRunner({
    ...({} as ConstructorParameters<typeof AttemptRunner>[0]),
    ...{ records: attempts, clock, warn: () => {}, lookMs: 1_000, leads: async () => true },
    sessions: { get: async () => stored({ id: parent, status: 'running' }) } as never,
    starts: { start: start as never },
  });
  const planned = { phase: 'planned', template: null, model: null, error: null, result: null } as const;
  const set = { id: 'a', sessionId: parent, phase: 'running', isStopped: false, at: 0, task: '', goal: null } as const;
  const more = { begins: 'none', budget: {}, chosen: null, others: 'keep', error: null } as const;
  const all = [1, 2, 3].map((n) => ({ ...planned, n, sessionId: child, isDeleted: false }));
  await attempts.put({ ...set, ...more, attempts: all } satisfies AttemptSet, 0);
  const open = () => attempts.open({ sessionId: parent, attempts: 'a', count: 3, at: 0 });
  const phases = async () => (await attempts.the(parent, 'a')).set.attempts.map(({ phase }) => phase).join();
  await open();
  const stop = new AbortController();
  const running = runner.run(stop.signal);
  await clock.until(() => starts === 4, 60_000);
  await attempts.close(parent);
  await clock.pass(2_000); // a round in which nothing is open
  await open();
  await clock.until(() => starts === 8, 60_000);
  expect(await phases()).toBe('planned,planned,planned');
  await clock.until(() => starts === 13, 60_000); // the fifth failure, and four of the next attempt
  expect(await phases()).toBe('not_started,planned,planned');
  await clock.until(() => starts === 18, 60_000);
  expect(await phases()).toBe('not_started,working,planned');
  stop.abort();
  await running;
});
