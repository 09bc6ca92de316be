import type { FactOf, SessionEvent } from '../../core/events.ts';
import type { SessionId } from '../../core/ids.ts';
import type { SessionRecord } from '../../core/records.ts';
import type { SessionService } from '../../session/api/sessions.ts';

const recentMs = 10 * 60 * 1000;
const pageSize = 200;

interface Message {
  readonly text: string;
  readonly timestamp: number;
}

/**
 * A client library that lost its line sends its request again. Such a message is in the log already, sent in the last
 * ten minutes with the same clock reading, which was then within ten minutes of ours; it must not be sent twice.
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
  if (Math.abs(now - message.timestamp * 1000) > 2 * recentMs) return undefined; // cannot have been sent lately
  // Backwards from the end, as far as ten minutes go.
  for (let upTo = session.lastSeq; upTo > 0; upTo -= pageSize) {
    const { events } = await sessions.page(session.id, Math.max(0, upTo - pageSize), pageSize);
    const found = events.find(isIt);
    if (found) return found;
    const oldest = events[0];
    if (oldest && now - oldest.ts >= recentMs) return undefined;
  }
  return undefined;
}

/** One after the other for each session: of two equal requests at once the second must see what the first wrote. */
export function turnstile(): <Result>(id: SessionId, pass: () => Promise<Result>) => Promise<Result> {
  const waiting = new Map<SessionId, Promise<unknown>>();
  return async (id, pass) => {
    const mine = (waiting.get(id) ?? Promise.resolve()).then(pass, pass);
    const settled = mine.then(
      () => {},
      () => {},
    );
    waiting.set(id, settled);
    try {
      return await mine;
    } finally {
      if (waiting.get(id) === settled) waiting.delete(id);
    }
  };
}
