import { expect, test, vi } from 'vitest';
import { FrameCache } from '../../../../src/http/transport/newest-frames.ts';
import { joinFramesIntoChunks } from '../../../../src/http/transport/sse.ts';

const key = (n: number) => ({ n });

test.each([
  ['8,192 frames', 1, 8_192],
  ['4 MiB', 64 * 1024, 64],
])('frames beyond %s are forgotten, the oldest first', (_limit, bytes, kept) => {
  const frames = new FrameCache<object, Buffer>();
  const keys = Array.from({ length: kept + 1 }, (_, n) => key(n));
  for (const it of keys) frames.of(it, () => Buffer.alloc(bytes));
  const again = vi.fn(() => Buffer.alloc(bytes));
  for (const it of keys.slice(1)) frames.of(it, again);
  expect(again).not.toHaveBeenCalled();
  frames.of(keys[0] as object, again);
  expect(again).toHaveBeenCalledTimes(1);
});

test('a frame larger than the limit is passed on', () => {
  const frames = new FrameCache<object, Buffer>();
  expect(frames.of(key(1), () => Buffer.alloc(5 * 1024 * 1024))).toHaveLength(5 * 1024 * 1024);
});

const frame = (text: string, length = text.length) => Buffer.from(text.padEnd(length, '.'));
const lengthsOf = (frames: readonly Buffer[]) => joinFramesIntoChunks(frames).map(({ length }) => length);

test('frames are split into pieces of at most 64 KiB, in order and without loss', () => {
  const frames = Array.from({ length: 300 }, (_, n) => frame(`${n}`, 1 + ((n * 7919) % 5_000)));
  const pieces = joinFramesIntoChunks(frames);
  expect(Buffer.concat(pieces).equals(Buffer.concat(frames))).toBe(true);
  const sizes = pieces.map(({ length }) => length);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(64 * 1024);
  expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThan(59 * 1024);
  expect(lengthsOf([])).toEqual([]);
});

test('a frame longer than a piece is a piece of its own', () =>
  expect(lengthsOf([frame('a'), frame('b', 100_000), frame('c'), frame('d')])).toEqual([1, 100_000, 2]));
