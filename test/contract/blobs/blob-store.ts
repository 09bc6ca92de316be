import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BlobStore } from '../../../src/core/contracts/blobs.ts';
import { AppError } from '../../../src/core/errors/errors.ts';

export interface BlobHarness extends AsyncDisposable {
  readonly blobs: BlobStore;
  /** All objects in the backend, including half-written ones. */
  everything(): Promise<readonly string[]>;
}

const never = new AbortController().signal;
const roomy = { maxBytes: 64 * 2 ** 20, signal: never };
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

export async function* pieces(...all: (string | Uint8Array | Error)[]): AsyncGenerator<Uint8Array> {
  for (const piece of all) {
    if (piece instanceof Error) throw piece;
    yield Buffer.from(piece);
  }
}
async function read(blobs: BlobStore, key: string, range?: { start: number; end: number }): Promise<Buffer> {
  return Buffer.concat((await (await blobs.open(key, range)).toArray()) as Buffer[]);
}

export function blobStoreContract(name: string, open: () => Promise<BlobHarness>): void {
  describe(`${name} blobs`, () => {
    let harness: BlobHarness;
    let blobs: BlobStore;
    beforeAll(async () => {
      harness = await open();
      blobs = harness.blobs;
    });
    afterAll(() => harness?.[Symbol.asyncDispose]());

    test('a stored blob reads back with its size and hash', async () => {
      const bytes = randomBytes(3 * 2 ** 20 + 7);
      const info = await blobs.put('whole', pieces(bytes.subarray(0, 10), bytes.subarray(10)), roomy);
      expect(info).toEqual({ size: bytes.length, sha256: sha256(bytes) });
      expect(sha256(await read(blobs, 'whole'))).toBe(info.sha256);
    });

    test('an empty blob is one too', async () => {
      expect(await blobs.put('empty', pieces(), roomy)).toEqual({ size: 0, sha256: sha256(Buffer.alloc(0)) });
      expect(await read(blobs, 'empty')).toHaveLength(0);
    });

    test('a range gives its bytes, both ends included', async () => {
      await blobs.put('digits', pieces('01234', '56789'), roomy);
      expect((await read(blobs, 'digits', { start: 3, end: 6 })).toString()).toBe('3456');
      expect((await read(blobs, 'digits', { start: 9, end: 9 })).toString()).toBe('9');
    });

    test('a second blob under the same key replaces the first', async () => {
      await blobs.put('twice', pieces('first, and longer'), roomy);
      await blobs.put('twice', pieces('second'), roomy);
      expect((await read(blobs, 'twice')).toString()).toBe('second');
    });

    test('a copy without reading has the same bytes, and each of the two stays when the other is replaced or deleted', async () => {
      if (!blobs.copy) return; // S3 and Mongo read and write
      await blobs.put('original', pieces('bytes'), roomy);
      await blobs.put('copy', pieces('other'), roomy);
      await blobs.copy('original', 'copy');
      await blobs.copy('original', 'second');
      expect((await read(blobs, 'copy')).toString()).toBe('bytes');
      await blobs.put('original', pieces('changed'), roomy);
      expect((await read(blobs, 'copy')).toString()).toBe('bytes');
      await blobs.delete('copy');
      expect((await read(blobs, 'second')).toString()).toBe('bytes');
      expect((await read(blobs, 'original')).toString()).toBe('changed');
      await expect(blobs.copy('missing', 'third')).rejects.toMatchObject({ code: 'file_not_found' });
      await expect(blobs.open('third')).rejects.toMatchObject({ code: 'file_not_found' });
    });

    test('a deleted blob is not found, and deleting it again is success', async () => {
      await blobs.put('gone', pieces('x'), roomy);
      await blobs.delete('gone');
      await blobs.delete('gone');
      await expect(blobs.open('gone')).rejects.toMatchObject({ code: 'file_not_found' });
    });

    test('F124 content that is cut half-way leaves nothing, and the earlier blob stays', async () => {
      await blobs.put('kept', pieces('old'), roomy);
      const before = await harness.everything();
      const cut = new AppError('invalid_request', 'The upload was interrupted before its end.');
      await expect(blobs.put('kept', pieces('new ', cut), roomy)).rejects.toBe(cut);
      await expect(blobs.put('fresh', pieces('new ', cut), roomy)).rejects.toBe(cut);
      expect([(await read(blobs, 'kept')).toString(), await harness.everything()]).toEqual(['old', before]);
    });

    test('content over the limit is refused before the rest is read, and leaves nothing', async () => {
      const before = await harness.everything();
      let input = 0;
      async function* endless() {
        for (;;) {
          input++;
          yield Buffer.alloc(1024);
        }
      }
      await expect(blobs.put('large', endless(), { maxBytes: 10_000, signal: never })).rejects.toMatchObject({
        code: 'payload_too_large',
      });
      expect([input, await harness.everything()]).toEqual([10, before]);
    });

    test('a signal that fires half-way ends it, and leaves nothing', async () => {
      const before = await harness.everything();
      const stop = new AbortController();
      async function* stopping() {
        yield Buffer.from('half');
        stop.abort();
        yield Buffer.from('more');
      }
      await expect(blobs.put('stopped', stopping(), { ...roomy, signal: stop.signal })).rejects.toMatchObject({
        code: 'cancelled',
      });
      expect(await harness.everything()).toEqual(before);
    });

    test('F124 two writers of one blob at once: one of their contents is stored, complete', async () => {
      const contents = ['a', 'b'].map((letter) => letter.repeat(200_000));
      await Promise.all(contents.map((content) => blobs.put('raced', pieces(content), roomy)));
      expect(contents).toContain((await read(blobs, 'raced')).toString());
    });

    test('a reader that began before a replacement gets all of what it began with', async () => {
      const old = 'o'.repeat(300_000);
      await blobs.put('swapped', pieces(old), roomy);
      const stream = await blobs.open('swapped');
      await blobs.put('swapped', pieces('new'), roomy);
      expect(Buffer.concat((await stream.toArray()) as Buffer[]).toString()).toBe(old);
    });

    test('a key that is none of ours is a bug, never a path', async () => {
      for (const key of ['../up', 'a/b', '', 'A', '..']) {
        await expect(blobs.put(key, pieces('x'), roomy), key).rejects.toMatchObject({ code: 'internal' });
        await expect(blobs.open(key), key).rejects.toMatchObject({ code: 'internal' });
      }
    });

    test('a working store passes its check', async () => await expect(blobs.check(never)).resolves.toBeUndefined());
  });
}
