import type { SessionCommand } from '../../machines/session.ts';
import type { MessageId, RunId, SessionId } from '../core/ids.ts';
import type { EventLog } from '../core/ports.ts';

const pageSize = 500;
const skewMs = 60_000; // between the clocks of two servers

/** A message that an owner before us took, who could not say so any more: by its id in the log. */
export async function alreadySent(
  log: Pick<EventLog, 'page'>,
  id: SessionId,
  { messageId }: Extract<SessionCommand, { type: 'cmd.send' }>,
  { since }: { readonly since: number },
): Promise<{ messageId: MessageId; runId: RunId; seq: number } | undefined> {
  const { head } = await log.page(id, Number.MAX_SAFE_INTEGER, 1);
  for (let after = head; after > 0; ) {
    after = Math.max(0, after - pageSize);
    const { events } = await log.page(id, after, pageSize);
    for (const event of events) {
      if (event.type !== 'message.user' || event.data.messageId !== messageId || event.runId === null) continue;
      return { messageId, runId: event.runId, seq: event.seq };
    }
    const [oldest] = events;
    if (!oldest || oldest.ts < since - skewMs) return undefined;
  }
  return undefined;
}
