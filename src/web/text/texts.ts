import type { en } from './en/all.ts';

export type TextKey = keyof typeof en;
/** Every language has all texts. */
export type Texts = Readonly<Record<TextKey, string>>;
