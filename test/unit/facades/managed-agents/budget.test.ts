import { expect, test } from 'vitest';
import type { SessionRecord } from '../../../../src/core/model/records.ts';
import {
  applyBudgetChange,
  assertModelsPriced,
  BudgetInput,
  toBudgetView,
  toHardBudget,
} from '../../../../src/facades/compat/managed-agents/sessions/budget.ts';
import { zeroUsageTotals } from '../../../../src/facades/compat/managed-agents/sessions/usage.ts';
import { parseInput } from '../../../../src/facades/compat/managed-agents/wire.ts';

const limit = (amount: string) => ({ type: 'limit' as const, max_list_cost: { amount, currency: 'USD' as const } });
const record = (budget?: SessionRecord['budget']) => ({ ...(budget && { budget }) }) as SessionRecord;
const used = (cost: number) => ({ ...zeroUsageTotals, cost });

test('a cap in cents is a hard budget of the session, and is shown as it was sent', () => {
  const own = toHardBudget(limit('250'));
  expect(own).toEqual({ cost: 2.5, hard: true });
  expect([toBudgetView(record(own)), toBudgetView(record({ cost: 2.5 }))]).toEqual([limit('250'), null]);
  expect(toBudgetView(record())).toBeNull();
});

test.each(['0', '-1', '2.5', '007', '', '1e3', '9999999999999'])('a cap of %j is refused', (amount) =>
  expect(() => parseInput(BudgetInput, limit(amount))).toThrow(expect.objectContaining({ code: 'invalid_request' })),
);

test('a cap is raised above what is used, or removed for good; a session without one gets none', () => {
  const capped = record(toHardBudget(limit('100')));
  expect(applyBudgetChange(limit('120'), capped, used(1.1))).toEqual({ cost: 1.2, hard: true });
  const codeOf = (work: () => unknown) => {
    try {
      work();
    } catch (thrown) {
      return (thrown as { narrow?: { errorCode?: string } }).narrow?.errorCode;
    }
    return 'none';
  };
  expect(codeOf(() => applyBudgetChange(limit('110'), capped, used(1.1)))).toBe('budget_not_raised');
  const free = applyBudgetChange(null, capped, used(1.1));
  expect(free).toEqual({});
  expect(codeOf(() => applyBudgetChange(limit('900'), record(free), used(0)))).toBe('budget_create_only');
  expect(codeOf(() => applyBudgetChange(limit('900'), record(), used(0)))).toBe('budget_create_only');
  expect(applyBudgetChange(null, record({ turns: 5 }), used(0))).toEqual({ turns: 5 });
});

test('a model without a known price is refused, because nothing would count', async () => {
  const models = { isPriced: async (ref: string) => ref === 'a/priced' } as never;
  await expect(assertModelsPriced(['a/priced'], models)).resolves.toBeUndefined();
  await expect(assertModelsPriced(['a/priced', 'b/free'], models)).rejects.toMatchObject({
    narrow: { errorCode: 'model_not_budgetable' },
  });
});
