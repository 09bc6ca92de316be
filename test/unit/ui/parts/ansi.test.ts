import { expect, test } from 'vitest';
import { ansiLines, plainText } from '../../../../src/ui/parts/ansi.ts';
import { withHidden } from '../../../../src/ui/parts/bounded-text.ts';
import { own } from '../../../../src/ui/parts/own.ts';

const esc = '\u001b';

test('a line that was overwritten has its last state', () => {
  expect(plainText('10%\r50%\r100%\r\nnext\r\r\n\rlast')).toBe('100%\nnext\nlast');
});

test('a million returns without a new line are read in linear time', () => {
  expect(plainText(`${'\r'.repeat(1_000_000)}x`)).toBe('x');
});

test('a line of the terminal has limits of length and of spans', () => {
  const [line = []] = ansiLines(`${esc}[31ma${esc}[32mb`.repeat(100_000));
  expect(line.length).toBeLessThan(310);
  expect(line.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThan(10_000);
});

test('characters that are invisible or turn the direction of text are shown as codes', () => {
  expect(withHidden('a\u202eb\u200bc\u0007\n\té')).toBe('a⟨202E⟩b⟨200B⟩c⟨0007⟩\n\té');
});

test('what an object inherits is no entry', () => {
  expect([own({ a: 1 }, 'a'), own({ a: 1 }, 'constructor')]).toEqual([1, undefined]);
});
