import { currentSessionId } from './sessions.ts';

export function navigateToSession(id: string | undefined): void {
  const to = location.pathname + location.search + (id === undefined ? '' : `#${id}`);
  if (id === currentSessionId.value && location.hash === (id === undefined ? '' : `#${id}`)) return;
  history.pushState(null, '', to);
  syncSessionFromUrl();
}

/** Replaces the current history entry. Returns false if the session is not open. */
export function leaveSession(id: string): boolean {
  if (currentSessionId.value !== id) return false;
  history.replaceState(null, '', location.pathname + location.search);
  syncSessionFromUrl();
  return true;
}

function syncSessionFromUrl(): void {
  currentSessionId.value = location.hash.slice(1) || undefined;
}

export function watchUrl(): void {
  addEventListener('popstate', syncSessionFromUrl);
  addEventListener('hashchange', syncSessionFromUrl);
  syncSessionFromUrl();
}
