import { createHash } from 'node:crypto';
import type { BlobStore } from '../../core/contracts/blobs.ts';
import { toAppError } from '../../core/errors/errors.ts';

/**
 * Whether a stored copy is there with the hash that it was written with. Without a hash, which earlier versions did not keep,
 * the copy only has to be there.
 */
export async function isWhole(
  blobs: Pick<BlobStore, 'open'>,
  blob: string,
  sha256: string | undefined,
): Promise<boolean> {
  try {
    const content = await blobs.open(blob);
    const hash = createHash('sha256');
    for await (const piece of content) hash.update(piece);
    return sha256 === undefined || hash.digest('hex') === sha256;
  } catch (thrown) {
    if (toAppError(thrown).code === 'store_unavailable') throw thrown;
    return false;
  }
}
