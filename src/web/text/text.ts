import { effect, signal } from '@preact/signals';
import type { ErrorCode } from '../../core/errors/errors.ts';
import { createSharedPref } from '../data/prefs.ts';
import { en } from './en/all.ts';
import type { ServerTranslator } from './server-words.ts';
import type { TextKey, Texts } from './texts.ts';

interface LoadedLanguage {
  readonly texts: Texts;
  /** Undefined: the language is the server's own. */
  readonly server?: ServerTranslator;
}

/** To add a language, add a folder and one line here. */
export const languages = {
  en: { label: 'English', load: async (): Promise<LoadedLanguage> => ({ texts: en }) },
  de: {
    label: 'Deutsch',
    load: async (): Promise<LoadedLanguage> => {
      const { de, serverTranslator } = await import('./de/all.ts');
      return { texts: de, server: serverTranslator };
    },
  },
} as const;
export type Language = keyof typeof languages;

const isLanguage = (code: string): code is Language => code in languages;
const ofBrowser = navigator.language.slice(0, 2);
export const language = createSharedPref<Language>('language', isLanguage(ofBrowser) ? ofBrowser : 'en', isLanguage);
const loaded = signal<LoadedLanguage>({ texts: en });

effect(() => {
  const chosen = language.value;
  void languages[chosen].load().then((found) => {
    if (language.value !== chosen) return;
    document.documentElement.lang = chosen;
    loaded.value = found;
  });
});

/** `key.one` is the singular, for `n: 1`. Components that call `t` redraw when the language changes. */
export function t(key: TextKey, values: Readonly<Record<string, string | number>> = {}): string {
  const { texts } = loaded.value;
  const one = values.n === 1 || values.n === '1' ? texts[`${key}.one` as TextKey] : undefined;
  return (one ?? texts[key]).replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** Use for keys that are built from strings that the server sends. */
export const isTextKey = (key: string): key is TextKey => Object.hasOwn(en, key);

export const translateServerText = (text: string): string => loaded.value.server?.phrase(text) ?? text;

export const translateFailure = (text: string): string => loaded.value.server?.failure(text) ?? text;

export const translateError = (code: ErrorCode, message: string): string =>
  loaded.value.server?.error(code, message) ?? message;
