import { expect, test } from 'vitest';
import { SpareBuffers } from '../../../src/core/concurrency/spare-buffers.ts';

const MiB = 1024 * 1024;

test('a large buffer that was given back is used for the next answer that fits', () => {
  const spares = new SpareBuffers();
  const first = spares.take(8 * MiB);
  expect(first.byteLength).toBeGreaterThanOrEqual(8 * MiB);
  spares.give(first);
  expect(spares.take(9 * MiB)).not.toBe(first);
  expect(spares.take(1 * MiB)).not.toBe(first); // too small an answer for it
  expect(spares.take(3 * MiB)).toBe(first);
  expect(spares.take(3 * MiB)).not.toBe(first);
});

test('small buffers, and more than two, are not kept', () => {
  const spares = new SpareBuffers();
  const small = spares.take(1_000);
  spares.give(small);
  expect(spares.take(1_000)).not.toBe(small);
  const three = [1, 2, 3].map(() => spares.take(2 * MiB));
  for (const one of three) spares.give(one);
  const again = [1, 2, 3].map(() => spares.take(2 * MiB));
  expect(again.filter((one) => three.includes(one))).toHaveLength(2);
  for (const one of again) spares.give(one);
  spares.clear();
  expect(again).not.toContain(spares.take(2 * MiB));
});
