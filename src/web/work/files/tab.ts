import type { WorkTab } from '../tab.ts';

export const filesTab: WorkTab = {
  id: 'files',
  label: 'tab.files',
  icon: 'folder',
  shows: () => true,
  load: async () => (await import('./files.tsx')).Files,
};
