import type { WorkTab } from '../tab.ts';

export const processesTab: WorkTab = {
  id: 'processes',
  label: 'tab.processes',
  icon: 'gear',
  shows: () => true,
  load: async () => (await import('./processes.tsx')).Processes,
};
