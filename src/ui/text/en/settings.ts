export const settings = {
  'settings.look': 'Appearance',
  theme: 'Theme',
  'theme.system': 'Like the system',
  'theme.light': 'Light',
  'theme.dark': 'Dark',
  language: 'Language',
} as const;
