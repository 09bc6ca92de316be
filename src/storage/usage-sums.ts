import type { UsageSum } from '../core/contracts/ports.ts';
import type { SessionFact } from '../core/model/events.ts';
import type { SessionId } from '../core/model/ids.ts';

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
    const { model, inputTokens, cachedTokens = 0, outputTokens, cost } = data;
    const key = `${sessionId} ${day} ${model}`;
    const sum = sums.get(key);
    sums.set(key, {
      sessionId,
      day,
      model,
      turns: (sum?.turns ?? 0) + 1,
      inputTokens: (sum?.inputTokens ?? 0) + inputTokens,
      cachedTokens: (sum?.cachedTokens ?? 0) + cachedTokens,
      outputTokens: (sum?.outputTokens ?? 0) + outputTokens,
      cost: (sum?.cost ?? 0) + (cost ?? 0),
      unpriced: (sum?.unpriced ?? 0) + (cost === undefined ? 1 : 0),
    });
  }
  return [...sums.values()];
}
