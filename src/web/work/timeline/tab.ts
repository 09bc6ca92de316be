import type { WorkTab } from '../tab.ts';

export const timelineTab: WorkTab = {
  id: 'timeline',
  label: 'tab.timeline',
  icon: 'clock',
  shows: () => true,
  load: async () => (await import('./timeline.tsx')).Timeline,
};
