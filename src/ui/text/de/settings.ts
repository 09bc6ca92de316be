export const settings = {
  'settings.look': 'Aussehen',
  theme: 'Farben',
  'theme.system': 'Wie das System',
  'theme.light': 'Hell',
  'theme.dark': 'Dunkel',
  language: 'Sprache',
};
