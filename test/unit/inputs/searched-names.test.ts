import { expect, test } from 'vitest';
import { computeFuzzyScore } from '../../../src/web/conversation/completion/fuzzy.ts';
import { createWordMatcher } from '../../../src/web/parts/word-search.ts';

// Searches as people type them, each with the name that it finds.
test.each([
  ['composed accents for decomposed ones', 'Café', 'cafe\u0301 menu'],
  ['decomposed accents for composed ones', 'cafe\u0301', 'Café menu'],
  ['no accents', 'ubersicht', 'Übersicht'],
  ['Hangul in parts, as macOS names files', '한글', '한글 문서'.normalize('NFD')],
  ['full width, of a Japanese keyboard', 'ｒｅａｄｍｅ', 'README.md'],
  ['half width kana', 'ｶﾞｲﾄﾞ', 'ガイド'],
  ['a dotted capital of Turkish', 'istanbul', 'İSTANBUL'],
  ['Arabic without its vowels', 'كتاب', 'كِتَاب'],
  ['a ligature', 'file', 'ﬁle'],
  ['words in another order', 'menu café', 'Café menu'],
  ['an ideographic space between words', '資料　日本', '日本の資料'],
  ['nothing', '  ', 'anything'],
])('%s', (_, search, name) => {
  expect(createWordMatcher(search)(name)).toBe(true);
  if (!/\s\S/.test(search)) expect(computeFuzzyScore(name, search)).toBeDefined();
});

test.each([
  ['another letter', 'cafe', 'cofe'],
  ['a word that is missing', 'café tea', 'Café menu'],
])('%s is not found', (_, search, name) => expect(createWordMatcher(search)(name)).toBe(false));
