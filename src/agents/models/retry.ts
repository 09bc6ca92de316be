import type { TurnOutcome } from './model.ts';

const maxAttempts = 5;
const firstDelayMs = 1_000;
const maxDelayMs = 60_000;
/** If the provider requests a delay longer than this, the request is not retried. */
export const maxRetryAfterMs = (maxAttempts - 1) * maxDelayMs;

/** `attempt` starts at 1. Undefined if the request must not be retried. Honors the provider's delay, up to a minute. */
export function computeRetryDelayMs(outcome: TurnOutcome, attempt: number, random: () => number): number | undefined {
  if (outcome.kind !== 'failed' || !outcome.retryable || attempt >= maxAttempts) return undefined;
  const backoff = firstDelayMs * 2 ** (attempt - 1);
  const delay =
    outcome.retryAfterMs === undefined
      ? backoff / 2 + (random() * backoff) / 2
      : outcome.retryAfterMs + (random() * firstDelayMs) / 2;
  return Math.min(maxDelayMs, Math.round(delay));
}
