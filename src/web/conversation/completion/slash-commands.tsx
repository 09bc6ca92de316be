import { Fragment } from 'preact';
import { focusTab, openPalette, shortcuts, stopCurrentRun } from '../../app/layout.ts';
import { openAttempts } from '../../attempts/open.ts';
import { navigateToSession } from '../../data/route.ts';
import { currentSession, currentSessionId } from '../../data/sessions.ts';
import { isCurrentSessionBusy } from '../../data/status.ts';
import { openSessionModelPicker } from '../../models/session-model.ts';
import { formatShortcut } from '../../parts/key-names.ts';
import { Dialog, showDialog } from '../../parts/kit/dialog.tsx';
import type { IconName } from '../../parts/kit/icon.tsx';
import { openSettings } from '../../settings/settings.tsx';
import { canFork, confirmFork } from '../../sharing/fork.tsx';
import { openShareDialog } from '../../sharing/share-dialog.tsx';
import { openSkillPicker } from '../../skills/skills.tsx';
import { t } from '../../text/text.ts';
import type { TextKey } from '../../text/texts.ts';
import { fileFilter } from '../../work/files/store.ts';
import { computeFuzzyScore } from './fuzzy.ts';

export interface Suggestion {
  readonly key: string;
  readonly icon: IconName;
  readonly label: string;
  readonly about: string;
  readonly refused?: string;
  readonly inserts?: string;
  /** Called when the entry is chosen. Without `inserts`, a typed `/` word is removed, but an `@` word is kept. */
  readonly act?: () => void;
}

export interface SuggestionList {
  readonly entries: readonly Suggestion[];
  readonly note?: string;
}

const hasSession = () => currentSession.value !== undefined;

function focusFiles(shown: 'all' | 'changed'): void {
  fileFilter.value = shown;
  focusTab('files');
}

/** The name is the same in every language and in `corral chat`. */
interface SlashCommand {
  readonly name: string;
  readonly icon: IconName;
  readonly about: TextKey;
  /** Absent: always available. */
  readonly when?: () => boolean;
  readonly run: () => void;
}

const slashCommands: readonly SlashCommand[] = [
  { name: 'help', icon: 'help', about: 'slash.help', run: showSlashHelp },
  { name: 'model', icon: 'gear', about: 'slash.model', run: () => openSessionModelPicker(currentSession.value) },
  {
    name: 'stop',
    icon: 'stop',
    about: 'slash.stop',
    when: () => hasSession() && isCurrentSessionBusy.value,
    run: stopCurrentRun,
  },
  { name: 'files', icon: 'file', about: 'slash.files', when: hasSession, run: () => focusFiles('all') },
  { name: 'diff', icon: 'edit', about: 'slash.diff', when: hasSession, run: () => focusFiles('changed') },
  { name: 'terminal', icon: 'terminal', about: 'slash.terminal', when: hasSession, run: () => focusTab('terminal') },
  { name: 'skills', icon: 'book', about: 'skills.choose', run: () => openSkillPicker(currentSessionId.value) },
  {
    name: 'attach',
    icon: 'plus',
    about: 'slash.attach',
    run: () => document.querySelector<HTMLInputElement>('.composer input[type=file]')?.click(),
  },
  { name: 'fork', icon: 'fork', about: 'slash.fork', when: canFork, run: () => confirmFork() },
  {
    name: 'share',
    icon: 'share',
    about: 'slash.share',
    when: hasSession,
    run: () => currentSession.value && openShareDialog(currentSession.value),
  },
  {
    name: 'attempts',
    icon: 'bars',
    about: 'attempts.open',
    when: hasSession,
    run: () => currentSession.value && openAttempts(currentSession.value.id),
  },
  { name: 'new', icon: 'plus', about: 'slash.new', run: () => navigateToSession(undefined) },
  { name: 'sessions', icon: 'search', about: 'slash.sessions', run: openPalette },
  { name: 'settings', icon: 'gear', about: 'slash.settings', run: () => openSettings() },
];

export function suggestCommands(word: string): SuggestionList {
  const prefix = word.toLowerCase();
  const ranked = slashCommands.flatMap((command) => {
    const score = command.name.startsWith(prefix) ? 1e6 : computeFuzzyScore(command.name, prefix);
    return score === undefined ? [] : [{ command, score }];
  });
  const entries = ranked
    .sort((a, b) => b.score - a.score)
    .map(({ command: { name, icon, about, when, run } }) => ({
      key: name,
      icon,
      label: `/${name}`,
      about: t(about),
      act: run,
      ...(when?.() === false && {
        refused: t(hasSession() ? 'complete.notNow' : 'complete.needsSession'),
      }),
    }));
  return entries.length > 0 ? { entries } : { entries, note: t('complete.noCommand') };
}

const keys = [
  ['@', 'slash.keyFiles'],
  ['/', 'slash.keyCommands'],
  ['enter', 'slash.keyEnter'],
  ['shift+enter', 'slash.keyLine'],
  ['mod+k', 'slash.keyPalette'],
] as const;

function showSlashHelp(): void {
  showDialog(
    <Dialog title={t('slash.title')}>
      <dl class="facts grid">
        {slashCommands.map(({ name, about }) => (
          <Fragment key={name}>
            <dt>
              <code>/{name}</code>
            </dt>
            <dd>{t(about)}</dd>
          </Fragment>
        ))}
        {[...keys, ...shortcuts.value].map(([key, about]) => (
          <Fragment key={key}>
            <dt>
              <kbd>{formatShortcut(key)}</kbd>
            </dt>
            <dd>{t(about)}</dd>
          </Fragment>
        ))}
      </dl>
    </Dialog>,
  );
}
