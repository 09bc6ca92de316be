import type { WorkTab } from '../tab.ts';
import { unseen } from './state.ts';

export const previewTab: WorkTab = {
  id: 'preview',
  label: 'tab.preview',
  icon: 'globe',
  shows: () => true,
  news: () => unseen.value.size,
  load: async () => (await import('./preview.tsx')).PreviewPane,
};
