import { expect, test } from 'vitest';
import { chunkPassed } from '../../../src/core/concurrency/collect-garbage.ts';

const mebibyte = 1024 * 1024;

test('the memory of chunks that were passed on does not pile up', () => {
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  for (let n = 0; n < 512; n++) {
    const { length } = Buffer.allocUnsafeSlow(128 * 1024);
    chunkPassed(length);
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }
  expect(most / mebibyte).toBeLessThan(32); // of 64
});
