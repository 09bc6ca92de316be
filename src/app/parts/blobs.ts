import { join } from 'node:path';
import type { BlobStore } from '../../core/contracts/blobs.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { Secret } from '../../core/text/secret.ts';
import { openLocalBlobs, openMountedBlobs } from '../../storage/blobs/folder.ts';
import type { Config } from '../settings/config.ts';

export async function openBlobStore(
  { storage: { kind, path, s3 }, dataDir, mongodbUrl: url }: Pick<Config, 'storage' | 'dataDir' | 'mongodbUrl'>,
  clock: Clock,
): Promise<BlobStore & Partial<Disposable & AsyncDisposable>> {
  if (url && (kind === 'auto' || kind === 'mongo')) {
    const { createMongoBlobs } = await import('../../storage/mongo/blobs.ts'); // the MongoDB driver is slow to load
    return createMongoBlobs({ url }, clock.now);
  }
  if (kind === 'volume') return openMountedBlobs(`${path}`, clock.now());
  if (kind !== 's3') return openLocalBlobs(path ?? join(dataDir, 'files'), clock.now());
  const { openS3Blobs } = await import('../../storage/blobs/s3/s3.ts'); // the S3 client is slow to load, too
  const { endpoint, region, bucket, prefix, accessKeyId, secretAccessKey } = s3;
  return openS3Blobs({
    endpoint,
    region,
    bucket: `${bucket}`,
    prefix,
    accessKeyId: accessKeyId?.reveal() ?? '',
    secretAccessKey: secretAccessKey as Secret, // the settings require it
    spoolFolder: join(dataDir, 'incoming'),
    now: clock.now(),
  });
}

export async function closeBlobStore(blobs: BlobStore & Partial<Disposable & AsyncDisposable>): Promise<void> {
  await blobs[Symbol.asyncDispose]?.();
  blobs[Symbol.dispose]?.();
}
