import { t } from '../text/text.ts';

const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

export function formatShortcut(keys: string): string {
  const names: Readonly<Record<string, string>> = {
    mod: isMac ? '⌘' : t('key.ctrl'),
    alt: isMac ? '⌥' : 'Alt',
    shift: isMac ? '⇧' : t('key.shift'),
    enter: 'Enter',
  };
  return keys
    .split('+')
    .map((key) => names[key] ?? key.toUpperCase())
    .join(isMac ? ' ' : ' + ');
}
