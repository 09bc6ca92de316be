import fc from 'fast-check';
import { expect, test } from 'vitest';
import { computeRowsTop, computeScrollHeight, computeScrollTop } from '../../../../src/web/parts/scroll-scale.ts';
import { TextLines } from '../../../../src/web/parts/text-lines.ts';

const encoder = new TextEncoder();

test('a text that arrives in any parts has the same lines', () => {
  const text = fc.array(fc.constantFrom('a', 'é', '\n', 'word'), { maxLength: 60 }).map((all) => all.join(''));
  fc.assert(
    fc.property(text, fc.array(fc.nat(20)), (whole, sizes) => {
      const lines = new TextLines();
      let bytes = encoder.encode(whole);
      for (const size of sizes) {
        lines.add(bytes.subarray(0, size));
        bytes = bytes.subarray(size);
      }
      lines.add(bytes);
      const shown = Array.from({ length: lines.count }, (_, n) => lines.line(n));
      const expected = whole.split('\n');
      if (expected.at(-1) === '') expected.pop();
      expect(shown).toEqual(expected);
    }),
  );
});

test('a million lines are all reachable', () => {
  const lines = new TextLines();
  for (let from = 0; from < 1_000_000; from += 50_000)
    lines.add(encoder.encode(Array.from({ length: 50_000 }, (_, n) => `line ${from + n}\n`).join('')));
  expect(lines.count).toBe(1_000_000);
  expect([0, 49_999, 50_000, 999_999].map((n) => lines.line(n))).toEqual([
    ...['line 0', 'line 49999', 'line 50000', 'line 999999'],
  ]);
});

test('of a very long line only the beginning is drawn', () => {
  const lines = new TextLines();
  lines.add(encoder.encode('x'.repeat(1_000_000)));
  expect(lines.line(0)).toHaveLength(2_000);
});

test('a list of a million rows keeps below the height that browsers can draw, and its scroll bar reaches both ends', () => {
  const list = { count: 1_000_000, rowHeight: 20, viewHeight: 420 };
  const space = computeScrollHeight(list);
  expect(space).toBeLessThan(17_000_000);
  expect(computeRowsTop(list, 0)).toBe(0);
  expect(computeRowsTop(list, space - 420)).toBeCloseTo(1_000_000 * 20 - 420);
  expect(computeRowsTop(list, computeScrollTop(list, 7_777_777))).toBeCloseTo(7_777_777);
});

test('a short list scrolls as it is', () => {
  const list = { count: 50, rowHeight: 20, viewHeight: 420 };
  expect([computeScrollHeight(list), computeRowsTop(list, 333)]).toEqual([1_000, 333]);
});
