import type { UsageSum } from '../core/contracts/ports.ts';
import type { SessionFact } from '../core/model/events.ts';
import type { SessionId } from '../core/model/ids.ts';
import { addAmounts, noUsage } from '../core/model/spending.ts';

interface UsageEvent {
  readonly sessionId: SessionId;
  readonly at: number;
  readonly data: Extract<SessionFact, { type: 'usage' }>['data'];
}

/** The sums by session, day and model, for stores whose database cannot look into an event. */
export function usageSums(events: Iterable<UsageEvent>): UsageSum[] {
  const sums = new Map<string, UsageSum>();
  for (const { sessionId, at, data } of events) {
    const day = new Date(at).toISOString().slice(0, 10);
    const { model, inputTokens, cachedTokens, outputTokens, cost } = data;
    const key = `${sessionId} ${day} ${model}`;
    const more = { turns: 1, inputTokens, cachedTokens, outputTokens, cost, unpriced: cost === undefined ? 1 : 0 };
    sums.set(key, addAmounts(sums.get(key) ?? { sessionId, day, model, ...noUsage }, more));
  }
  return [...sums.values()];
}
