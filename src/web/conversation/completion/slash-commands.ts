import { focusTab } from '../../app/layout.ts';
import { isPaletteOpen } from '../../app/palette-state.ts';
import { openAttempts } from '../../attempts/open.ts';
import { stopRun } from '../../data/actions.ts';
import { conversationState } from '../../data/log.ts';
import { navigateToSession } from '../../data/route.ts';
import { currentSession, currentSessionId } from '../../data/sessions.ts';
import { isCurrentSessionBusy } from '../../data/status.ts';
import { openSessionModelPicker } from '../../models/choose.tsx';
import { tryOrNotify } from '../../parts/notice.tsx';
import { openSettings } from '../../settings/settings.tsx';
import { confirmFork } from '../../sharing/fork.tsx';
import { openShareDialog } from '../../sharing/share-dialog.tsx';
import { openSkillPicker } from '../../skills/skills.tsx';
import { t } from '../../text/text.ts';
import { fileFilter } from '../../work/files/store.ts';
import { computeFuzzyScore } from './fuzzy.ts';
import type { SlashCommand } from './slash-command.ts';
import { showSlashHelp } from './slash-help.tsx';
import type { SuggestionList } from './suggestion.ts';

const hasSession = () => currentSession.value !== undefined;

export const slashCommands: readonly SlashCommand[] = [
  { name: 'help', icon: 'help', about: 'slash.help', run: () => showSlashHelp(slashCommands) },
  { name: 'model', icon: 'gear', about: 'slash.model', run: () => openSessionModelPicker(currentSession.value) },
  {
    name: 'stop',
    icon: 'stop',
    about: 'slash.stop',
    when: () => hasSession() && isCurrentSessionBusy.value,
    run: () => {
      const id = currentSessionId.value;
      if (id !== undefined) void tryOrNotify(t('notStopped'), () => stopRun(id));
    },
  },
  {
    name: 'files',
    icon: 'file',
    about: 'slash.files',
    when: hasSession,
    run: () => {
      fileFilter.value = 'all';
      focusTab('files');
    },
  },
  {
    name: 'diff',
    icon: 'edit',
    about: 'slash.diff',
    when: hasSession,
    run: () => {
      fileFilter.value = 'changed';
      focusTab('files');
    },
  },
  { name: 'terminal', icon: 'terminal', about: 'slash.terminal', when: hasSession, run: () => focusTab('terminal') },
  { name: 'skills', icon: 'book', about: 'skills.choose', run: () => openSkillPicker(currentSessionId.value) },
  {
    name: 'attach',
    icon: 'plus',
    about: 'slash.attach',
    run: () => document.querySelector<HTMLInputElement>('.composer input[type=file]')?.click(),
  },
  {
    name: 'fork',
    icon: 'fork',
    about: 'slash.fork',
    when: () => hasSession() && conversationState.items.value.some(({ kind }) => kind === 'end'),
    run: () => confirmFork(),
  },
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
  {
    name: 'sessions',
    icon: 'search',
    about: 'slash.sessions',
    run: () => {
      isPaletteOpen.value = true;
    },
  },
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
        refused: t(hasSession() ? 'complete.notNow' : 'complete.needsSession', { name: `/${name}` }),
      }),
    }));
  return entries.length > 0 ? { entries } : { entries, note: t('complete.noCommand') };
}
