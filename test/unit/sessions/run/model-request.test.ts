import { describe, expect, test } from 'vitest';
import {
  defaultCapabilities,
  type Model,
  type TurnPart,
  type TurnRequest,
} from '../../../../src/agents/models/model.ts';
import type { BudgetAmounts, BudgetLine } from '../../../../src/core/model/runs/budget.ts';
import { estimateMissingUsage, sendModelRequest } from '../../../../src/sessions/run/model-request.ts';
import { type BudgetSources, type SharedBudgetReserver, TurnBudget } from '../../../../src/sessions/run/turn-budget.ts';
import { scribeBench } from '../../../support/machines/session-parts.ts';

const never = new AbortController().signal;
const over = { scope: 'person', period: 'day', kind: 'tokens', limit: 10, used: 10, needs: 5 } as const;
const request: TurnRequest = {
  phase: { kind: 'plan' },
  system: 'You work.',
  messages: [{ role: 'user', text: 'word '.repeat(200) }],
  tools: [],
};
const bytes = 1_000; // 300 tokens, before the model has counted any
const finished = (inputTokens: number, outputTokens: number): TurnPart => ({
  type: 'end',
  outcome: { kind: 'finished', stop: 'done', usage: { inputTokens, outputTokens } },
});
const unit = 1_000_000;

function world(parts: readonly TurnPart[], sources: BudgetSources = {}) {
  const requests: TurnRequest[] = [];
  const model: Model = {
    name: 'small/one',
    abilities: { ...defaultCapabilities, maxOutput: 1_000 },
    costOf: ({ inputTokens, outputTokens, cachedTokens = 0 }) => inputTokens - cachedTokens + 2 * outputTokens,
    async *turn(it) {
      requests.push(it);
      yield* parts;
    },
  };
  const { runWriter } = scribeBench();
  const budget = new TurnBudget(sources);
  const what = { request, bytes, purpose: 'plan', sections: [], from: { length: 0 }, conversation: [] } as const;
  const take = () => sendModelRequest({ model, runWriter, budget }, what, { signal: never, onDelta: () => {} });
  return { requests, take, budget, meter: runWriter.transcript.meter };
}
function sharing(
  parts: readonly TurnPart[],
  granted: (most: BudgetAmounts) => BudgetAmounts | 'over' = (most) => most,
) {
  const settled: BudgetAmounts[] = [];
  const shared: SharedBudgetReserver = {
    async reserve({ most }) {
      const grant = granted(most);
      if (grant === 'over') return { kind: 'over', over };
      return { kind: 'reserved', reservation: { granted: grant, settle: async (used) => void settled.push(used) } };
    },
    charge: async () => undefined,
    payCalls: async () => undefined,
    giveBackCalls: async () => {},
  };
  return { ...world(parts, { shared }), settled };
}
const run = (kind: BudgetLine['kind'], limit: number, used = 0) => ({
  run: [{ scope: 'run', kind, limit, used }] as const,
});
const session = (kind: BudgetLine['kind'], limit: number, used = 0): BudgetSources => ({
  session: ({ tokens }) => [{ scope: 'session', kind, limit, used: kind === 'tokens' ? used + tokens : used }],
});

describe('a request that a budget does not cover', () => {
  test.each([
    ['the person', 'person', sharing([], () => 'over')],
    ['the run', 'run', world([], run('tokens', 1_000, 701))],
    ['the session', 'session', world([], { ...run('tokens', 9_000), ...session('turns', 4, 4) })],
    ['the session, because of its time', 'session', world([], session('time', 1_000, 1_000))],
    ['the session, because of its cost', 'session', world([], session('cost', 299 * unit))],
  ])('is not sent, and says that it is the budget of %s', async (_, scope, { requests, take }) => {
    expect((await take()).outcome).toMatchObject({ kind: 'failed', retryable: false, over: { scope } });
    expect(requests).toEqual([]);
  });

  test('needs its estimated tokens and the usual reply, at the usual share of the cache', async () => {
    const { take, meter } = world([finished(1, 1)], session('cost', 279 * unit));
    meter.learn('small/one', 1_000, { inputTokens: 300, outputTokens: 40, cachedTokens: 100 });
    expect((await take()).outcome).toMatchObject({ over: { kind: 'cost', limit: 279, needs: 280 } });
  });

  test('is the second one of a turn whose first one took the rest', async () => {
    const { take, budget } = world([finished(300, 200)], run('tokens', 1_000, 300));
    expect(await take()).toMatchObject({ outcome: { kind: 'finished' }, usage: { type: 'usage' } });
    expect(budget.spent).toEqual({ turns: 1, tokens: 500, cost: 0 });
    expect((await take()).outcome).toMatchObject({ over: { scope: 'run', used: 800, needs: 300 } });
  });
});

test('a believable count of the provider is settled as it is', async () => {
  const { settled, take } = sharing([{ type: 'text', delta: 'Fine.' }, finished(300, 4)]);
  expect(await take()).toMatchObject({ outcome: { kind: 'finished', usage: { inputTokens: 300 } }, isBelieved: true });
  expect(settled[0]?.tokens).toBe(304);
});

test('a count that is missing or far too small is replaced by the own one, and the usage says so', async () => {
  const { settled, take } = sharing([{ type: 'text', delta: 'Fine.' }, finished(0, 0)]);
  const expected = { usage: { data: { assumed: { tokens: expect.any(Number) } } }, isBelieved: false };
  expect(await take()).toMatchObject(expected);
  expect(settled[0]?.tokens).toBeGreaterThan(250); // a thousand bytes
  expect(settled[0]?.cost).toBeGreaterThan(250 * unit);
  const unlimited = world([{ type: 'text', delta: 'Fine.' }, finished(0, 0)], run('turns', 9));
  expect(await unlimited.take()).toMatchObject({ isBelieved: true });
});

const less = (kind: 'tokens' | 'cost', by: number) => (most: BudgetAmounts) => ({
  ...most,
  [kind]: (most[kind] ?? 0) - by,
});
test.each([
  ['what was granted in tokens', sharing([finished(300, 4)], less('tokens', 900)), 100],
  ['what was granted in cost', sharing([finished(300, 4)], less('cost', 1_000 * unit)), 500],
  ['the tokens of the run', world([finished(300, 4)], run('tokens', 1_000, 100)), 600],
  ['the cost of the session', world([finished(300, 4)], session('cost', 1_000 * unit, 300 * unit)), 200],
  ['the smaller one of both', world([finished(300, 4)], { ...run('tokens', 400), ...session('tokens', 1_000) }), 100],
  ['budgets that are large enough', sharing([finished(300, 4)]), undefined],
  ['budgets without tokens and cost', world([finished(300, 4)], run('turns', 9)), undefined],
])('a reply is kept as short as the budgets cover: %s', async (_, { requests, take }, longest) => {
  await take();
  expect(requests[0]?.sampling?.maxOutputTokens).toBe(longest);
});

test('a request that failed before any reply costs nothing, and one that broke off costs what came', async () => {
  const failure: TurnPart = {
    type: 'end',
    outcome: { kind: 'failed', code: 'model_overloaded', message: 'Busy.', retryable: true },
  };
  const refused = sharing([failure]);
  await refused.take();
  expect(refused.settled[0]?.tokens).toBe(0);
  const broken = sharing([{ type: 'text', delta: 'Half of a reply' }, failure]);
  await broken.take();
  expect(broken.settled[0]?.tokens).toBeGreaterThan(250);
});

const priced = {
  costOf: ({ inputTokens, outputTokens }: { inputTokens: number; outputTokens: number }) =>
    inputTokens + 5 * outputTokens,
};
const exchange = { requestBytes: 10_000, replyBytes: 1_000 };
/** The token count of a current model for an English text of this many bytes. */
const honest = { inputTokens: 2_200, outputTokens: 220 };

describe('what budgets count beyond the count of a provider', () => {
  test('is nothing where it says what models count', () => {
    expect(estimateMissingUsage(priced, honest, exchange)).toBeUndefined();
    expect(estimateMissingUsage(priced, { inputTokens: 5_000, outputTokens: 9_000 }, exchange)).toBeUndefined();
  });

  test.each([
    ['half', 0.5],
    ['a tenth', 0.1],
    ['nothing', 0],
  ])('covers the true usage and its price where it says %s of it', (_, share) => {
    const [inputTokens, outputTokens] = [honest.inputTokens * share, honest.outputTokens * share];
    const cost = priced.costOf({ inputTokens, outputTokens });
    const assumed = estimateMissingUsage(priced, { inputTokens, outputTokens, cost }, exchange);
    expect((assumed?.tokens ?? 0) + inputTokens + outputTokens).toBeGreaterThanOrEqual(2_420);
    expect((assumed?.cost ?? 0) + cost).toBeGreaterThanOrEqual(priced.costOf(honest));
  });

  test('is the part that is not believed alone', () =>
    expect(estimateMissingUsage({}, { ...honest, outputTokens: 1 }, exchange)).toEqual({ tokens: 299, cost: 0 }));
});
