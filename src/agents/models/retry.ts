import type { TurnOutcome } from './model.ts';

const maxAttempts = 5;
const firstDelayMs = 1_000;
const maxDelayMs = 60_000;

/**
 * Milliseconds until the next attempt after `attempt` failures (1, 2, …). Undefined: give up. The provider's own delay
 * is a minimum. Random jitter prevents all sessions from retrying at the same time.
 */
export function retryDelay(outcome: TurnOutcome, attempt: number, random: () => number): number | undefined {
  if (outcome.kind !== 'failed' || !outcome.retryable || attempt >= maxAttempts) return undefined;
  const backoff = firstDelayMs * 2 ** (attempt - 1);
  const delay =
    outcome.retryAfterMs === undefined
      ? backoff / 2 + (random() * backoff) / 2
      : outcome.retryAfterMs + (random() * firstDelayMs) / 2;
  return Math.min(maxDelayMs, Math.round(delay));
}

/** Parses the header's two forms: seconds, or a date. Undefined for anything else. */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  const value = header?.trim() ?? '';
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000;
  const date = /^[A-Za-z]{3},/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
