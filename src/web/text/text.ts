import { effect, signal } from '@preact/signals';
import { sharedPref } from '../data/prefs.ts';
import { en } from './en/all.ts';
import type { TextKey, Texts } from './texts.ts';

/** Each language by its code: its own name, and its texts. A new language is one folder and one line here. */
export const languages = {
  en: { label: 'English', load: async (): Promise<Texts> => en },
  de: { label: 'Deutsch', load: async (): Promise<Texts> => (await import('./de/all.ts')).de },
} as const;
export type Language = keyof typeof languages;

const isLanguage = (code: string): code is Language => code in languages;
const ofBrowser = navigator.language.slice(0, 2);
export const language = sharedPref<Language>('language', isLanguage(ofBrowser) ? ofBrowser : 'en', isLanguage);
const texts = signal<Texts>(en);

effect(() => {
  const chosen = language.value;
  void languages[chosen].load().then((loaded) => {
    if (language.value !== chosen) return;
    document.documentElement.lang = chosen;
    texts.value = loaded;
  });
});

/**
 * The text in the person's language; `{name}` stands for a value. A text `key.one` is the singular, for `n: 1`. Components that
 * call this draw again on a change.
 */
export function t(key: TextKey, values: Readonly<Record<string, string | number>> = {}): string {
  const one = values.n === 1 || values.n === '1' ? texts.value[`${key}.one` as TextKey] : undefined;
  return (one ?? texts.value[key]).replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
