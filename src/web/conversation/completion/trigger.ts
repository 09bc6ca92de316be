import { trimEndCharacters } from '../../../core/text/text.ts';

/** The word before the cursor that can be completed. */
export interface Trigger {
  readonly kind: '@' | '/';
  /** Without the leading character. */
  readonly word: string;
  /** The index of that character. */
  readonly from: number;
  readonly to: number;
}

const maxWord = 200; // characters

/** `/` at the very start of the message, `@` at the start of a word. */
export function findTriggerAt(text: string, cursor: number): Trigger | undefined {
  const before = text.slice(0, cursor);
  const [command] = /^\/[a-z0-9-]*$/i.exec(before) ?? [];
  if (command !== undefined) return { kind: '/', word: command.slice(1), from: 0, to: cursor };
  const [, word] = /(?:^|[\s(])@(\S*)$/.exec(before.slice(-maxWord)) ?? [];
  return word === undefined ? undefined : { kind: '@', word, from: cursor - word.length - 1, to: cursor };
}

/** Replaces the word in the text. Returns the new text, and the position of the cursor after the replacement. */
export function replaceTrigger(text: string, { from, to }: Trigger, word: string): { text: string; cursor: number } {
  const rest = text.slice(to).replace(/^ /, '');
  const head = `${text.slice(0, from)}${word} `;
  return { text: head + rest, cursor: head.length };
}

/** The paths that the text mentions with an `@`. */
export function findMentionedPaths(text: string, paths: readonly string[]): string[] {
  if (!text.includes('@')) return [];
  const words = new Set(
    [...text.matchAll(/(?:^|[\s(])@(\S+)/g)].flatMap(([, word = '']) => [word, trimEndCharacters(word, '.,;:!?)')]),
  );
  return paths.filter((path) => (/\s/.test(path) ? text.includes(`@${path}`) : words.has(path)));
}
