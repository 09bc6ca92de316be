import { z } from 'zod';
import type { SessionEvent } from '../../core/events.ts';
import { RunId, type SessionId } from '../../core/ids.ts';
import type { SessionService } from '../../session/api/sessions.ts';

/** What a chat stream shows and when it is over; plain data, so that a repeated request can be given the same stream. */
export const StreamPlan = z.object({
  /** Events after this one are streamed. */
  after: z.int(),
  /** The stream ends with the first end behind `after`: of that run, or of any. */
  until: z.object({ after: z.int(), runId: RunId.nullable() }),
  /** Nothing runs: what is in the log up to here is all there will be. */
  last: z.int().nullable(),
});
export type StreamPlan = z.infer<typeof StreamPlan>;

const ends = new Set<SessionEvent['type']>(['run.wait', 'run.error', 'run.end']);

/** Whether this event is the stream's last. A `run.end` that says nothing here still ends it: nothing follows. */
export function isEnd(event: SessionEvent, { until, last }: StreamPlan): boolean {
  if (last !== null && event.seq >= last) return true;
  if (!ends.has(event.type) || event.seq <= until.after) return false;
  return until.runId === null || event.runId === until.runId;
}

/** Whether the end is at or before a place that the stream begins behind, so that waiting for it would be for ever. */
export async function isOver(
  sessions: Pick<SessionService, 'page'>,
  id: SessionId,
  plan: StreamPlan,
  upTo: number,
): Promise<boolean> {
  if (plan.last !== null && upTo >= plan.last) return true;
  for (let cursor = plan.until.after; cursor < upTo; ) {
    const { events } = await sessions.page(id, cursor, 500);
    for (const event of events) {
      if (event.seq > upTo) return false;
      if (isEnd(event, plan)) return true;
      cursor = event.seq;
    }
    if (events.length === 0) return false;
  }
  return false;
}
