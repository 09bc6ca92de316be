import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { GridFSBucket, type GridFSBucketWriteStream, ObjectId } from 'mongodb';
import { throwIfAborted } from '../../core/concurrency/cancel.ts';
import { type BlobInfo, type BlobPutOptions, type BlobStore, requireValidBlobKey } from '../../core/contracts/blobs.ts';
import { AppError } from '../../core/errors/errors.ts';
import { connectToMongo, type MongoConnection, type MongoConnectionOptions, pingMongo } from './connection.ts';
import { toStoreError } from './errors.ts';

const transferMs = 120_000;
const staleSeconds = 60 * 60;

/** Stores each blob as the newest GridFS file of its name. Connects on first use. */
export function createMongoBlobs(options: MongoConnectionOptions, now: () => number): BlobStore & AsyncDisposable {
  let opened: Promise<{ connection: MongoConnection; bucket: GridFSBucket }> | undefined;
  async function open() {
    const connection = await connectToMongo(options);
    const bucket = new GridFSBucket(connection.db, { bucketName: 'blobs' });
    await sweep(connection, now()).catch(() => {}); // retried when a server next connects
    return { connection, bucket };
  }
  function use() {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  }

  return {
    name: 'mongo',
    async put(key, content, putOptions) {
      const filename = requireValidBlobKey(key);
      const { bucket } = await use();
      const upload = bucket.openUploadStream(filename);
      const info = await write(upload, content, putOptions);
      await remove(bucket, filename, now() - transferMs);
      return info;
    },
    async open(key, range) {
      const { bucket } = await use();
      const file = await answered(
        bucket.find({ filename: requireValidBlobKey(key) }, { sort: newest, limit: 1 }).next(),
      );
      if (!file) throw new AppError('file_not_found', 'File not found');
      const part = range && { start: range.start, end: Math.min(range.end + 1, file.length) };
      return bucket.openDownloadStream(file._id, part) as Readable;
    },
    async delete(key) {
      await remove((await use()).bucket, requireValidBlobKey(key), Number.POSITIVE_INFINITY);
    },
    async check(signal) {
      throwIfAborted(signal);
      await pingMongo((await use()).connection, signal);
    },
    async [Symbol.asyncDispose]() {
      const { connection } = (await opened?.catch(() => undefined)) ?? {};
      await connection?.[Symbol.asyncDispose]();
    },
  };
}

const newest = { uploadDate: -1, _id: -1 } as const;

async function write(
  upload: GridFSBucketWriteStream,
  content: AsyncIterable<Uint8Array>,
  { maxBytes, signal }: BlobPutOptions,
): Promise<BlobInfo> {
  const hash = createHash('sha256');
  let size = 0;
  let broken: unknown;
  upload.on('error', (error) => {
    broken ??= error;
  });
  try {
    for await (const chunk of content) {
      throwIfAborted(signal);
      if (broken) throw toStoreError(broken);
      size += chunk.length;
      if (size > maxBytes) {
        throw new AppError('payload_too_large', `The file is larger than the limit of ${maxBytes} bytes.`);
      }
      hash.update(chunk);
      if (!upload.write(chunk)) await drained(upload, signal);
    }
    throwIfAborted(signal);
    upload.end();
    await answered(finished(upload));
  } catch (thrown) {
    await upload.abort().catch(() => {}); // already aborted, or cleaned up when a server next connects
    throw thrown;
  }
  return { size, sha256: hash.digest('hex') };
}

async function drained(upload: GridFSBucketWriteStream, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const give = () => resolve();
  upload.once('drain', give).once('error', give).once('close', give);
  signal.addEventListener('abort', give, { once: true });
  await promise;
  upload.off('drain', give).off('error', give).off('close', give);
  signal.removeEventListener('abort', give);
}

/** Removes versions replaced before `replacedBefore` (Infinity: all). Those replaced later may still have readers. */
async function remove(bucket: GridFSBucket, filename: string, replacedBefore: number): Promise<void> {
  const versions = await answered(bucket.find({ filename }, { sort: newest }).toArray());
  for (const [index, { _id }] of versions.entries()) {
    const replacedAt = versions[index - 1]?.uploadDate.getTime() ?? Number.POSITIVE_INFINITY;
    if (replacedBefore !== Number.POSITIVE_INFINITY && !(replacedAt < replacedBefore)) continue;
    await answered(bucket.delete(_id)).catch((error: AppError) => {
      if (error.code !== 'file_not_found') throw error; // another server deleted it first
    });
  }
}

/** Deletes chunks of uploads that began over an hour ago and never finished. */
async function sweep({ db }: MongoConnection, now: number): Promise<void> {
  const before = ObjectId.createFromTime(Math.floor(now / 1_000) - staleSeconds);
  const [files, chunks] = [db.collection('blobs.files'), db.collection('blobs.chunks')];
  const first = chunks.find({ n: 0, files_id: { $lt: before } }, { projection: { files_id: 1 } });
  for await (const { files_id } of first) {
    if (!(await files.findOne({ _id: files_id }, { projection: { _id: 1 } }))) await chunks.deleteMany({ files_id });
  }
}

async function answered<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (thrown) {
    if ((thrown as Error).message?.startsWith('File not found')) throw new AppError('file_not_found', 'File not found');
    throw toStoreError(thrown);
  }
}
