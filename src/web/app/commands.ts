import { attemptCommands } from '../attempts/commands.ts';
import { automationCommands } from '../automations/commands.ts';
import { stopRun } from '../data/actions.ts';
import { theme } from '../data/prefs.ts';
import { go } from '../data/route.ts';
import { currentId } from '../data/sessions.ts';
import { isBusy } from '../data/status.ts';
import { attempt } from '../parts/notice.tsx';
import { sessionCommands } from '../sessions/commands.ts';
import { settingsCommands } from '../settings/commands.ts';
import { sharingCommands } from '../sharing/commands.ts';
import { skillCommands } from '../skills/commands.ts';
import { t } from '../text/text.ts';
import { workCommands } from '../work/commands.ts';
import type { Command } from './command.ts';
import { togglePane } from './layout.ts';

export function focusMessage(): void {
  document.getElementById('message')?.focus();
}

const appCommands: readonly Command[] = [
  {
    id: 'session.new',
    label: 'newSession',
    icon: 'plus',
    keys: 'alt+n',
    run: () => {
      go(undefined);
      setTimeout(focusMessage, 50);
    },
  },
  { id: 'guide', label: 'guide', icon: 'help', run: () => void open('/guide', '_blank', 'noopener') },
  { id: 'message.focus', label: 'focusMessage', icon: 'edit', keys: 'alt+m', run: focusMessage },
  {
    id: 'run.stop',
    label: 'stop',
    icon: 'stop',
    keys: 'alt+x',
    when: () => isBusy.value,
    run: () => {
      const id = currentId.value;
      if (id !== undefined) void attempt(t('notStopped'), () => stopRun(id));
    },
  },
  {
    id: 'pane.toggle',
    label: 'toggleWork',
    icon: 'panel',
    keys: 'alt+w',
    when: () => currentId.value !== undefined,
    run: togglePane,
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

/** All entries of the palette. A room adds its own in its `commands.ts`. */
export const commands = (): readonly Command[] =>
  [
    ...appCommands,
    ...sessionCommands,
    ...sharingCommands,
    ...workCommands,
    ...attemptCommands,
    ...automationCommands,
    ...skillCommands,
    ...settingsCommands,
  ].filter(({ when }) => when?.() ?? true);
