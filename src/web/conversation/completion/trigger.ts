import { trimEndCharacters } from '../../../core/text/text.ts';

export interface SuggestionTrigger {
  readonly kind: '@' | '/';
  /** Without the leading character. */
  readonly word: string;
  /** Index of the leading character. */
  readonly from: number;
  readonly to: number;
}

const maxWord = 200; // characters

export function findTriggerAt(text: string, cursor: number): SuggestionTrigger | undefined {
  const before = text.slice(0, cursor);
  const [command] = /^\/[a-z0-9-]*$/i.exec(before) ?? [];
  if (command !== undefined) return { kind: '/', word: command.slice(1), from: 0, to: cursor };
  const [, word] = /(?:^|[\s(])@(\S*)$/.exec(before.slice(-maxWord)) ?? [];
  return word === undefined ? undefined : { kind: '@', word, from: cursor - word.length - 1, to: cursor };
}

export function replaceTrigger(text: string, { from, to }: SuggestionTrigger, word: string) {
  const rest = text.slice(to).replace(/^ /, '');
  const head = `${text.slice(0, from)}${word} `;
  return { text: head + rest, cursor: head.length };
}

export function findMentionedPaths(text: string, paths: readonly string[]): string[] {
  if (!text.includes('@')) return [];
  const words = new Set(
    [...text.matchAll(/(?:^|[\s(])@(\S+)/g)].flatMap(([, word = '']) => [word, trimEndCharacters(word, '.,;:!?)')]),
  );
  return paths.filter((path) => (/\s/.test(path) ? text.includes(`@${path}`) : words.has(path)));
}
