import { computed } from '@preact/signals';
import { type Session, sessions } from '../data/sessions.ts';
import { toDisplayStatus } from '../data/status.ts';

export type InboxReason = 'waiting' | 'failed';

export function findInboxReason(session: Session): InboxReason | undefined {
  if (session.archived) return undefined;
  const status = toDisplayStatus(session);
  if (status === 'waiting') return 'waiting';
  return status === 'failed' && session.unread > 0 ? 'failed' : undefined;
}

export const inboxSessions = computed<readonly Session[]>(() => {
  const found = sessions.value.filter((session) => findInboxReason(session) !== undefined);
  const rank = (session: Session) => Number(findInboxReason(session) !== 'waiting');
  return found.sort((one, other) => rank(one) - rank(other) || (one.latestMessageAt < other.latestMessageAt ? -1 : 1));
});
