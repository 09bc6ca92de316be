import { effect, signal } from '@preact/signals';
import type { ErrorCode } from '../../core/errors/errors.ts';
import { sharedPref } from '../data/prefs.ts';
import { en } from './en/all.ts';
import type { TranslatedServer } from './server-words.ts';
import type { TextKey, Texts } from './texts.ts';

interface LoadedLanguage {
  readonly texts: Texts;
  /** Undefined: the server speaks this language. */
  readonly server?: TranslatedServer;
}

/** Each language by its code: its own name, and its texts. A new language is one folder and one line here. */
export const languages = {
  en: { label: 'English', load: async (): Promise<LoadedLanguage> => ({ texts: en }) },
  de: {
    label: 'Deutsch',
    load: async (): Promise<LoadedLanguage> => {
      const { de, server } = await import('./de/all.ts');
      return { texts: de, server };
    },
  },
} as const;
export type Language = keyof typeof languages;

const isLanguage = (code: string): code is Language => code in languages;
const ofBrowser = navigator.language.slice(0, 2);
export const language = sharedPref<Language>('language', isLanguage(ofBrowser) ? ofBrowser : 'en', isLanguage);
const loaded = signal<LoadedLanguage>({ texts: en });

effect(() => {
  const chosen = language.value;
  void languages[chosen].load().then((found) => {
    if (language.value !== chosen) return;
    document.documentElement.lang = chosen;
    loaded.value = found;
  });
});

/**
 * The text in the person's language; `{name}` stands for a value. A text `key.one` is the singular, for `n: 1`. Components that
 * call this draw again on a change.
 */
export function t(key: TextKey, values: Readonly<Record<string, string | number>> = {}): string {
  const { texts } = loaded.value;
  const one = values.n === 1 || values.n === '1' ? texts[`${key}.one` as TextKey] : undefined;
  return (one ?? texts[key]).replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** Whether there is such a text, for keys that are made of the server's words. */
export const isText = (key: string): key is TextKey => Object.hasOwn(en, key);

/** A text of the server in the person's language: a label, a description, or a sentence that the page knows. */
export const serverText = (text: string): string => loaded.value.server?.phrase(text) ?? text;

/** The sentence of the server about a failed run or provider, in the language of the person. */
export const failureText = (text: string): string => loaded.value.server?.failure(text) ?? text;

/** The meaning of an error in the person's language; `message` is the server's own. */
export const errorText = (code: ErrorCode, message: string): string =>
  loaded.value.server?.error(code, message) ?? message;
