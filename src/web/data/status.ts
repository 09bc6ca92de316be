import { computed } from '@preact/signals';
import { hasUnusableRepository } from '../../core/model/runs/session-outcome.ts';
import { conversationState } from './log.ts';
import { currentSession, currentSessionId, type Session } from './sessions.ts';

export type DisplayStatus = 'new' | 'running' | 'waiting' | 'finished' | 'stopped' | 'failed' | 'expired' | 'deleted';

export function toDisplayStatus(session: Session): DisplayStatus {
  if (session.status === 'running' || session.status === 'waiting') return session.status;
  if (session.status === 'pending') return 'new';
  return hasUnusableRepository(session) ? 'failed' : endStatus(session.outcome);
}

function endStatus(end: { status?: string; reason?: string } | null | undefined): DisplayStatus {
  if (end?.reason === 'deleted' || end?.reason === 'expired') return end.reason;
  return end?.status === 'failed' || end?.status === 'stopped' ? end.status : 'finished';
}

export const currentSessionStatus = computed<DisplayStatus>(() => {
  if (currentSessionId.value === undefined) return 'new';
  const run = conversationState.run.value;
  const listed = currentSession.value && toDisplayStatus(currentSession.value);
  if (listed === 'running' || listed === 'waiting') return listed;
  if (run.kind === 'ended' && currentSession.value && hasUnusableRepository(currentSession.value)) return 'failed';
  if (run.kind === 'ended') return endStatus(run.end.data);
  if (run.kind === 'running' || run.kind === 'waiting') return run.kind;
  return listed ?? 'new';
});

export const isCurrentSessionBusy = computed(
  () => currentSessionStatus.value === 'running' || currentSessionStatus.value === 'waiting',
);
