import { expect, test } from 'vitest';
import { splitIntoChunks } from '../../../../src/http/transport/sse.ts';

const frame = (text: string, length = text.length) => Buffer.from(text.padEnd(length, '.'));
const lengthsOf = (frames: readonly Buffer[]) => splitIntoChunks(frames).map(({ length }) => length);

test('frames are split into pieces of at most 64 KiB, in order and without loss', () => {
  const frames = Array.from({ length: 300 }, (_, n) => frame(`${n}`, 1 + ((n * 7919) % 5_000)));
  const pieces = splitIntoChunks(frames);
  expect(Buffer.concat(pieces).equals(Buffer.concat(frames))).toBe(true);
  const sizes = pieces.map(({ length }) => length);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(64 * 1024);
  expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThan(59 * 1024);
  expect(lengthsOf([])).toEqual([]);
});

test('a frame longer than a piece is a piece of its own', () =>
  expect(lengthsOf([frame('a'), frame('b', 100_000), frame('c'), frame('d')])).toEqual([1, 100_000, 2]));
