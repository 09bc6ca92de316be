import { expect, test } from 'vitest';
import { SpendingCounter } from '../../../../src/agents/acp/agent.ts';

const usd = (amount: number) => ({ amount, currency: 'USD' });

test('reports of a growing conversation and of the whole cost count once', () => {
  const spending = new SpendingCounter();
  spending.begin();
  expect(spending.reported({ used: 100, cost: usd(0.5) })).toEqual([{ kind: 'spent', tokens: 100, cost: 0.5 }]);
  expect(spending.reported({ used: 150, cost: usd(0.75) })).toEqual([{ kind: 'spent', tokens: 50, cost: 0.25 }]);
  expect(spending.reported({ used: 150, cost: usd(0.75) })).toEqual([]);
});

test('the next message takes the whole conversation again, and adds to the cost', () => {
  const spending = new SpendingCounter();
  spending.begin();
  spending.reported({ used: 100, cost: usd(0.5) });
  spending.begin();
  expect(spending.reported({ used: 120, cost: usd(0.75) })).toEqual([{ kind: 'spent', tokens: 120, cost: 0.25 }]);
});

test.each([
  ["the protocol's draft", { usage: { totalTokens: 180 } }],
  ["Gemini CLI's quota", { _meta: { quota: { token_count: { input_tokens: 160, output_tokens: 20 } } } }],
])('the tokens of an answer as in %s count beyond those of the reports', (_, answer) => {
  const spending = new SpendingCounter();
  spending.begin();
  spending.reported({ used: 100 });
  expect(spending.answered({ stopReason: 'end_turn', ...answer })).toMatchObject([{ tokens: 80 }]);
});

test.each([
  [{ usage: { totalTokens: -1 } }],
  [{ usage: { totalTokens: 'many' } }],
  [{ _meta: { quota: 1 } }],
  [undefined],
])('an answer of %j counts nothing', (answer) => expect(new SpendingCounter().answered(answer)).toEqual([]));

test('a cost in another currency is not counted', () =>
  expect(new SpendingCounter().reported({ used: 1, cost: { amount: 5, currency: 'EUR' } })).toMatchObject([
    { cost: undefined },
  ]));
