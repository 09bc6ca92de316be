import fc from 'fast-check';
import { expect, test } from 'vitest';
import { diffLines } from '../../../../src/web/parts/diff.ts';

const reported = (before: string | null, after: string) =>
  diffLines(before, after).map(({ kind, text }) => `${kind[0]} ${text}`);

test('a difference shows added and removed lines with the lines around them', () => {
  expect(reported(null, 'a\nb\n')).toEqual(['a a', 'a b']);
  expect([reported('a\nb\nc\n', 'a\nB\nc\n'), reported('a\n', 'a\n')]).toEqual([['s a', 'r b', 'a B', 's c'], ['s …']]);
  const many = Array.from({ length: 20 }, (_, n) => `${n}`);
  const changed = many.with(10, 'x');
  expect(
    diffLines(many.join('\n'), changed.join('\n')).map(({ kind, text }) => (kind === 'skipped' ? '…' : text)),
  ).toEqual(['…', '7', '8', '9', '10', 'x', '11', '12', '13', '…']);
});

test('the added and removed lines of a difference explain the new length of the text', () => {
  const texts = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 12 });
  fc.assert(
    fc.property(texts, texts, (old, now) => {
      const lines = diffLines(`${old.join('\n')}\n`, `${now.join('\n')}\n`);
      const of = (kind: string) => lines.filter((line) => line.kind === kind).length;
      const lengths = [old, now].map((one) => Math.max(1, one.length)) as [number, number];
      expect(of('added') - of('removed')).toBe(lengths[1] - lengths[0]);
    }),
  );
});
