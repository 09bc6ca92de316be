import type { WorkTab } from '../tab.ts';

export const terminalTab: WorkTab = {
  id: 'terminal',
  label: 'tab.terminal',
  icon: 'terminal',
  shows: () => true,
  load: async () => (await import('./terminal.tsx')).Terminals,
};
