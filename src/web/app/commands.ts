import { openAttempts } from '../attempts/open.ts';
import { openAutomations } from '../automations/open.ts';
import { setSessionArchived, setSessionPinned, stopCurrentRun } from '../data/actions.ts';
import { isDarkTheme, theme } from '../data/prefs.ts';
import { navigateToSession } from '../data/route.ts';
import { currentSession, currentSessionId, type Session, sessions } from '../data/sessions.ts';
import { isCurrentSessionBusy } from '../data/status.ts';
import { openInbox } from '../inbox/inbox.tsx';
import { openSessionModelPicker } from '../models/choose.tsx';
import { focusWhenRendered } from '../parts/focus.ts';
import type { IconName } from '../parts/kit/icon.tsx';
import { tryOrNotify } from '../parts/notice.tsx';
import { isSelectingSessions } from '../sessions/choosing.ts';
import { confirmDeleteSession } from '../sessions/delete.ts';
import { listSettingsSections, openSettings } from '../settings/settings.tsx';
import { canFork, confirmFork } from '../sharing/fork.tsx';
import { openShareDialog } from '../sharing/share-dialog.tsx';
import { openSkills } from '../skills/skills.tsx';
import { t } from '../text/text.ts';
import type { TextKey } from '../text/texts.ts';
import { workTabs } from '../work/tabs.ts';
import { focusTab, isSidebarOpen, toggleWorkPane, visiblePane } from './layout.ts';

/** `keys` is a shortcut that works while no dialog is open. `mod` is Ctrl, or Cmd on a Mac. */
export interface PaletteCommand {
  readonly id: string;
  readonly label: TextKey;
  readonly icon: IconName;
  readonly keys?: string;
  readonly when?: () => boolean;
  readonly run: () => void;
}

const hasSession = () => currentSession.value !== undefined;

export function focusMessageBox(): void {
  visiblePane.value = 'chat';
  focusWhenRendered(() => document.getElementById('message'));
}

function move(by: number): void {
  const list = sessions.value;
  const at = list.findIndex(({ id }) => id === currentSessionId.value);
  const next = list[at < 0 ? 0 : at + by];
  if (!next) return;
  navigateToSession(next.id);
  setTimeout(focusMessageBox, 30); // the element that had the focus is gone
}

function changeCurrentSession(change: (session: Session) => Promise<unknown>): void {
  const session = currentSession.value;
  if (session) void tryOrNotify(t('notSaved'), () => change(session));
}

const commands: readonly PaletteCommand[] = [
  {
    id: 'session.new',
    label: 'newSession',
    icon: 'plus',
    keys: 'alt+n',
    run: () => {
      navigateToSession(undefined);
      setTimeout(focusMessageBox, 50);
    },
  },
  { id: 'guide', label: 'guide', icon: 'help', run: () => void open('/guide', '_blank', 'noopener') },
  { id: 'message.focus', label: 'focusMessage', icon: 'edit', keys: 'alt+m', run: focusMessageBox },
  {
    id: 'run.stop',
    label: 'stop',
    icon: 'stop',
    keys: 'alt+x',
    when: () => isCurrentSessionBusy.value,
    run: stopCurrentRun,
  },
  {
    id: 'pane.toggle',
    label: 'toggleWork',
    icon: 'panel',
    keys: 'alt+w',
    when: () => currentSessionId.value !== undefined,
    run: toggleWorkPane,
  },
  {
    id: 'theme.toggle',
    label: 'toggleTheme',
    icon: 'screen',
    run: () => {
      theme.value = isDarkTheme() ? 'light' : 'dark';
    },
  },
  {
    id: 'sessions.search',
    label: 'searchSessions',
    icon: 'search',
    keys: 'alt+f',
    run: () => {
      isSidebarOpen.value = true;
      focusWhenRendered(() => document.getElementById('search'));
    },
  },
  { id: 'inbox', label: 'inbox', icon: 'bell', keys: 'alt+i', run: openInbox },
  { id: 'sessions.next', label: 'nextSession', icon: 'down', keys: 'alt+j', run: () => move(1) },
  { id: 'sessions.previous', label: 'previousSession', icon: 'send', keys: 'alt+k', run: () => move(-1) },
  ...([true, false] as const).flatMap((isOn): PaletteCommand[] => [
    {
      id: isOn ? 'sessions.pin' : 'sessions.unpin',
      label: isOn ? 'pinThis' : 'unpinThis',
      icon: 'pin',
      when: () => currentSession.value?.pinned === !isOn,
      run: () => changeCurrentSession(({ id }) => setSessionPinned(id, isOn)),
    },
    {
      id: isOn ? 'sessions.archive' : 'sessions.unarchive',
      label: isOn ? 'archiveThis' : 'unarchiveThis',
      icon: 'archive',
      when: () => currentSession.value?.archived === !isOn,
      run: () => changeCurrentSession(({ id }) => setSessionArchived(id, isOn)),
    },
  ]),
  {
    id: 'session.model',
    label: 'models.change',
    icon: 'spark',
    when: hasSession,
    run: () => openSessionModelPicker(currentSession.value),
  },
  {
    id: 'session.rename',
    label: 'rename',
    icon: 'edit',
    keys: 'f2',
    when: hasSession,
    run: () => document.querySelector<HTMLElement>('.title')?.focus(),
  },
  {
    id: 'session.delete',
    label: 'deleteThis',
    icon: 'trash',
    when: hasSession,
    run: () => currentSession.value && confirmDeleteSession(currentSession.value),
  },
  {
    id: 'sessions.choose',
    label: 'chooseMany',
    icon: 'trash',
    when: () => sessions.value.length > 0,
    run: () => {
      isSidebarOpen.value = true;
      isSelectingSessions.value = true;
      focusWhenRendered(() => document.querySelector('.chosen-bar button'));
    },
  },
  {
    id: 'session.share',
    label: 'share.title',
    icon: 'share',
    keys: 'alt+s',
    when: hasSession,
    run: () => currentSession.value && openShareDialog(currentSession.value),
  },
  { id: 'session.fork', label: 'fork.title', icon: 'fork', when: canFork, run: () => confirmFork() },
  ...workTabs.map(
    ({ id, label, icon, shows }): PaletteCommand => ({
      id: `work.${id}`,
      label,
      icon,
      when: () => currentSession.value !== undefined && (shows?.(currentSession.value) ?? true),
      run: () => focusTab(id),
    }),
  ),
  {
    id: 'attempts.open',
    label: 'attempts.open',
    icon: 'fork',
    when: () => currentSessionId.value !== undefined,
    run: () => {
      const id = currentSessionId.value;
      if (id !== undefined) openAttempts(id);
    },
  },
  { id: 'automations.open', label: 'automations', icon: 'clock', run: openAutomations },
  { id: 'skills.open', label: 'skills', icon: 'book', run: openSkills },
  { id: 'settings', label: 'settings', icon: 'gear', keys: 'mod+,', run: () => openSettings() },
];

export const listPaletteCommands = (): readonly PaletteCommand[] =>
  [
    ...commands,
    ...listSettingsSections().map(
      ({ id, label }): PaletteCommand => ({ id: `settings.${id}`, label, icon: 'gear', run: () => openSettings(id) }),
    ),
  ].filter(({ when }) => when?.() ?? true);
