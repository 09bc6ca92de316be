import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { BlobStore } from '../../../src/core/contracts/blobs.ts';
import { AppError } from '../../../src/core/errors/errors.ts';

export function memoryBlobs(): BlobStore & { readonly kept: Map<string, Buffer> } {
  const kept = new Map<string, Buffer>();
  return {
    kept,
    name: 'local',
    async put(key, content, { maxBytes }) {
      const bytes = Buffer.concat(await Array.fromAsync(content));
      if (bytes.length > maxBytes) throw new AppError('payload_too_large', 'The file is too large.');
      kept.set(key, bytes);
      return { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
    },
    async open(key, range) {
      const bytes = kept.get(key);
      if (!bytes) throw new AppError('file_not_found', 'File not found');
      return Readable.from([range ? bytes.subarray(range.start, range.end + 1) : bytes]);
    },
    delete: async (key) => void kept.delete(key),
    check: async () => {},
  };
}
