import { currentId } from './sessions.ts';

// The address contains the selected session after `#`, so links, the back button and a reload restore it.

export function navigate(id: string | undefined): void {
  const to = location.pathname + location.search + (id === undefined ? '' : `#${id}`);
  if (id === currentId.value && location.hash === (id === undefined ? '' : `#${id}`)) return;
  history.pushState(null, '', to);
  readAddress();
}

/** Leaves a missing session, without a history entry for it. False: another session is open. */
export function leaveSession(id: string): boolean {
  if (currentId.value !== id) return false;
  history.replaceState(null, '', location.pathname + location.search);
  readAddress();
  return true;
}

export function readAddress(): void {
  currentId.value = location.hash.slice(1) || undefined;
}

export function followAddress(): void {
  addEventListener('popstate', readAddress);
  addEventListener('hashchange', readAddress);
  readAddress();
}
