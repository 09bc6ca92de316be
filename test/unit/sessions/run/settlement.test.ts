import { describe, expect, test } from 'vitest';
import { assumeBeyond } from '../../../../src/sessions/run/settlement.ts';

const model = {
  costOf: ({ inputTokens, outputTokens }: { inputTokens: number; outputTokens: number }) =>
    inputTokens + 5 * outputTokens,
};
const exchange = { requestBytes: 10_000, replyBytes: 1_000 };
/** The count of a model of today for an English text of so many bytes. */
const honest = { inputTokens: 2_200, outputTokens: 220 };

describe('what budgets count beyond the count of a provider', () => {
  test('is nothing where it says what models count', () => {
    expect(assumeBeyond(model, honest, exchange)).toBeUndefined();
    expect(assumeBeyond(model, { inputTokens: 5_000, outputTokens: 9_000 }, exchange)).toBeUndefined();
  });

  test.each([
    ['half', 0.5],
    ['a tenth', 0.1],
    ['nothing', 0],
  ])('covers the true usage and its price where it says %s of it', (_, share) => {
    const [inputTokens, outputTokens] = [honest.inputTokens * share, honest.outputTokens * share];
    const cost = model.costOf({ inputTokens, outputTokens });
    const assumed = assumeBeyond(model, { inputTokens, outputTokens, cost }, exchange);
    expect((assumed?.tokens ?? 0) + inputTokens + outputTokens).toBeGreaterThanOrEqual(2_420);
    expect((assumed?.cost ?? 0) + cost).toBeGreaterThanOrEqual(model.costOf(honest));
  });

  test('is the part that is not believed alone', () =>
    expect(assumeBeyond({}, { ...honest, outputTokens: 1 }, exchange)).toEqual({ tokens: 299, cost: 0 }));
});
