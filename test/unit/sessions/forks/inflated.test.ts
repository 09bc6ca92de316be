import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { gunzipWithLimit } from '../../../../src/sessions/forks/archive/inflated.ts';

const read = async (content: Uint8Array, maxBytes = 100) =>
  Buffer.concat(await Array.fromAsync(gunzipWithLimit(Readable.from([content]), maxBytes))).toString();

test('a compressed copy of several parts is inflated whole', async () => {
  expect(await read(Buffer.concat([gzipSync('one, '), gzipSync('two', { level: 0 })]))).toBe('one, two');
});

test.for([
  ['is larger inside than a copy may be', gzipSync(Buffer.alloc(10_000_000)), 'unpacks to more than 100 bytes'],
  ['is not compressed', Buffer.from('plain text'), 'not compressed with gzip'],
  ['ends early', gzipSync('some text').subarray(0, 12), 'not compressed with gzip'],
] as const)('a copy that %s is refused', async ([, content, why]) => {
  await expect(read(content)).rejects.toMatchObject({ code: 'conflict', publicMessage: expect.stringContaining(why) });
});

test('the failure of the stored copy is passed on', async () => {
  async function* broken() {
    yield gzipSync('one').subarray(0, 5);
    throw new Error('the disk is gone');
  }
  const reading = Array.fromAsync(gunzipWithLimit(Readable.from(broken()), 100));
  await expect(reading).rejects.toMatchObject({ cause: { message: 'the disk is gone' } });
});
