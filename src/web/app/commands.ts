import { openAttempts } from '../attempts/open.ts';
import { openAutomations } from '../automations/open.ts';
import { setSessionArchived, setSessionPinned, stopRun } from '../data/actions.ts';
import { conversationState } from '../data/log.ts';
import { theme } from '../data/prefs.ts';
import { navigateToSession } from '../data/route.ts';
import { currentSession, currentSessionId, type Session, sessions } from '../data/sessions.ts';
import { isCurrentSessionBusy } from '../data/status.ts';
import { openInbox } from '../inbox/inbox.tsx';
import { openSessionModelPicker } from '../models/choose.tsx';
import { focusWhenRendered } from '../parts/focus.ts';
import { tryOrNotify } from '../parts/notice.tsx';
import { isSelectingSessions } from '../sessions/choosing.ts';
import { confirmDeleteSession } from '../sessions/delete.ts';
import { listSettingsSections, openSettings } from '../settings/settings.tsx';
import { confirmFork } from '../sharing/fork.tsx';
import { openShareDialog } from '../sharing/share-dialog.tsx';
import { openSkills } from '../skills/skills.tsx';
import { t } from '../text/text.ts';
import { workTabs } from '../work/pane.tsx';
import type { PaletteCommand } from './command.ts';
import { focusTab, isSidebarOpen, toggleWorkPane, visiblePane } from './layout.ts';

const listSettingsCommands = (): readonly PaletteCommand[] => [
  { id: 'settings', label: 'settings', icon: 'gear', keys: 'mod+,', run: () => openSettings() },
  ...listSettingsSections().map(
    ({ id, label }): PaletteCommand => ({ id: `settings.${id}`, label, icon: 'gear', run: () => openSettings(id) }),
  ),
];

const hasSession = () => currentSession.value !== undefined;

const sharingCommands: readonly PaletteCommand[] = [
  {
    id: 'session.share',
    label: 'share.title',
    icon: 'share',
    keys: 'alt+s',
    when: hasSession,
    run: () => currentSession.value && openShareDialog(currentSession.value),
  },
  {
    id: 'session.fork',
    label: 'fork.title',
    icon: 'fork',
    when: () => hasSession() && conversationState.items.value.some(({ kind }) => kind === 'end'),
    run: () => confirmFork(),
  },
];

const skillCommands: readonly PaletteCommand[] = [
  { id: 'skills.open', label: 'skills', icon: 'book', run: openSkills },
];

const automationCommands: readonly PaletteCommand[] = [
  { id: 'automations.open', label: 'automations', icon: 'clock', run: openAutomations },
];

const attemptCommands: readonly PaletteCommand[] = [
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
];

export function focusMessageBox(): void {
  visiblePane.value = 'chat';
  focusWhenRendered(() => document.getElementById('message'));
}

const appCommands: readonly PaletteCommand[] = [
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
    run: () => {
      const id = currentSessionId.value;
      if (id !== undefined) void tryOrNotify(t('notStopped'), () => stopRun(id));
    },
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
      const isDark =
        theme.value === 'dark' || (theme.value === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
      theme.value = isDark ? 'light' : 'dark';
    },
  },
];

const workCommands: readonly PaletteCommand[] = workTabs.map(({ id, icon, shows }) => ({
  id: `work.${id}`,
  label: `tab.${id}`,
  icon,
  when: () => currentSession.value !== undefined && (shows?.(currentSession.value) ?? true),
  run: () => focusTab(id),
}));

export const listPaletteCommands = (): readonly PaletteCommand[] =>
  [
    ...appCommands,
    ...sessionCommands,
    ...sharingCommands,
    ...workCommands,
    ...attemptCommands,
    ...automationCommands,
    ...skillCommands,
    ...listSettingsCommands(),
  ].filter(({ when }) => when?.() ?? true);

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

const sessionCommands: readonly PaletteCommand[] = [
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
    when: () => currentSession.value !== undefined,
    run: () => openSessionModelPicker(currentSession.value),
  },
  {
    id: 'session.rename',
    label: 'rename',
    icon: 'edit',
    keys: 'f2',
    when: () => currentSession.value !== undefined,
    run: () => document.querySelector<HTMLElement>('.title')?.focus(),
  },
  {
    id: 'session.delete',
    label: 'deleteThis',
    icon: 'trash',
    when: () => currentSession.value !== undefined,
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
];
