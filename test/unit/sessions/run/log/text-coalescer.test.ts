import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mergeTextPieces, TextCoalescer } from '../../../../../src/sessions/run/log/text-coalescer.ts';
import { manualClock } from '../../../../support/machines/manual-clock.ts';

function bench() {
  const clock = manualClock();
  const pieces: string[] = [];
  return { clock, pieces, coalescer: new TextCoalescer(clock, (text) => pieces.push(text)) };
}

describe('coalesced text', () => {
  test('begins at once, then comes every 50 ms with all that gathered, and after a pause begins at once again', () => {
    const { clock, pieces, coalescer } = bench();
    coalescer.add('a');
    coalescer.add('b');
    coalescer.add('c');
    expect(pieces).toEqual(['a']);
    clock.advance(49);
    expect(pieces).toEqual(['a']);
    clock.advance(1);
    expect(pieces).toEqual(['a', 'bc']);
    clock.advance(50);
    expect(clock.pending()).toBe(0); // no timer without text
    coalescer.add('d');
    expect(pieces).toEqual(['a', 'bc', 'd']);
  });

  test('F082 comes at most twenty times a second, 4096 characters each', () => {
    const { clock, pieces, coalescer } = bench();
    for (let n = 0; n < 999; n++) {
      coalescer.add('x'.repeat(100));
      clock.advance(1);
    }
    expect(pieces.length).toBeLessThanOrEqual(20);
    expect(Math.max(...pieces.map(({ length }) => length))).toBe(4_096);
  });

  test('never cuts a character in two, and loses nothing', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', '😀', 'é'.repeat(4_095), '😀'.repeat(2_048)), { maxLength: 8 }),
        (texts) => {
          const { clock, pieces, coalescer } = bench();
          for (const text of texts) {
            coalescer.add(text);
            clock.advance(20);
          }
          coalescer.flush();
          expect(pieces.join('')).toBe(texts.join(''));
          for (const piece of pieces) expect([piece.isWellFormed(), piece.length <= 4_096]).toEqual([true, true]);
        },
      ),
    );
  });

  test('says nothing more once it is disposed', () => {
    const { clock, pieces, coalescer } = bench();
    coalescer.add('a');
    coalescer.add('b');
    coalescer[Symbol.dispose]();
    clock.advance(1_000);
    expect([pieces, clock.pending()]).toEqual([['a'], 0]);
  });

  test('F082 keeps its own pieces while they are few, and is joined into few pieces otherwise', () => {
    const crumbs = (count: number) => Array.from({ length: count }, () => '😀');
    expect([mergeTextPieces(['a', '', 'b']), mergeTextPieces(crumbs(40))]).toEqual([['a', 'b'], crumbs(40)]);
    const few = mergeTextPieces(['x', ...crumbs(10_000)]);
    expect(few).toHaveLength(5);
    expect(few.join('')).toBe(`x${crumbs(10_000).join('')}`);
    expect(few.filter((piece) => !piece.isWellFormed())).toEqual([]);
  });
});
