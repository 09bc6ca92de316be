import { describe, expect, test } from 'vitest';
import { createCalendar } from '../../../../src/core/contracts/calendar.ts';
import type { Store } from '../../../../src/core/contracts/ports.ts';
import { createIdSource } from '../../../../src/core/model/ids.ts';
import { type BudgetAmounts, toMicroCost } from '../../../../src/core/model/runs/budget.ts';
import { BudgetAccountStore, type BudgetLimits } from '../../../../src/sessions/budgets/account.ts';
import { BudgetLedger, reservationLeaseMs } from '../../../../src/sessions/budgets/ledger.ts';
import type { Reservation } from '../../../../src/sessions/run/turn-budget.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const begin = Date.parse('2026-11-24T12:00:00Z');
const never = new AbortController().signal;
const none = { tokens: undefined, cost: undefined };
const held = {};
const tokensADay = (tokens: number): BudgetLimits => ({ day: { ...none, tokens }, month: none, held });
const ada = { owner: 'ada', projectId: null };
const amounts = (tokens: number) => ({ tokens, cost: 0 });
const expected = (least: number, most: number) => ({ least: amounts(least), most: amounts(most) });

interface Options {
  readonly store?: Store;
  readonly limits?: BudgetLimits;
  readonly ofProjects?: BudgetLimits;
  readonly logged?: () => number;
  readonly shared?: boolean;
  readonly timeZone?: string;
  readonly clock?: ReturnType<typeof manualClock>;
}
function world(options: Options = {}) {
  const { store = createInMemoryStore(), clock = manualClock(begin), ofProjects, logged = () => 0 } = options;
  const ids = createIdSource();
  const now = { limits: options.limits ?? tokensADay(1_000) };
  const calendar = createCalendar(options.timeZone ?? 'UTC');
  const accounts = new BudgetAccountStore({ records: store.records, clock, calendar });
  const ledger = new BudgetLedger({
    ...store,
    accounts,
    clock,
    newId: () => ids.short(),
    shared: options.shared ?? true,
    limitsOf: ({ of }) => {
      const limits = { person: now.limits, project: ofProjects, server: undefined };
      return limits[of] ?? { day: none, month: none, held };
    },
    logged: async () => ({ day: amounts(logged()), month: amounts(logged()) }),
    warn: () => {},
  });
  return { store, clock, ledger, budgets: ledger.of(ada), accounts, now };
}
async function reserved(input: ReturnType<ReturnType<BudgetLedger['of']>['reserve']>): Promise<Reservation> {
  const answer = await input;
  if (answer?.kind !== 'reserved') throw new Error(`not reserved: ${JSON.stringify(answer)}`);
  return answer.reservation;
}

describe('the budget of a person', () => {
  test('grants the dearest reply that fits, and refuses a request whose usual reply does not fit', async () => {
    const { budgets } = world();
    const first = await reserved(budgets.reserve(expected(100, 700), never));
    expect(first.granted).toEqual(amounts(700));
    await first.settle(amounts(600));
    const second = await reserved(budgets.reserve(expected(100, 700), never));
    expect(second.granted).toEqual(amounts(400));
    await second.settle(amounts(350));
    expect(await budgets.reserve(expected(100, 700), never)).toEqual({
      kind: 'over',
      over: { scope: 'person', period: 'day', kind: 'tokens', limit: 1_000, used: 950, needs: 100 },
    });
  });

  test.each([
    [[0.1], 0.2, 0.3],
    [[0.1, 0.1], 0.1, 0.3],
    [[0.7], 0.1, 0.8],
    [Array.from({ length: 9 }, () => 0.1), 0.1, 1],
  ])('of money is spent to its last cent: %j and %d of %d', async (earlier, cost, limit) => {
    const { ledger } = world({ limits: { day: { ...none, cost: limit }, month: none, held } });
    const pay = async (amount: BudgetAmounts) =>
      (await reserved(ledger.of(ada).reserve({ least: amount, most: amount }, never))).settle(amount);
    for (const one of [...earlier, cost]) await pay({ tokens: 0, cost: toMicroCost(one) });
    const more = { tokens: 0, cost: 1 };
    expect(await ledger.of(ada).reserve({ least: more, most: more }, never)).toMatchObject({ kind: 'over' });
  });

  test('is not touched, and costs no write, where no limit counts; nor are tool calls', async () => {
    const { budgets, store } = world({ limits: { day: none, month: none, held } });
    expect(await budgets.reserve(expected(1, 10), never)).toBeUndefined();
    expect(await world({ store, limits: tokensADay(10) }).budgets.payCalls(3, never)).toBeUndefined();
    expect(await store.records.list('budget-account')).toEqual([]);
  });

  test('never grants two requests the same tokens: the second waits until the first has ended', async () => {
    const { budgets } = world();
    const first = await reserved(budgets.reserve(expected(100, 800), never));
    const second = reserved(budgets.reserve(expected(100, 800), never));
    await first.settle(amounts(50));
    expect((await second).granted).toEqual(amounts(800));
  });

  test('lets a request that waits be cancelled, and keeps nothing reserved for it', async () => {
    const { budgets, accounts } = world();
    const first = await reserved(budgets.reserve(expected(100, 800), never));
    const stop = new AbortController();
    const second = budgets.reserve(expected(100, 800), stop.signal);
    stop.abort();
    await expect(second).rejects.toMatchObject({ code: 'cancelled' });
    await first.settle(amounts(0));
    expect((await accounts.get({ of: 'person', id: 'ada' })).open).toEqual([]);
  });

  test('begins again with the next day, and continues in the month', async () => {
    const limits = { day: { ...none, tokens: 100 }, month: { ...none, tokens: 150 }, held };
    const { budgets, clock } = world({ limits });
    await (await reserved(budgets.reserve(expected(1, 100), never))).settle(amounts(100));
    expect(await budgets.reserve(expected(1, 1), never)).toMatchObject({ kind: 'over', over: { period: 'day' } });
    clock.advance(24 * 60 * 60_000);
    const next = await reserved(budgets.reserve(expected(1, 100), never));
    expect(next.granted).toEqual(amounts(50));
    await next.settle(amounts(50));
    expect(await budgets.reserve(expected(1, 1), never)).toMatchObject({ kind: 'over', over: { period: 'month' } });
  });

  test('counts what was used before its limit was set', async () => {
    const { budgets } = world({ logged: () => 990 });
    expect(await budgets.reserve(expected(100, 100), never)).toMatchObject({ kind: 'over', over: { used: 990 } });
  });

  test('of one person alone precedes the settings, until it is taken back', async () => {
    const { ledger, budgets } = world({ limits: tokensADay(10) });
    const holder = { of: 'person', id: 'ada' } as const;
    const over = await budgets.reserve(expected(20, 20), never);
    if (over?.kind !== 'over') throw new Error('it was granted');
    expect(await ledger.covers(ada, over.over)).toBe(false);
    await ledger.limit(holder, { day: { tokens: 'unlimited' }, month: {}, held });
    expect(await ledger.covers(ada, over.over)).toBe(true);
    expect(await budgets.reserve(expected(20, 20), never)).toBeUndefined();
    await ledger.limit(holder, { day: {}, month: {}, held });
    expect(await budgets.reserve(expected(20, 20), never)).toMatchObject({ kind: 'over' });
  });

  test('pays a request together with the budget of the project, or not at all', async () => {
    const { ledger, accounts } = world({ ofProjects: tokensADay(50) });
    const budgets = ledger.of({ owner: 'ada', projectId: 'web' });
    const one = await reserved(budgets.reserve(expected(10, 500), never));
    expect(one.granted).toEqual(amounts(50));
    await one.settle(amounts(45));
    expect(await budgets.reserve(expected(10, 500), never)).toMatchObject({ kind: 'over', over: { scope: 'project' } });
    const person = await accounts.get({ of: 'person', id: 'ada' });
    expect([person.open, person.day.tokens]).toEqual([[], 45]);
  });

  test('counts what an agent reports itself, and says when it is spent', async () => {
    const { budgets } = world();
    expect(await budgets.charge(amounts(999))).toBeUndefined();
    expect(await budgets.charge(amounts(5))).toMatchObject({ scope: 'person', kind: 'tokens', used: 1_004 });
  });
});

describe('several servers on one store', () => {
  test('free what a lost server had reserved, and count what the logs say it used', async () => {
    const store = createInMemoryStore();
    const clock = manualClock(begin);
    let logged = 0;
    const lost = world({ store, clock: manualClock(begin) }).ledger;
    await reserved(lost.of(ada).reserve(expected(100, 900), never));
    const other = world({ store, clock, logged: () => logged }).ledger;
    await (await reserved(other.of(ada).reserve(expected(1, 50), never))).settle(amounts(50));
    logged = 350;
    clock.advance(reservationLeaseMs + 1);
    expect((await reserved(other.of(ada).reserve(expected(100, 900), never))).granted).toEqual(amounts(650));
  });

  test('keep what a server that works on has reserved, however long its request takes', async () => {
    const store = createInMemoryStore();
    const clock = manualClock(begin);
    const { ledger: one, accounts } = world({ store, clock });
    const two = world({ store, clock }).ledger;
    await reserved(one.of(ada).reserve(expected(100, 900), never));
    await clock.pass(4 * reservationLeaseMs);
    const stop = new AbortController();
    const waiting = two.of(ada).reserve(expected(200, 900), stop.signal);
    await new Promise(setImmediate);
    expect((await accounts.get({ of: 'person', id: 'ada' })).open).toHaveLength(1);
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
  });

  test('a server that has its store alone frees the reservations of an earlier process at once', async () => {
    const store = createInMemoryStore();
    const earlier = world({ store, shared: false }).ledger;
    await reserved(earlier.of(ada).reserve(expected(100, 900), never));
    const { ledger } = world({ store, shared: false });
    expect((await reserved(ledger.of(ada).reserve(expected(100, 900), never))).granted).toEqual(amounts(900));
  });
});

describe('tool calls of a person', () => {
  const callsADay = (toolCalls: number): BudgetLimits => ({ day: { ...none, toolCalls }, month: none, held });
  const callsOf = async (accounts: BudgetAccountStore) =>
    (await accounts.get({ of: 'person', id: 'ada' })).day.toolCalls;

  test('are paid at once, as many as fit, and the rest says which budget is spent', async () => {
    const { ledger, budgets, accounts, now } = world({ limits: callsADay(5) });
    expect(await budgets.payCalls(3, never)).toEqual({ count: 3 });
    const over = { scope: 'person', period: 'day', kind: 'toolCalls', limit: 5, used: 5, needs: 1 } as const;
    expect(await budgets.payCalls(4, never)).toEqual({ count: 2, over });
    expect([await callsOf(accounts), await ledger.covers(ada, over)]).toEqual([5, false]);
    now.limits = callsADay(6);
    expect(await ledger.covers(ada, over)).toBe(true);
  });

  test('that were not made are returned', async () => {
    const { budgets } = world({ limits: callsADay(5) });
    await budgets.payCalls(5, never);
    await budgets.giveBackCalls(2);
    expect(await budgets.payCalls(5, never)).toMatchObject({ count: 2, over: { used: 5 } });
  });

  test('that are spent stop no request to the model, and spent tokens stop no call', async () => {
    const { budgets, now } = world({ limits: callsADay(1) });
    await budgets.payCalls(1, never);
    const request = await reserved(budgets.reserve(expected(10, 20), never));
    await request.settle(amounts(20));
    expect(await budgets.charge(amounts(0))).toBeUndefined();
    now.limits = { day: { ...none, tokens: 20, toolCalls: 2 }, month: none, held };
    expect(await budgets.payCalls(2, never)).toMatchObject({ count: 1, over: { kind: 'toolCalls' } });
  });

  test('of two servers are never paid twice', async () => {
    const store = createInMemoryStore({ shared: true });
    const clock = manualClock(begin);
    const servers = [1, 2, 3].map(() => world({ store, clock, limits: callsADay(10) }).ledger);
    const all = Promise.all(servers.map((ledger) => ledger.of(ada).payCalls(6, never)));
    await clock.pass(60_000); // those that wait for another server check again
    expect((await all).reduce((sum, one) => sum + (one?.count ?? 0), 0)).toBe(10);
  });
});

test('a day ends at midnight in the time zone of the budgets, also on the day that has 25 hours', async () => {
  const hour = 3_600_000;
  const { ledger, clock } = world({
    timeZone: 'America/New_York',
    clock: manualClock(Date.parse('2026-11-01T03:59:59Z')), // a second before midnight
  });
  const spend = async () => {
    const answer = await ledger.of(ada).reserve(expected(1_000, 1_000), never);
    if (answer?.kind === 'reserved') await answer.reservation.settle(amounts(1_000));
    return answer?.kind;
  };
  const seen = [await spend()];
  for (const ms of [1_000, 24 * hour, hour - 1, 1]) {
    clock.advance(ms);
    seen.push(await spend());
  }
  expect(seen).toEqual(['reserved', 'reserved', 'over', 'over', 'reserved']);
});

test('an account of an earlier version opens, and its money stays in the currency in the store', async () => {
  const { ledger, store } = world({ limits: { day: { ...none, cost: 1 }, month: none, held } });
  const day = { key: '2026-11-24', tokens: 7, cost: 0.123456789 };
  const doc = { own: { day: { cost: 0.2 }, month: {}, held }, day, month: { ...day, key: '2026-11' }, open: [] };
  await store.records.put({ kind: 'budget-account', id: 'person:ada', doc });
  const most = { tokens: 0, cost: toMicroCost(0.5) };
  const answer = await reserved(ledger.of(ada).reserve({ least: { tokens: 0, cost: 1 }, most }, never));
  expect(answer.granted.cost).toBe(toMicroCost(0.2) - 123_457);
  await answer.settle({ tokens: 1, cost: 43 });
  const kept = { ...day, tokens: 8, cost: 0.1235, toolCalls: 0 };
  expect(await store.records.get('budget-account', 'person:ada')).toMatchObject({ doc: { own: doc.own, day: kept } });
});
