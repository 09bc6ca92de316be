import type { WorkTab } from '../tab.ts';

export const shipTab: WorkTab = {
  id: 'ship',
  label: 'tab.ship',
  icon: 'upload',
  shows: ({ repositories }) => repositories.length > 0,
  load: async () => (await import('./ship.tsx')).Ship,
};
