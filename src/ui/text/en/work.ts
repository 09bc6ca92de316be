export const work = {
  'tab.cost': 'Cost',
} as const;
