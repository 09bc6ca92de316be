import type { WorkTab } from '../tab.ts';

export const shipTab: WorkTab = {
  id: 'ship',
  label: 'tab.ship',
  icon: 'upload',
  shows: ({ repositories, hasCheckpoints }) => repositories.length > 0 || hasCheckpoints,
  load: async () => (await import('./ship.tsx')).Ship,
};
