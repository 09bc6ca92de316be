import type { WorkTab } from '../tab.ts';

export const desktopTab: WorkTab = {
  id: 'desktop',
  label: 'tab.desktop',
  icon: 'screen',
  shows: () => true,
  load: async () => (await import('./desktop.tsx')).Desktop,
};
