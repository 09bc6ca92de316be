import { expect, test } from 'vitest';
import { createCalendar } from '../../../src/core/contracts/calendar.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import type { Store } from '../../../src/core/contracts/ports.ts';
import type { AppError } from '../../../src/core/errors/errors.ts';
import { createIdSource } from '../../../src/core/model/ids.ts';
import { toMicroCost } from '../../../src/core/model/runs/budget.ts';
import type { BudgetHolder } from '../../../src/sessions/api/server/budgets.ts';
import { BudgetAccountStore } from '../../../src/sessions/budgets/account.ts';
import { BudgetLedger } from '../../../src/sessions/budgets/ledger.ts';
import { holdingsOf } from '../../support/budgets/holdings.ts';
import { openPair, storePairs } from '../../support/stores/store-pairs.ts';

// A budget never lets runs of several servers spend more than it has, on every store.

const limit = 2_000;
const never = new AbortController().signal;

const accountsOn = ({ records }: Store) =>
  new BudgetAccountStore({ records, clock: systemClock, calendar: createCalendar('UTC') });

const none = { tokens: undefined, cost: undefined };
const nothing = { tokens: 0, cost: 0 };
/** By default, a person's tokens a day are limited. */
function ledgerOn(store: Store, limited: BudgetHolder['of'] = 'person', day: object = { tokens: limit }): BudgetLedger {
  const ids = createIdSource();
  return new BudgetLedger({
    ...store,
    accounts: accountsOn(store),
    clock: systemClock,
    newId: () => ids.short(),
    shared: true,
    limitsOf: ({ of }) => ({ day: of === limited ? { ...none, ...day } : none, month: none, held: {} }),
    logged: async () => ({ day: nothing, month: nothing }),
    warn: () => {},
  });
}

/** Spends until the budget is used up, and counts the maximum of reserved and spent amounts. */
async function spendAll(stores: readonly Store[]) {
  const ledgers = stores.map((store) => ledgerOn(store));
  let [open, sent, most] = [0, 0, 0];
  const work = async (ledger: BudgetLedger) => {
    for (;;) {
      const answer = await ledger
        .of({ owner: 'ada', projectId: null })
        .reserve({ least: { tokens: 20, cost: 0 }, most: { tokens: 100, cost: 0 } }, never);
      if (answer?.kind !== 'reserved') return;
      const { tokens = 0 } = answer.reservation.granted;
      open += tokens;
      most = Math.max(most, open + sent);
      await new Promise((resolve) => setImmediate(resolve));
      open -= tokens;
      const used = Math.min(60, tokens);
      sent += used;
      await answer.reservation.settle({ tokens: used, cost: 0 });
    }
  };
  await Promise.all(ledgers.flatMap((ledger) => [work(ledger), work(ledger), work(ledger)]));
  const account = await accountsOn(stores[0] as Store).get({ of: 'person', id: 'ada' });
  for (const ledger of ledgers) await ledger[Symbol.asyncDispose]();
  return { most, account };
}

/** Creates sessions on all servers at the same time until the limit of 5 for a person is reached. */
async function fill(stores: readonly Store[]): Promise<number> {
  const limits = { person: { sessions: 5 }, server: { sessions: 6 } };
  const all = stores.map(({ records }, n) => holdingsOf(records, limits, { shared: true, server: `server-${n}` }));
  const session = { owner: 'ada', projectId: 'web', status: 'completed' };
  const create = async (n: number) => {
    const [{ records }, { holdings }] = [
      stores[n % stores.length] as Store,
      all[n % all.length] as (typeof all)[number],
    ];
    const put = async () => await records.put({ kind: 'session', id: `s-${n}`, doc: session });
    return await holdings.within(session, { sessions: 1 }, put).catch((thrown: AppError) => thrown.code);
  };
  const first = await Promise.all(Array.from({ length: 12 }, (_, n) => create(n)));
  expect(first.filter((one) => typeof one !== 'string').length).toBeLessThanOrEqual(5);
  for (let n = 12; n < 18; n++) await create(n);
  return await (stores[0] as Store).records.count('session');
}

const holders = ['person', 'project', 'server'] as const;

/** The other server's refusal after one server has used the limit, and the amount that both report. */
async function useUp(stores: readonly [Store, Store], of: BudgetHolder['of'], kind: 'tokens' | 'cost') {
  const [one, other] = stores.map((store) => ledgerOn(store, of, { [kind]: 100 })) as [BudgetLedger, BudgetLedger];
  await using _one = one;
  await using _other = other;
  const session = { owner: `${of}-${kind}`, projectId: `${of}-${kind}` };
  const amounts = (amount: number) => ({ ...nothing, [kind]: kind === 'cost' ? toMicroCost(amount) : amount });
  const requested = { least: amounts(60), most: amounts(80) };
  const first = await one.of(session).reserve(requested, never);
  if (first?.kind !== 'reserved') throw new Error('not reserved');
  await first.reservation.settle(amounts(70));
  return await other.of(session).reserve(requested, never);
}

test.for(storePairs)('what one server uses of each limit counts at the other with %s', async (name, context) => {
  await using pair = await openPair(name, context);
  for (const of of holders) {
    for (const kind of ['tokens', 'cost'] as const) {
      const over = { scope: of, period: 'day', kind, limit: 100, used: 70, needs: 60 };
      expect(await useUp(pair.stores, of, kind)).toEqual({ kind: 'over', over });
    }
    const [one, other] = pair.stores.map(({ records }, n) =>
      holdingsOf(records, { [of]: { runningRuns: 1 } }, { shared: true, server: `server-${n}` }),
    );
    const held = { session: { owner: 'ada', projectId: 'web' }, amounts: { runningRuns: 1 } };
    await one?.holdings.take(held.session, held.amounts, () => one.live.add(held));
    const over = { of, kind: 'runningRuns', limit: 1, used: 1, needs: 1 };
    expect(await other?.holdings.take(held.session, held.amounts, () => {})).toEqual(over);
  }
});

test.for(storePairs)(
  'servers that share a limit of what exists reach it, and never exceed it, with %s',
  async (name, context) => {
    await using pair = await openPair(name, context, { atomicUpdates: true });
    expect(await fill(pair.stores)).toBe(5);
  },
);

test.for(storePairs)('servers that share a budget never overspend it together with %s', async (name, context) => {
  await using pair = await openPair(name, context, { atomicUpdates: true });
  const { most, account } = await spendAll(pair.stores);
  expect(most).toBeLessThanOrEqual(limit);
  expect(account.day.tokens).toBeLessThanOrEqual(limit);
  expect(account.day.tokens).toBeGreaterThan(limit - 80);
  expect(account.open).toEqual([]);
});
