import type { SessionCommand } from '../../../machines/session.ts';
import type { EventLog } from '../../core/contracts/ports.ts';
import type { MessageId, RunId, SessionId } from '../../core/model/ids.ts';

const [pageSize, maxPageSize] = [32, 512];
const skewMs = 60_000; // allowed clock difference between two servers

/** Searches the log for a message by id, because an earlier holder may have taken it without answering. */
export async function findSentMessage(
  log: Pick<EventLog, 'page'>,
  id: SessionId,
  { messageId }: Extract<SessionCommand, { type: 'cmd.send' }>,
  since: number,
): Promise<{ messageId: MessageId; runId: RunId; seq: number } | undefined> {
  const { head } = await log.page(id, Number.MAX_SAFE_INTEGER, 1);
  for (let after = head, size = pageSize; after > 0; size = Math.min(2 * size, maxPageSize)) {
    const limit = Math.min(size, after);
    after -= limit;
    const { events } = await log.page(id, after, limit);
    for (const event of events) {
      if (event.type !== 'message.user' || event.data.messageId !== messageId || event.runId === null) continue;
      return { messageId, runId: event.runId, seq: event.seq };
    }
    const [oldest] = events;
    if (!oldest || oldest.ts < since - skewMs) return undefined;
  }
  return undefined;
}
