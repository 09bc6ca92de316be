import { signal } from '@preact/signals';
import { stopRun } from '../data/actions.ts';
import { createPref, workPaneWidth } from '../data/prefs.ts';
import { navigateToSession } from '../data/route.ts';
import { currentSessionId } from '../data/sessions.ts';
import { focusWhenRendered } from '../parts/focus.ts';
import { closeDialog } from '../parts/kit/dialog.tsx';
import { tabElementIdOf } from '../parts/kit/tabs.tsx';
import { dismissError, tryOrNotify } from '../parts/notice.tsx';
import { isTouchDevice } from '../parts/touch.ts';
import { t } from '../text/text.ts';
import type { TextKey } from '../text/texts.ts';

/** True only on narrow screens, where the open sidebar covers the page. */
export const isSidebarOpen = signal(false);
export function openSidebar(): void {
  isSidebarOpen.value = matchMedia(narrow).matches;
}
export const narrow = '(max-width: 1180px)'; // must match layout.css
/** Set by the palette. */
export const shortcuts = signal<readonly (readonly [keys: string, label: TextKey])[]>([]);
export const isPaletteOpen = signal(false);
export function openPalette(): void {
  isPaletteOpen.value = true;
}
/** Pane shown on a phone, which has room for only one. */
export const visiblePane = signal<'chat' | 'work'>('chat');

/** Empty: the first tab. */
export const activeTabId = createPref<string>('tab', '');
export const isWorkPaneMaximized = signal(false);

export const isPhone = (): boolean => matchMedia('(max-width: 860px)').matches;

const usual = 460;
export function toggleWorkPane(): void {
  if (isPhone()) visiblePane.value = visiblePane.value === 'work' ? 'chat' : 'work';
  else workPaneWidth.value = workPaneWidth.value > 0 ? 0 : usual;
}

export function showTab(id: string): void {
  activeTabId.value = id;
  if (isPhone()) visiblePane.value = 'work';
  else if (workPaneWidth.value === 0) workPaneWidth.value = usual;
}

/** Call only in response to a user action. */
export function focusTab(id: string): void {
  dismissError();
  showTab(id);
  focusWhenRendered(() => document.getElementById(tabElementIdOf(id)));
}

export function focusMessageBox(): void {
  visiblePane.value = 'chat';
  focusWhenRendered(() => document.getElementById('message'));
}

export const findMenuButton = (): HTMLElement | null => document.querySelector('.menu-button');

export function stopCurrentRun(): void {
  const id = currentSessionId.value;
  if (id !== undefined) void tryOrNotify(t('notStopped'), () => stopRun(id));
}

export function openSessionFromDialog(id: string): void {
  closeDialog();
  openSession(id);
}

export function openSession(id: string): void {
  navigateToSession(id);
  if (!isTouchDevice()) focusMessageBox();
}
