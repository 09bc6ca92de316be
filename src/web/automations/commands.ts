import type { Command } from '../app/command.ts';
import { openAutomations } from './automations.tsx';

export const automationCommands: readonly Command[] = [
  { id: 'automations.open', label: 'automations', icon: 'clock', run: openAutomations },
];
