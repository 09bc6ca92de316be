import { batch, computed, signal } from '@preact/signals';
import type { Session } from '../../client/types.ts';
import { connectionState, subscribeTo } from './server.ts';

export type { Session };

interface SessionChange {
  readonly type: 'changed' | 'deleted';
  readonly session: Session;
}

const byId = new Map<string, Session>();
const changes = signal(0);
/** False until the first session arrives, or `listMs` passes without one. */
export const areSessionsLoaded = signal(false);
/** Undefined: a new session. */
export const currentSessionId = signal<string | undefined>(undefined);

const byPlace = (a: Session, b: Session): number => {
  if (a.latestMessageAt === b.latestMessageAt) return a.id < b.id ? -1 : 1;
  return a.latestMessageAt < b.latestMessageAt ? 1 : -1;
};

/** Newest message first. Ties are sorted by id. */
export const sessions = computed<readonly Session[]>(() => {
  changes.value;
  return [...byId.values()].sort(byPlace);
});
export const currentSession = computed<Session | undefined>(() => {
  changes.value;
  return currentSessionId.value === undefined ? undefined : byId.get(currentSessionId.value);
});

const listMs = 1_500;
/** Sessions that were known before a reconnection, and that the server has not sent again. */
let unconfirmed = new Set<string>();
let dropTimer: ReturnType<typeof setTimeout> | undefined;

/**
 * A connection's list has no end marker, so unconfirmed sessions are removed after a delay. The selected one stays
 * until its log reports its deletion.
 */
export function markSessionsUnconfirmed(): void {
  unconfirmed = new Set(byId.keys());
  dropUnconfirmedSoon();
}

function dropUnconfirmedSoon(): void {
  clearTimeout(dropTimer);
  dropTimer = setTimeout(() => {
    if (connectionState.peek() !== 'open') return; // the list is sent again on the next connection
    for (const id of unconfirmed) if (id !== currentSessionId.peek()) byId.delete(id);
    changes.value++;
    unconfirmed.clear();
  }, listMs);
}

export function forgetSession(id: string): void {
  if (byId.delete(id)) changes.value++;
}

let drawing = false;
const received: ((news: SessionChange, before: Session | undefined) => void)[] = [];
export const onSessionChange = (listener: (news: SessionChange, before: Session | undefined) => void): void =>
  void received.push(listener);

/** Redraws at most once every 16 ms, because thousands of sessions may arrive at once. */
export function watchSessions(): void {
  setTimeout(() => {
    areSessionsLoaded.value = true;
  }, listMs);
  subscribeTo<SessionChange>('sessions.watch', undefined, {
    onData(news) {
      const before = byId.get(news.session.id);
      if (news.type === 'deleted') byId.delete(news.session.id);
      else byId.set(news.session.id, news.session);
      if (unconfirmed.delete(news.session.id)) dropUnconfirmedSoon();
      for (const listener of received) listener(news, before);
      if (drawing) return;
      drawing = true;
      // A hidden tab gets no animation frames, but its title must stay current.
      setTimeout(() => {
        drawing = false;
        batch(() => {
          areSessionsLoaded.value = true;
          changes.value++;
        });
      }, 16);
    },
  });
}
