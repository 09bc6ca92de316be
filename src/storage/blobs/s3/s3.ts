import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { throwIfAborted } from '../../../core/concurrency/cancel.ts';
import { type BlobStore, requireValidBlobKey } from '../../../core/contracts/blobs.ts';
import { AppError } from '../../../core/errors/errors.ts';
import type { Secret } from '../../../core/text/secret.ts';
import { Spool } from '../spool.ts';

export interface S3Options {
  /** Undefined: the region's AWS endpoint. */
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly bucket: string;
  /** Prepended unchanged to each blob's key, without an added `/`. */
  readonly prefix: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  /** Folder for uploads whose length and checksum are not yet known. */
  readonly spoolFolder: string;
  readonly now: number;
}
const staleMs = 60 * 60 * 1000;

export async function openS3Blobs(options: S3Options): Promise<BlobStore & Disposable> {
  const { endpoint, region, bucket, prefix, accessKeyId, secretAccessKey } = options;
  const client = new S3Client({
    region,
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    credentials: { accessKeyId, secretAccessKey: secretAccessKey.reveal() },
    // Some S3-compatible servers do not support the SDK's newer default checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 60_000 },
  });
  const spool = new Spool(options.spoolFolder);
  await spool.sweep(staleMs, options.now);
  const place = (key: string) => ({ Bucket: bucket, Key: `${prefix}${requireValidBlobKey(key)}` });
  return {
    name: 's3',
    async put(key, content, putOptions) {
      const where = place(key);
      await using spooled = await spool.take(content, putOptions);
      const { path, size, sha256 } = spooled;
      const ChecksumSHA256 = Buffer.from(sha256, 'hex').toString('base64');
      const body = createReadStream(path);
      try {
        await client.send(new PutObjectCommand({ ...where, Body: body, ContentLength: size, ChecksumSHA256 }), {
          abortSignal: putOptions.signal,
        });
      } catch (thrown) {
        throwIfAborted(putOptions.signal);
        throw s3Error(thrown);
      } finally {
        body.destroy();
      }
      return { size, sha256 };
    },
    async open(key, range) {
      try {
        const Range = range && `bytes=${range.start}-${range.end}`;
        const { Body } = await client.send(new GetObjectCommand({ ...place(key), ...(Range && { Range }) }));
        return Body as Readable;
      } catch (thrown) {
        throw s3Error(thrown);
      }
    },
    async delete(key) {
      await client.send(new DeleteObjectCommand(place(key))).catch((thrown: unknown) => {
        const error = s3Error(thrown);
        if (error.code !== 'file_not_found') throw error;
      });
    },
    async check(signal) {
      await client.send(new HeadBucketCommand({ Bucket: bucket }), { abortSignal: signal }).catch((thrown: unknown) => {
        throwIfAborted(signal);
        throw s3Error(thrown);
      });
    },
    [Symbol.dispose]: () => client.destroy(),
  };
}

function s3Error(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const status = thrown instanceof S3ServiceException ? thrown.$metadata.httpStatusCode : undefined;
  const name = (thrown as Error).name;
  if (name === 'NoSuchKey') return new AppError('file_not_found', 'File not found', { cause: thrown });
  if (name === 'NoSuchBucket' || (name === 'NotFound' && status === 404)) {
    return new AppError('store_unavailable', 'The bucket for files does not exist.', { cause: thrown });
  }
  if (status === 401 || status === 403) {
    return new AppError('store_unavailable', 'The file storage rejected the access key.', { cause: thrown });
  }
  return new AppError('store_unavailable', 'The file storage does not respond.', { cause: thrown });
}
