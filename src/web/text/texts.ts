import type { en } from './en/all.ts';

export type TextKey = keyof typeof en;
/** All texts of a language. No language can omit one. */
export type Texts = Readonly<Record<TextKey, string>>;
