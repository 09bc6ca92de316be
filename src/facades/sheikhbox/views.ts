import type { SessionRecord } from '../../core/records.ts';
import type { SessionService } from '../../session/service.ts';
import { epoch, type Profile, type SseEvent, toSheikhbox } from './events.ts';

const shownChars = 1000;

/** v2.0 knew two states only. */
const statusOf = ({ status }: SessionRecord, profile: Profile): string => {
  if (profile === 'current') return status;
  return status === 'running' ? 'active' : 'completed';
};

export const listItem = (session: SessionRecord, profile: Profile) => ({
  session_id: session.id,
  title: session.title,
  latest_message: beginning(session.latestMessage),
  latest_message_at: epoch(session.latestMessageAt),
  status: statusOf(session, profile),
  unread_message_count: session.unread,
});

/** The session and its history: what was streamed, and the user's own messages. */
export async function sessionView(session: SessionRecord, sessions: SessionService, profile: Profile) {
  const events: SseEvent[] = [];
  for await (const event of sessions.history(session.id)) {
    const said = toSheikhbox(event, profile);
    if (said) events.push(said);
  }
  return { session_id: session.id, title: session.title, status: statusOf(session, profile), events };
}

/** Never half of a character that takes two units. */
function beginning(text: string): string {
  if (text.length <= shownChars) return text;
  const last = text.charCodeAt(shownChars - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? shownChars - 1 : shownChars);
}
