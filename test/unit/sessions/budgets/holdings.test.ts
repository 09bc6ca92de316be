import { describe, expect, test } from 'vitest';
import type { RecordStore } from '../../../../src/core/contracts/ports.ts';
import {
  type ConcurrencyLimit,
  type ConcurrentAmounts,
  concurrencyLimits,
} from '../../../../src/core/model/runs/budget-limits.ts';
import { type BudgetHolder, budgetHolderKinds } from '../../../../src/sessions/api/server/budgets.ts';
import { concurrencyLeaseMs } from '../../../../src/sessions/budgets/holdings.ts';
import { LiveConcurrencyTracker } from '../../../../src/sessions/budgets/live-holdings.ts';
import type { LiveSession } from '../../../../src/sessions/run/live-session.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { holdingsOf } from '../../../support/budgets/holdings.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';
import { fact, sessionId } from '../../../support/machines/session-parts.ts';

const ada = { owner: 'ada', projectId: 'web' };
const bob = { owner: 'bob', projectId: 'app' };

let made = 0;
/** Stores an object that holds the amounts, and resolves with a function that removes it. */
async function store(records: RecordStore, kind: ConcurrencyLimit, session: { owner: string; projectId: string }) {
  const stored = {
    sessions: ['session', { status: 'completed' }],
    snapshots: ['named-snapshot', { bytes: 1 }],
    diskBytes: ['named-snapshot', { bytes: 1 }],
  } as const;
  const [of, doc] = stored[kind as keyof typeof stored];
  const id = `${++made}`;
  await records.put({ kind: of, id, doc: { ...session, ...doc } });
  return () => records.delete(of, id);
}
const isStored = (kind: ConcurrencyLimit) => kind === 'sessions' || kind === 'snapshots' || kind === 'diskBytes';

describe.each(concurrencyLimits)('the limit of %s', (kind) => {
  const one: ConcurrentAmounts = { [kind]: 1 };

  test.each(budgetHolderKinds)(
    'of a %s refuses what exceeds it, names who can raise it, until there is room',
    async (of) => {
      const { records } = createInMemoryStore();
      const { holdings, live } = holdingsOf(records, { [of]: { [kind]: 2 } });
      const share = { session: ada, amounts: one };
      const begin = async () => {
        if (isStored(kind)) return await holdings.within(ada, one, () => store(records, kind, ada));
        const own = { ...share };
        const reached = await holdings.take(ada, one, () => live.add(own));
        if (reached) throw Object.assign(new Error(), { code: reached.of === 'server' ? 'sandbox_capacity' : 'quota' });
        return async () => void live.delete(own);
      };
      const [end] = [await begin(), await begin()];
      const code = of === 'server' ? 'sandbox_capacity' : 'quota';
      await expect(begin()).rejects.toMatchObject({ code });
      const text = expect.stringMatching(
        /limit of (this person|this project|the server) .*: .* of .* ask an administrator/,
      );
      await expect(holdings.within(ada, one, async () => {})).rejects.toMatchObject({ publicMessage: text });
      expect([await holdings.covers(ada, one), await holdings.covers(bob, one)]).toEqual([false, of !== 'server']);
      await end();
      expect(await holdings.covers(ada, one)).toBe(true);
      await begin();
      await expect(begin()).rejects.toMatchObject({ code });
    },
  );
});

/** Two servers on one store. */
function servers(limits: Parameters<typeof holdingsOf>[1]) {
  const { records } = createInMemoryStore({ shared: true });
  const clock = manualClock();
  const of = (server: string) => holdingsOf(records, limits, { clock, shared: true, server });
  return { clock, one: of('one'), other: of('other') };
}

test('calls at the same time never exceed a limit, and reach it', async () => {
  const { records } = createInMemoryStore();
  const { holdings } = holdingsOf(records, { person: { sessions: 5 }, server: { sessions: 6 } });
  const create = () =>
    holdings.within(ada, { sessions: 1 }, () => store(records, 'sessions', ada)).catch(() => undefined);
  const made = await Promise.all(Array.from({ length: 12 }, create));
  expect([made.filter(Boolean).length, await records.count('session')]).toEqual([5, 5]);
});

test('the sandboxes of another server count until it frees them, or is lost', async () => {
  const { clock, one, other } = servers({ project: { cpus: 4 } });
  const share = { session: ada, amounts: { cpus: 3 } };
  expect(await one.holdings.take(ada, share.amounts, () => one.live.add(share))).toBeUndefined();
  const needs = { cpus: 2 };
  const expected = { of: 'project', kind: 'cpus', limit: 4, used: 3, needs: 2 };
  expect(await other.holdings.take(ada, needs, () => {})).toEqual(expected);
  const holder: BudgetHolder = { of: 'project', id: 'web' };
  expect(await other.holdings.used(holder, await other.accounts.get(holder))).toMatchObject({ cpus: 3 });
  one.live.delete(share);
  await one.holdings.freed(ada);
  expect(await other.holdings.covers(ada, needs)).toBe(true);

  await one.holdings.take(ada, share.amounts, () => one.live.add(share));
  expect(await other.holdings.covers(ada, needs)).toBe(false);
  await one.holdings[Symbol.asyncDispose]();
  clock.advance(concurrencyLeaseMs);
  expect(await other.holdings.covers(ada, needs)).toBe(true);
});

test('a running session that moves counts at other servers for its new project at once, whatever was being taken', async () => {
  const { one, other } = servers({ project: { runningRuns: 1 } });
  const amounts = { runningRuns: 1 };
  const moved = { owner: 'ada', projectId: 'app' };
  const live = (session: typeof ada) => one.live.add({ session, amounts });
  const taken = one.holdings.take(ada, amounts, () => live(moved)); // the session moves while its run is admitted
  await one.holdings.moved();
  expect(await taken).toBeUndefined();
  const room = async () => [await other.holdings.covers(ada, amounts), await other.holdings.covers(moved, amounts)];
  expect(await room()).toEqual([true, false]);
  one.live.clear();
  live(ada);
  await one.holdings.moved();
  expect(await room()).toEqual([false, true]);
});

test.each([
  ['another project', { projectId: 'app' }, 1],
  ['another owner', { owner: 'bob' }, 1],
  ['another mark', { archived: true }, 0],
] as const)('a session with %s in its record moves its totals after the write', async (_, data, times) => {
  const order: string[] = [];
  const moved = async () => void order.push('moved');
  const holdings = { take: async () => undefined, freed: async () => {}, moved };
  const writer = { record: ada, settled: async () => void order.push('written') };
  const live = { held: {}, writer } as unknown as LiveSession;
  const sessions = { all: () => [live], get: () => live };
  const liveHoldings = new LiveConcurrencyTracker({ sessions, sandboxOf: () => ({}), holdings: () => holdings });
  liveHoldings.onFacts(sessionId, [fact('session.updated', data as object, null)]);
  await live.writer.settled();
  expect(order.filter((one) => one === 'moved')).toHaveLength(times);
  expect(order[0]).toBe('written');
});

test('a limit that is set while sandboxes run counts them, and a limit of its own precedes the settings', async () => {
  const { records } = createInMemoryStore();
  const { holdings, accounts, live } = holdingsOf(records, { person: { memoryBytes: 1 } });
  const holder: BudgetHolder = { of: 'person', id: 'ada' };
  const own = (memoryBytes: number | 'unlimited') =>
    accounts.change(holder, (now) => ({ ...now, own: { day: {}, month: {}, held: { memoryBytes } } }));
  await own('unlimited');
  const amounts = { memoryBytes: 8 };
  expect(await holdings.take(ada, amounts, () => live.add({ session: ada, amounts }))).toBeUndefined();
  await own(10);
  expect(await holdings.take(ada, { memoryBytes: 3 }, () => {})).toMatchObject({ limit: 10, used: 8, needs: 3 });
});

test('a session that moves counts only for its new holders', async () => {
  const { records } = createInMemoryStore();
  const input = { person: { sessions: 1 }, project: { sessions: 1 }, server: { sessions: 2 } };
  const { holdings } = holdingsOf(records, input);
  for (const session of [ada, bob]) await store(records, 'sessions', session);
  const move = (projectId: string) =>
    holdings.within({ owner: 'ada', projectId, from: ada }, { sessions: 1 }, async () => 'moved');
  expect(await move('empty')).toBe('moved');
  await expect(move('app')).rejects.toMatchObject({ code: 'quota' });
});
