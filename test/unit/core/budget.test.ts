import { expect, test } from 'vitest';
import {
  type BudgetLine,
  computeBudgetGrant,
  countAffordableCalls,
  findOverrun,
  minBudget,
  sortBudgetLines,
  toBudgetLines,
  toMicroCost,
} from '../../../src/core/model/runs/budget.ts';

const line = (kind: BudgetLine['kind'], limit: number, used: number, more: Partial<BudgetLine> = {}): BudgetLine => ({
  ...{ scope: 'session', kind, limit, used },
  ...more,
});

test('of two budgets the smaller limit of each kind counts', () => {
  expect(minBudget({ turns: 5, tokens: 100 }, { turns: 9, cost: 1 })).toEqual({ turns: 5, tokens: 100, cost: 1 });
  expect(minBudget(undefined, { ms: 1 })).toEqual({ ms: 1 });
});

test('of two lines the one with less room comes first, and a cap says that no answer grants it', () => {
  const soft = toBudgetLines('session', { cost: 5, turns: 9 }, { cost: toMicroCost(1) });
  const cap = toBudgetLines('session', { cost: 2, hard: true }, { cost: toMicroCost(1) });
  const needs = { turns: 1, cost: toMicroCost(2) };
  const over = { scope: 'session', kind: 'cost', limit: 2, used: 1, needs: 2, hard: true };
  expect(findOverrun(sortBudgetLines(...soft, ...cap), needs)).toEqual(over);
  const spent = toBudgetLines('session', { cost: 1 }, { cost: toMicroCost(0.5) });
  expect(findOverrun(sortBudgetLines(...cap, ...spent), needs)).not.toHaveProperty('hard');
});

test.each([
  [line('tokens', 1_000, 900), undefined],
  [line('tokens', 1_000, 901), { kind: 'tokens', limit: 1_000, used: 901, needs: 100 }],
  [line('time', 1_000, 1_000), { kind: 'time', limit: 1, used: 1, needs: 0 }],
  [line('cost', toMicroCost(0.3), toMicroCost(0.1) + toMicroCost(0.1)), undefined],
  [line('cost', toMicroCost(0.3), toMicroCost(0.1 + 0.2)), { kind: 'cost', limit: 0.3, used: 0.3, needs: 0.1 }],
  [line('toolCalls', 1, 1), undefined],
])('a request of 100 tokens and 0.1 beside %j', (own, over) => {
  const found = findOverrun([own], { tokens: 100, cost: toMicroCost(0.1), time: 0 });
  expect(found).toEqual(over && { scope: 'session', ...over });
});

test('an amount of money is whole, and never nothing unless it is free', () => {
  expect([0, 0.1 + 0.2, 1e-10, 4e-7, 1.5e-6].map(toMicroCost)).toEqual([0, 300_000, 0, 1, 2]);
});

test.each([
  ['fits as it is', line('tokens', 900, 0, { reserved: 100 }), { granted: 700, isBusy: false }],
  ['is shorter', line('tokens', 600, 0), { granted: 600, isBusy: false }],
  ['waits, because it fits without others', line('tokens', 700, 0, { reserved: 100 }), { granted: 600, isBusy: true }],
  ['is shorter next to others', line('tokens', 600, 0, { reserved: 100 }), { granted: 500, isBusy: false }],
])('a reply %s', (_, own, { granted, isBusy }) =>
  expect(computeBudgetGrant([own], { least: { tokens: 100 }, most: { tokens: 700 } })).toEqual({
    ...{ granted: { tokens: granted }, isBusy, over: undefined },
  }),
);

test('the tool calls that the budgets cover are the fewer ones of run and session, without a limit where neither has one', () => {
  const ofRun = line('toolCalls', 9, 2, { scope: 'run' });
  expect(countAffordableCalls([line('tokens', 1, 1)], 12)).toEqual({ count: 12, over: undefined });
  expect(countAffordableCalls([ofRun], 7)).toEqual({ count: 7, over: undefined });
  expect(countAffordableCalls([ofRun])).toMatchObject({ count: 7, over: { scope: 'run' } });
  const expected = { count: 1, over: { scope: 'session', kind: 'toolCalls', limit: 5, used: 5, needs: 1 } };
  expect(countAffordableCalls([ofRun, line('toolCalls', 5, 4)], 9)).toEqual(expected);
  expect(countAffordableCalls([line('toolCalls', 5, 8)], 2)).toMatchObject({ count: 0, over: { used: 8 } });
});
