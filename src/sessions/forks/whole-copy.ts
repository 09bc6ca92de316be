import { createHash } from 'node:crypto';
import { neverFires, throwIfFired } from '../../core/concurrency/cancel.ts';
import type { BlobInfo, BlobStore, PutOptions } from '../../core/contracts/blobs.ts';
import { toAppError } from '../../core/errors/errors.ts';

/**
 * Whether a stored copy is there with the hash that it was written with. Without a hash, which earlier versions did not keep,
 * the copy only has to be there.
 */
export async function isWhole(
  blobs: Pick<BlobStore, 'open'>,
  blob: string,
  sha256: string | undefined,
  signal = neverFires,
): Promise<boolean> {
  try {
    const info = await infoOf(await blobs.open(blob), signal);
    return sha256 === undefined || info.sha256 === sha256;
  } catch (thrown) {
    throwIfFired(signal);
    if (toAppError(thrown).code === 'store_unavailable') throw thrown;
    return false;
  }
}

/** Copies a blob, and describes its content. Bytes that the store copies itself are read once, for the hash. */
export async function copyBlob(
  blobs: Pick<BlobStore, 'put' | 'open' | 'copy'>,
  { from, to }: { readonly from: string; readonly to: string },
  options: PutOptions,
): Promise<BlobInfo> {
  if (!blobs.copy) return await blobs.put(to, await blobs.open(from), options);
  await blobs.copy(from, to);
  return await infoOf(await blobs.open(to), options.signal);
}

async function infoOf(content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<BlobInfo> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of content) {
    throwIfFired(signal);
    hash.update(piece);
    size += piece.length;
  }
  return { size, sha256: hash.digest('hex') };
}
