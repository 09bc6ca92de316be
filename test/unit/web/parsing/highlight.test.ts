import { expect, test } from 'vitest';
import { type HighlightNode, highlightTextParts } from '../../../../src/web/parsing/highlight.ts';
import { splitTextParts } from '../../../../src/web/parts/bounded-text.ts';

const textOf = (pieces: readonly HighlightNode[]): string =>
  pieces.map((piece) => (typeof piece === 'string' ? piece : textOf(piece.inner))).join('');

test('the colours of a long code come in the parts in which its text is drawn', () => {
  const code = `/* ${'one comment over many lines\n'.repeat(200)} */\n${'const a = "b";\n'.repeat(200)}`;
  const parts = highlightTextParts(code, 'ts') ?? [];
  expect(parts.length).toBeGreaterThan(5);
  expect(parts.map(textOf)).toEqual(splitTextParts(code));
  expect(parts[1]).toEqual([{ class: 'hljs-comment', inner: [splitTextParts(code)[1]] }]);
});

test('a language that is not known has no colours', () =>
  expect(highlightTextParts('a', 'constructor')).toBeUndefined());
