import type { Command } from '../app/command.ts';
import { openSettings } from './open.tsx';

export const settingsCommands: readonly Command[] = [
  { id: 'settings', label: 'settings', icon: 'gear', keys: 'mod+,', run: () => openSettings() },
  { id: 'memory', label: 'memory', icon: 'book', run: () => openSettings('memory') },
  { id: 'tool-servers', label: 'toolServers', icon: 'gear', run: () => openSettings('tool-servers') },
  { id: 'usage', label: 'usage', icon: 'coin', run: () => openSettings('usage') },
  { id: 'webhooks', label: 'webhooks', icon: 'send', run: () => openSettings('webhooks') },
];
