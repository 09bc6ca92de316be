import { expect, test } from 'vitest';
import { inPieces, JoinedFrames } from '../../../../src/facades/shared/joined-frames.ts';

const frame = (text: string, length = text.length) => Buffer.from(text.padEnd(length, '.'));
const lengthsOf = (frames: readonly Buffer[]) =>
  [...inPieces(frames)].map((piece) => piece.map(({ length }) => length));

test('frames are split into pieces of at most 64 KiB, in order and without loss', () => {
  const frames = Array.from({ length: 300 }, (_, n) => frame(`${n}`, 1 + ((n * 7919) % 5_000)));
  const pieces = [...inPieces(frames)];
  expect(Buffer.concat(pieces.flat()).equals(Buffer.concat(frames))).toBe(true);
  const sizes = pieces.map((piece) => piece.reduce((sum, { length }) => sum + length, 0));
  expect(Math.max(...sizes)).toBeLessThanOrEqual(64 * 1024);
  expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThan(59 * 1024);
  expect(lengthsOf([])).toEqual([]);
});

test('a frame longer than a piece is a piece of its own', () => {
  expect(lengthsOf([frame('a'), frame('b', 100_000), frame('c'), frame('d')])).toEqual([[1], [100_000], [1, 1]]);
});

test('writers of the same frames share one buffer, and writers of other frames do not', () => {
  const joined = new JoinedFrames((frames) => Buffer.concat(frames));
  const [a, b, c] = [frame('a'), frame('b'), frame('c')];
  const first = joined.of([a, b]);
  expect(first.toString()).toBe('ab');
  expect(joined.of([a, b])).toBe(first);
  expect(joined.of([a, c]).toString()).toBe('ac');
  expect(joined.of([a, b, c]).toString()).toBe('abc');
  expect(joined.of([a])).toBe(joined.of([a]));
  expect(joined.of([a]).toString()).toBe('a');
});

test('only a few recent buffers are kept', () => {
  let made = 0;
  const joined = new JoinedFrames((frames) => {
    made++;
    return Buffer.concat(frames);
  });
  const pairs = Array.from({ length: 17 }, (_, n) => [frame(`${n}a`), frame(`${n}b`)]);
  for (const pair of pairs) joined.of(pair);
  joined.of(pairs[16] as Buffer[]);
  expect(made).toBe(17);
  joined.of(pairs[0] as Buffer[]);
  expect(made).toBe(18);
});
