export const work = {
  'tab.cost': 'Kosten',
};
