import { currentId } from './sessions.ts';

// The selected session is in the address after `#`, so links, the back button and a reload find it again.

export function go(id: string | undefined): void {
  const to = location.pathname + location.search + (id === undefined ? '' : `#${id}`);
  if (id === currentId.value && location.hash === (id === undefined ? '' : `#${id}`)) return;
  history.pushState(null, '', to);
  readAddress();
}

/** Leaves a session that is gone, without a step back to it. False: another one is open. */
export function leave(id: string): boolean {
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
