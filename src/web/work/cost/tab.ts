import type { WorkTab } from '../tab.ts';

export const costTab: WorkTab = {
  id: 'cost',
  label: 'tab.cost',
  icon: 'coin',
  shows: () => true,
  load: async () => (await import('./cost.tsx')).Cost,
};
