import { useEffect, useRef, useState } from 'preact/hooks';
import { openAttempts } from '../attempts/open.ts';
import { openAutomations } from '../automations/open.ts';
import { setSessionArchived, setSessionPinned } from '../data/actions.ts';
import { isDarkTheme, theme } from '../data/prefs.ts';
import { navigateToSession } from '../data/route.ts';
import { currentSession, currentSessionId, type Session, sessions } from '../data/sessions.ts';
import { isCurrentSessionBusy, toDisplayStatus } from '../data/status.ts';
import { openInbox } from '../inbox/inbox.tsx';
import { openSessionModelPicker } from '../models/session-model.ts';
import { focusWhenRendered } from '../parts/focus.ts';
import { formatShortcut } from '../parts/key-names.ts';
import { useModal } from '../parts/kit/dialog.tsx';
import { Icon, type IconName } from '../parts/kit/icon.tsx';
import { StatusDot } from '../parts/kit/status.tsx';
import { tryOrNotify } from '../parts/notice.tsx';
import { pressedKeyOf } from '../parts/pressed-key.ts';
import { createWordMatcher } from '../parts/word-search.ts';
import { isSelectingSessions } from '../sessions/choosing.ts';
import { confirmDeleteSession } from '../sessions/delete.ts';
import { sessionNameOf } from '../sessions/name.ts';
import { listSettingsSections, openSettings } from '../settings/settings.tsx';
import { canFork, confirmFork } from '../sharing/fork.tsx';
import { openShareDialog } from '../sharing/share-dialog.tsx';
import { openSkills } from '../skills/skills.tsx';
import { t } from '../text/text.ts';
import type { TextKey } from '../text/texts.ts';
import { workTabs } from '../work/pane.tsx';
import {
  focusMessageBox,
  focusTab,
  isPaletteOpen,
  isSidebarOpen,
  openSidebar,
  shortcuts,
  stopCurrentRun,
  toggleWorkPane,
} from './layout.ts';

/** `keys` is a shortcut. `mod` is Ctrl, or Cmd on a Mac. */
interface PaletteCommand {
  readonly id: string;
  readonly label: TextKey;
  readonly icon: IconName;
  readonly keys?: string;
  readonly when?: () => boolean;
  readonly run: () => void;
}

const hasSession = () => currentSession.value !== undefined;

function move(by: number): void {
  const list = sessions.value;
  const at = list.findIndex(({ id }) => id === currentSessionId.value);
  const next = list[at < 0 ? 0 : at + by];
  if (!next) return;
  navigateToSession(next.id);
  setTimeout(focusMessageBox, 30); // the element that had the focus has been removed
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
      openSidebar();
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
      openSidebar();
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
    ({ id, icon, shows }): PaletteCommand => ({
      id: `work.${id}`,
      label: `tab.${id}`,
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
    run: () => currentSessionId.value !== undefined && openAttempts(currentSessionId.value),
  },
  {
    id: 'attempts.none',
    label: 'attempts.needSession',
    icon: 'fork',
    when: () => currentSessionId.value === undefined,
    run: focusMessageBox,
  },
  { id: 'automations.open', label: 'automations', icon: 'clock', run: openAutomations },
  { id: 'skills.open', label: 'skills', icon: 'book', run: openSkills },
  { id: 'settings', label: 'settings', icon: 'gear', keys: 'mod+,', run: () => openSettings() },
];
shortcuts.value = commands.flatMap(({ keys, label }) => (keys === undefined ? [] : [[keys, label] as const]));

export const listPaletteCommands = (): readonly PaletteCommand[] =>
  [
    ...commands,
    ...listSettingsSections().map(
      ({ id, label }): PaletteCommand => ({ id: `settings.${id}`, label, icon: 'gear', run: () => openSettings(id) }),
    ),
  ].filter(({ when }) => when?.() ?? true);

const most = 12;

export const Palette = () => (isPaletteOpen.value ? <OpenPalette /> : null);

function entriesFor(text: string) {
  const fits = createWordMatcher(text);
  const found = listPaletteCommands().map(({ id, label, icon, keys, run }) => ({
    key: id,
    name: t(label),
    sign: <Icon name={icon} />,
    keys,
    run,
  }));
  const others = sessions.value.filter((session) => fits(sessionNameOf(session)));
  return [
    ...found.filter(({ name }) => fits(name)),
    ...others.slice(0, most).map((session) => ({
      key: session.id,
      name: sessionNameOf(session),
      sign: <StatusDot status={toDisplayStatus(session)} />,
      keys: undefined,
      run: () => navigateToSession(session.id),
    })),
  ];
}

function OpenPalette() {
  const ref = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const entries = entriesFor(text);
  const chosen = Math.min(at, entries.length - 1);
  const close = () => {
    isPaletteOpen.value = false;
  };
  useModal(ref);
  useEffect(() => {
    ref.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);
  const run = (index: number) => {
    const entry = entries[index];
    if (!entry) return;
    close();
    isSidebarOpen.value = false;
    setTimeout(entry.run, 0); // after the focus has returned
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the focus and handles Escape
    <dialog
      ref={ref}
      class="palette"
      aria-label={t('palette')}
      onClose={() => ref.current && close()} // the close event arrives a frame late, when the palette may be open again
      onClick={(event) => event.target === ref.current && close()}
    >
      <input
        class="palette-field border-bottom full"
        dir="auto"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={entries.length > 0 ? `palette-${chosen}` : undefined}
        aria-label={t('palette')}
        placeholder={t('paletteHint')}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          const key = pressedKeyOf(event);
          if (key === 'Enter') run(chosen);
          else if (key === 'Escape') close();
          else if (key === 'ArrowDown') setAt((chosen + 1) % Math.max(1, entries.length));
          else if (key === 'ArrowUp') setAt((chosen - 1 + entries.length) % Math.max(1, entries.length));
          else return;
          event.preventDefault();
        }}
      />
      {entries.length === 0 && <p class="quiet palette-empty">{t('paletteEmpty')}</p>}
      <div id="palette-list" role="listbox" aria-label={t('palette')}>
        {entries.map(({ key, name, sign, keys }, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field above has the focus and takes the keys
          <div
            key={key}
            id={`palette-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen}
            onClick={() => run(index)}
            onMouseMove={() => setAt(index)}
          >
            {sign}
            <span class="cut fill" dir="auto">
              {name}
            </span>
            {keys && <kbd>{formatShortcut(keys)}</kbd>}
          </div>
        ))}
      </div>
    </dialog>
  );
}
