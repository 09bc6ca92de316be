import { z } from 'zod';
import type { SessionEvent } from '../../../../core/model/events.ts';
import { RunId, type SessionId } from '../../../../core/model/ids.ts';
import type { SessionService } from '../../../../sessions/api/sessions.ts';

/** Plain data, because the bounds are stored for repeated requests. */
export const StreamBounds = z.object({
  after: z.int(),
  /** Ends with the first of `endTypes` after this seq. A null `runId` matches any run. */
  until: z.object({ after: z.int(), runId: RunId.nullable() }),
  /** The log's last seq if no run was working. Null if only `until` ends the stream. */
  last: z.int().nullable(),
});
export type StreamBounds = z.infer<typeof StreamBounds>;

const endTypes = new Set<SessionEvent['type']>(['run.wait', 'run.error', 'run.end']);

/** Also true for a `run.end` that has no frame of its own. */
export function isStreamEnd(event: SessionEvent, { until, last }: StreamBounds): boolean {
  if (last !== null && event.seq >= last) return true;
  if (!endTypes.has(event.type) || event.seq <= until.after) return false;
  return until.runId === null || event.runId === until.runId;
}

/** A stream resumed after its end would wait forever. */
export async function hasStreamEnded(
  sessions: Pick<SessionService, 'page'>,
  id: SessionId,
  plan: StreamBounds,
  upTo: number,
): Promise<boolean> {
  if (plan.last !== null && upTo >= plan.last) return true;
  for (let cursor = plan.until.after; cursor < upTo; ) {
    const { events } = await sessions.page(id, cursor, 500);
    for (const event of events) {
      if (event.seq > upTo) return false;
      if (isStreamEnd(event, plan)) return true;
      cursor = event.seq;
    }
    if (events.length === 0) return false;
  }
  return false;
}
