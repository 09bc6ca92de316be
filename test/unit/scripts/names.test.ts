import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

test('the glossary has at most 60 words, and each stands there once', () => {
  const rows = readFileSync('docs/concepts.md', 'utf8').matchAll(/^\| \*\*(.+?)\*\* \|/gm);
  const glossary = [...rows].flatMap(([, words = '']) => words.split(', '));
  expect(glossary.length).toBeGreaterThan(40);
  expect(glossary.length).toBeLessThanOrEqual(60);
  expect(new Set(glossary).size).toBe(glossary.length);
});
