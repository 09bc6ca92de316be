import type { FactOf, SessionEvent } from '../../../core/model/events.ts';
import type { SessionRecord } from '../../../core/model/records.ts';
import type { SessionService } from '../../../sessions/api/sessions.ts';

const recentMs = 10 * 60 * 1000;
const pageSize = 200;

interface Message {
  readonly text: string;
  readonly timestamp: number;
}

/**
 * Finds a message that a client library sent again after it lost its connection. It is in the log already, from the last ten
 * minutes and with the same clock reading, which was then within ten minutes of ours. It must not be sent twice.
 */
export async function findRetried(
  sessions: Pick<SessionService, 'page'>,
  session: SessionRecord,
  message: Message,
  now: number,
): Promise<(SessionEvent & FactOf<'message.user'>) | undefined> {
  const isIt = (event: SessionEvent): event is SessionEvent & FactOf<'message.user'> =>
    event.type === 'message.user' &&
    event.data.text === message.text &&
    event.data.clientTimestamp === message.timestamp &&
    now - event.ts < recentMs &&
    Math.abs(event.ts - message.timestamp * 1000) <= recentMs;
  // too old or too far ahead to be a recent message
  if (Math.abs(now - message.timestamp * 1000) > 2 * recentMs) return undefined;
  // Searches backwards from the end, for ten minutes.
  for (let upTo = session.lastSeq; upTo > 0; upTo -= pageSize) {
    const { events } = await sessions.page(session.id, Math.max(0, upTo - pageSize), pageSize);
    const found = events.find(isIt);
    if (found) return found;
    const oldest = events[0];
    if (oldest && now - oldest.ts >= recentMs) return undefined;
  }
  return undefined;
}
