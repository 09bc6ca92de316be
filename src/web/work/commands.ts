import type { Command } from '../app/command.ts';
import { showPane } from '../app/layout.ts';
import { current } from '../data/sessions.ts';
import { openTab } from './open-tab.ts';
import { tabs } from './tabs.ts';

/** One entry per tab of the work pane. */
export const workCommands: readonly Command[] = tabs.map(({ id, label, icon, shows }) => ({
  id: `work.${id}`,
  label,
  icon,
  when: () => current.value !== undefined && shows(current.value),
  run: () => {
    openTab.value = id;
    showPane();
  },
}));
