import { signal } from '@preact/signals';
import { paneWidth, pref } from '../data/prefs.ts';

/** Whether the list of sessions covers the page, where it has no column of its own. */
export const isMenuOpen = signal(false);
/** The part that a phone shows; it shows one at a time. */
export const view = signal<'chat' | 'work'>('chat');

/** The id of the open tab of the work pane; empty: the first one. */
export const openTab = pref<string>('tab', '');
/** Whether the work pane covers the conversation. */
export const isPaneFull = signal(false);

export const isPhone = (): boolean => matchMedia('(max-width: 860px)').matches;

const usual = 460;
export function togglePane(): void {
  if (isPhone()) view.value = view.value === 'work' ? 'chat' : 'work';
  else paneWidth.value = paneWidth.value > 0 ? 0 : usual;
}

export function showPane(): void {
  if (isPhone()) view.value = 'work';
  else if (paneWidth.value === 0) paneWidth.value = usual;
}

export function showTab(id: string): void {
  openTab.value = id;
  showPane();
}
