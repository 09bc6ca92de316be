import { signal } from '@preact/signals';
import { paneWidth } from '../data/prefs.ts';

/** Whether the list of sessions covers the page, where it has no column of its own. */
export const isMenuOpen = signal(false);
/** The part that a phone shows; it shows one at a time. */
export const view = signal<'chat' | 'work'>('chat');

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
