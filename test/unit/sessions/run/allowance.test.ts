import { describe, expect, test } from 'vitest';
import { assumedAbilities, type Model } from '../../../../src/agents/models/model.ts';
import {
  affordableCalls,
  affordableReply,
  estimateNeeds,
  findBudgetOverrun,
  leastBudget,
  leastLeft,
  subtractSpending,
} from '../../../../src/sessions/run/allowance.ts';
import { TokenMeter } from '../../../../src/sessions/run/context/meter.ts';

const model: Model = {
  name: 'small/one',
  abilities: assumedAbilities,
  costOf: ({ inputTokens, outputTokens, cachedTokens = 0 }) => inputTokens - cachedTokens + 2 * outputTokens,
  turn: async function* () {},
};
const nothing = { turns: 0, tokens: 0, cost: 0 };
const needs = { turns: 1, tokens: 100, cost: 0.1 };

describe('what a request will take', () => {
  test('is its estimated tokens and the usual reply, at the price of the model, with the usual share of the cache', () => {
    const meter = new TokenMeter();
    meter.learn(model.name, 1_000, { inputTokens: 500, outputTokens: 40, cachedTokens: 250 });
    expect(estimateNeeds(model, meter, 400)).toEqual({ turns: 1, tokens: 240, cost: 100 + 80 });
  });

  test('costs nothing where the price is not known, and counts no reply before the first', () => {
    const { costOf: _costOf, ...unpriced } = model;
    expect(estimateNeeds(unpriced, new TokenMeter(), 1_000)).toEqual({ turns: 1, tokens: 300, cost: 0 });
  });
});

describe('the dearest reply that the budgets cover', () => {
  const used = { spent: nothing, unwritten: nothing };
  const request = { model, inputTokens: 100 };
  const session = (rest: object) => ({ run: undefined, session: () => rest });

  test('is what the request leaves of the tokens, and of the cost at the price of a reply', () => {
    expect(affordableReply(session({ tokens: { limit: 1_000, used: 300 } }), request, used)).toBe(600);
    expect(affordableReply(session({ cost: { limit: 1_000, used: 300 } }), request, used)).toBe(300);
    const unwritten = { turns: 1, tokens: 50, cost: 0 };
    expect(affordableReply(session({ tokens: { limit: 1_000, used: 300 } }), request, { ...used, unwritten })).toBe(
      550,
    );
  });

  test('is the smaller one of run and session, and has no limit without a budget of tokens or cost', () => {
    const run = { tokens: { limit: 200, used: 0 } };
    expect(affordableReply({ run, session: () => ({ tokens: { limit: 1_000, used: 0 } }) }, request, used)).toBe(100);
    expect(affordableReply(session({ turns: { limit: 9, used: 0 } }), request, used)).toBeUndefined();
  });
});

test('of two budgets the smaller limit of each kind counts', () => {
  expect(leastBudget({ turns: 5, tokens: 100 }, { turns: 9, cost: 1 })).toEqual({ turns: 5, tokens: 100, cost: 1 });
  expect(leastBudget(undefined, { ms: 1 })).toEqual({ ms: 1 });
});

test('of two rests the one counts of which less is left, and a cap says that no answer grants it', () => {
  const soft = { cost: { limit: 5, used: 1 }, turns: { limit: 9, used: 0 } };
  const cap = { cost: { limit: 2, used: 1, hard: true as const } };
  expect(leastLeft(soft, cap)).toEqual({ ...soft, ...cap });
  expect(leastLeft({ cost: { limit: 1, used: 0.5 } }, cap)).toEqual({ cost: { limit: 1, used: 0.5 } });
  expect([leastLeft(undefined, cap), leastLeft(soft, undefined)]).toEqual([cap, soft]);
  const wishes = { turns: 1, tokens: 0, cost: 2 };
  const used = { spent: nothing, unwritten: nothing };
  const over = findBudgetOverrun({ run: undefined, session: () => cap }, wishes, used);
  expect(over).toEqual({ scope: 'session', kind: 'cost', limit: 2, used: 1, needs: 2, hard: true });
});

describe('the budget that does not cover a request', () => {
  const used = { spent: nothing, unwritten: nothing };
  const run = (used: number) => ({ tokens: { limit: 1_000, used } });

  test.each([
    [900, undefined],
    [901, { scope: 'run', kind: 'tokens', limit: 1_000, used: 901, needs: 100 }],
  ])('is the run’s when %i tokens of 1,000 are used', (before, over) =>
    expect(findBudgetOverrun({ run: run(before), session: () => undefined }, needs, used)).toEqual(over),
  );

  test('counts what the same turn has used already', () => {
    const spent = { ...nothing, tokens: 1 };
    expect(findBudgetOverrun({ run: run(900), session: () => undefined }, needs, { ...used, spent })).toMatchObject({
      used: 901,
    });
    expect(subtractSpending(run(900), spent)).toEqual(run(901));
  });

  test('is the session’s when the run has one to spare, also after its time', () => {
    const cost = { cost: { limit: 1, used: 0.95 } };
    const time = { ms: { limit: 1_000, used: 1_000 } };
    expect(findBudgetOverrun({ run: run(0), session: () => cost }, needs, used)).toMatchObject({ scope: 'session' });
    expect(findBudgetOverrun({ run: run(0), session: () => time }, needs, used)).toMatchObject({
      kind: 'time',
      limit: 1,
    });
  });

  test('is none once a user has granted it', () =>
    expect(findBudgetOverrun({ run: undefined, session: () => undefined }, needs, used)).toBeUndefined());
});

test('the tool calls that the budgets cover are the fewer ones of run and session, without a limit where neither has one', () => {
  expect(affordableCalls(undefined, { tokens: { limit: 1, used: 1 } })).toBeUndefined();
  expect(affordableCalls({ limit: 9, used: 2 }, undefined)).toMatchObject({ count: 7, over: { scope: 'run' } });
  const session = { toolCalls: { limit: 5, used: 4 } };
  expect(affordableCalls({ limit: 9, used: 2 }, session)).toEqual({
    count: 1,
    over: { scope: 'session', kind: 'toolCalls', limit: 5, used: 5, needs: 1 },
  });
  expect(affordableCalls(undefined, { toolCalls: { limit: 5, used: 8 } })?.count).toBe(0);
});
