import { signal } from '@preact/signals';
import { createPref, paneWidth } from '../data/prefs.ts';

/** Whether the session list covers the page, on screens without room for a column. */
export const isMenuOpen = signal(false);
/** The visible part on a phone, which shows one at a time. */
export const visiblePane = signal<'chat' | 'work'>('chat');

/** The id of the open tab of the work pane; empty: the first one. */
export const openTabId = createPref<string>('tab', '');
/** Whether the work pane covers the conversation. */
export const isPaneFull = signal(false);

export const isPhone = (): boolean => matchMedia('(max-width: 860px)').matches;

const usual = 460;
export function togglePane(): void {
  if (isPhone()) visiblePane.value = visiblePane.value === 'work' ? 'chat' : 'work';
  else paneWidth.value = paneWidth.value > 0 ? 0 : usual;
}

export function showPane(): void {
  if (isPhone()) visiblePane.value = 'work';
  else if (paneWidth.value === 0) paneWidth.value = usual;
}

export function showTab(id: string): void {
  openTabId.value = id;
  showPane();
}
