import { expect, test } from 'vitest';
import { collectTurn } from '../../../../src/agents/models/collect.ts';
import { assumedAbilities, type Model, type TurnPart, type TurnRequest } from '../../../../src/agents/models/model.ts';
import type { Amounts, SharedBudgets } from '../../../../src/sessions/run/accounts.ts';
import { budgetedModel } from '../../../../src/sessions/run/budgeted-model.ts';
import { TokenMeter } from '../../../../src/sessions/run/context/meter.ts';

const never = new AbortController().signal;
const over = { scope: 'person', period: 'day', kind: 'tokens', limit: 10, used: 10, needs: 5 } as const;
const request: TurnRequest = {
  phase: { kind: 'plan' },
  system: 'You work.',
  messages: [{ role: 'user', text: 'word '.repeat(200) }],
  tools: [],
};
const finished = (inputTokens: number, outputTokens: number): TurnPart => ({
  type: 'end',
  outcome: { kind: 'finished', stop: 'done', usage: { inputTokens, outputTokens } },
});

function world(parts: readonly TurnPart[], granted?: (most: Amounts) => Amounts | 'over') {
  const asked: TurnRequest[] = [];
  const model: Model = {
    name: 'small/one',
    abilities: { ...assumedAbilities, maxOutput: 1_000 },
    costOf: ({ inputTokens, outputTokens }) => inputTokens + 2 * outputTokens,
    async *turn(it) {
      asked.push(it);
      yield* parts;
    },
  };
  const settled: Amounts[] = [];
  const budgets: SharedBudgets = {
    async reserve({ most }) {
      const grant = granted ? granted(most) : most;
      if (grant === 'over') return { kind: 'over', over };
      return { kind: 'reserved', reservation: { granted: grant, settle: async (used) => void settled.push(used) } };
    },
    charge: async () => undefined,
    payCalls: async () => undefined,
    giveBackCalls: async () => {},
  };
  const paid = budgetedModel(model, { budgets, meter: new TokenMeter() });
  const take = () => collectTurn(paid.turn(request, never), { model: paid.name, onDelta: () => {} });
  return { asked, settled, take, paid };
}

test('a request that the budget does not cover is not sent, and says which budget that is', async () => {
  const { asked, settled, take } = world([finished(1, 1)], () => 'over');
  expect((await take()).outcome).toMatchObject({ kind: 'failed', retryable: false, over });
  expect([asked, settled]).toEqual([[], []]);
});

test('a believable count of the provider is settled as it is', async () => {
  const { settled, take } = world([{ type: 'text', delta: 'Fine.' }, finished(300, 4)]);
  expect((await take()).outcome).toMatchObject({ kind: 'finished', usage: { inputTokens: 300 } });
  expect(settled[0]?.tokens).toBe(304);
});

test('a count that is missing or far too small is replaced by the own one, and the reply says so', async () => {
  const { settled, take } = world([{ type: 'text', delta: 'Fine.' }, finished(0, 0)]);
  const { outcome } = await take();
  expect(outcome).toMatchObject({ kind: 'finished', assumed: { tokens: expect.any(Number) } });
  expect(settled[0]?.tokens).toBeGreaterThan(250); // a thousand bytes
  expect(settled[0]?.cost).toBeGreaterThan(250);
});

test('a reply is kept as short as what was granted covers, in tokens and in cost', async () => {
  const shorter = world([finished(300, 4)], ({ tokens, cost }) => ({ tokens: tokens - 900, cost }));
  await shorter.take();
  expect(shorter.asked[0]?.sampling?.maxOutputTokens).toBe(100);
  const cheaper = world([finished(300, 4)], ({ tokens, cost }) => ({ tokens, cost: cost - 1_000 }));
  await cheaper.take();
  expect(cheaper.asked[0]?.sampling?.maxOutputTokens).toBe(500);
  const whole = world([finished(300, 4)]);
  await whole.take();
  expect(whole.asked[0]?.sampling).toBeUndefined();
});

test('a request that failed before any reply costs nothing, and one that broke off costs what came', async () => {
  const failure: TurnPart = {
    type: 'end',
    outcome: { kind: 'failed', code: 'model_overloaded', message: 'Busy.', retryable: true },
  };
  const refused = world([failure]);
  await refused.take();
  expect(refused.settled[0]).toEqual({ tokens: 0, cost: 0 });
  const broken = world([{ type: 'text', delta: 'Half of a reply' }, failure]);
  await broken.take();
  expect(broken.settled[0]?.tokens).toBeGreaterThan(250);
});
