import type { FactOf } from '../../../../core/model/events.ts';

/** Costs are in the price list's currency. */
export interface UsageTotals {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheWritten: number;
  readonly cost: number;
}
export const zeroUsageTotals: UsageTotals = { input: 0, output: 0, cacheRead: 0, cacheWritten: 0, cost: 0 };

export function addLoggedUsage(before: UsageTotals, used: FactOf<'usage'>['data']): UsageTotals {
  const { inputTokens, outputTokens, cachedTokens = 0, cacheWrittenTokens = 0, cost = 0 } = used;
  return {
    input: before.input + Math.max(0, inputTokens - cachedTokens - cacheWrittenTokens),
    output: before.output + outputTokens,
    cacheRead: before.cacheRead + cachedTokens,
    cacheWritten: before.cacheWritten + cacheWrittenTokens,
    cost: before.cost + cost,
  };
}

export const sumUsage = (all: readonly UsageTotals[]): UsageTotals =>
  all.reduce(
    (one, other) => ({
      input: one.input + other.input,
      output: one.output + other.output,
      cacheRead: one.cacheRead + other.cacheRead,
      cacheWritten: one.cacheWritten + other.cacheWritten,
      cost: one.cost + other.cost,
    }),
    zeroUsageTotals,
  );

export const toSpanUsage = ({ input, output, cacheRead, cacheWritten }: UsageTotals) => ({
  input_tokens: input,
  output_tokens: output,
  cache_creation_input_tokens: cacheWritten,
  cache_read_input_tokens: cacheRead,
});

/** In cents, rounded to hundredths. */
export const toCents = (cost: number): number => Math.round(cost * 10_000) / 100;
const seconds = (ms: number) => Math.round(ms) / 1_000;
export const toUsageView = ({ input, output, cacheRead, cacheWritten, cost }: UsageTotals, activeMs: number) => ({
  input_tokens: input,
  output_tokens: output,
  cache_read_input_tokens: cacheRead,
  cache_creation: { ephemeral_5m_input_tokens: cacheWritten, ephemeral_1h_input_tokens: 0 },
  list_cost: { amount: String(Math.round(cost * 100)), currency: 'USD' as const },
  active_seconds: seconds(activeMs),
  server_tool_use: { web_search_requests: 0, web_fetch_requests: 0 },
});
export const toSessionStats = (activeMs: number, durationMs: number) => ({
  active_seconds: seconds(activeMs),
  duration_seconds: seconds(durationMs),
});
