import type { Command } from '../app/command.ts';
import { showDialog } from '../parts/dialog.tsx';
import { Settings } from './settings.tsx';

export const openSettings = (): void => showDialog(<Settings />);

export const settingsCommands: readonly Command[] = [
  { id: 'settings', label: 'settings', icon: 'gear', keys: 'mod+,', run: openSettings },
];
