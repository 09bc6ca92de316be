import type { Model, Usage } from '../../agents/models/model.ts';
import type { AssumedUsage } from '../../core/model/spending.ts';

/** Real models count more tokens in a byte of UTF-8, in nearly every language. A smaller count is not believed. */
const leastPerByte = 0.15;
/** The count in its place, on the safe side of what models need. */
const assumedPerByte = 0.3;

export interface Exchange {
  /** The bytes that the model read, without pictures. */
  readonly requestBytes: number;
  /** The bytes that arrived from it, without hidden reasoning. */
  readonly replyBytes: number;
}

/**
 * The amounts that budgets count for a call beyond the provider's own count, when that is missing or far too small.
 * Undefined: its count is believed.
 */
export function assumeBeyond(
  model: Pick<Model, 'costOf'>,
  usage: Usage,
  { requestBytes, replyBytes }: Exchange,
): AssumedUsage | undefined {
  const inputTokens = believable(usage.inputTokens, requestBytes);
  const outputTokens = believable(usage.outputTokens, replyBytes);
  const tokens = inputTokens - usage.inputTokens + (outputTokens - usage.outputTokens);
  if (tokens === 0) return undefined;
  const cost = model.costOf?.({ inputTokens, outputTokens }) ?? 0;
  return { tokens, cost: Math.max(0, cost - (usage.cost ?? 0)) };
}

const believable = (tokens: number, bytes: number): number =>
  tokens >= bytes * leastPerByte ? tokens : Math.ceil(bytes * assumedPerByte);
