import type { WebhookEventType } from '../../sessions/api/server/webhooks.ts';

/** Milliseconds: 5 s, 30 s, 2 min, 15 min, 1 h, 6 h. */
const pauses = [5_000, 30_000, 120_000, 900_000, 3_600_000, 21_600_000] as const;
/** Each delay grows by up to this fraction at random, so that deliveries that failed together retry apart. */
const jitter = 0.2;

/** A test event is attempted only once, because somebody is waiting for its outcome. */
export const maxDeliveryAttemptsOf = (type: WebhookEventType): number =>
  type === 'webhook.test' ? 1 : pauses.length + 1;

/** Milliseconds. `triesLeft`: remaining attempts, at least 1. `drawn`: a random number from 0 to 1. */
export function computeDeliveryRetryMs(triesLeft: number, drawn: number): number {
  const pause = pauses[pauses.length - triesLeft] ?? pauses[0];
  return Math.round(pause * (1 + jitter * drawn));
}
