import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { throwIfAborted } from '../../core/concurrency/cancel.ts';
import type { BlobInfo, BlobPutOptions } from '../../core/contracts/blobs.ts';
import { AppError } from '../../core/errors/errors.ts';

export interface SpoolFile extends BlobInfo, AsyncDisposable {
  readonly path: string;
}

/** Holds unfinished uploads, which no reader opens. After a crash, `sweep` removes them. */
export class Spool {
  readonly #folder: string;
  #count = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Disposing the result deletes the file unless it was moved. Rejects: payload_too_large, store_unavailable,
   * invalid_request (the upload was interrupted).
   */
  async take(content: AsyncIterable<Uint8Array>, { maxBytes, signal }: BlobPutOptions): Promise<SpoolFile> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const path = join(this.#folder, `${process.pid}-${this.#count++}`);
    const hash = createHash('sha256');
    let size = 0;
    try {
      await using file = await open(path, 'wx', 0o600);
      for await (const chunk of content) {
        throwIfAborted(signal);
        size += chunk.length;
        if (size > maxBytes) throw fileTooLargeError(maxBytes);
        hash.update(chunk);
        let done = 0;
        while (done < chunk.length) done += (await file.write(chunk, done)).bytesWritten;
      }
      throwIfAborted(signal);
      await file.sync();
    } catch (thrown) {
      await rm(path, { force: true });
      throw toDiskError(thrown);
    }
    return { path, size, sha256: hash.digest('hex'), [Symbol.asyncDispose]: () => rm(path, { force: true }) };
  }

  async sweep(olderThanMs: number, now: number): Promise<void> {
    for (const name of await readdir(this.#folder).catch(() => [])) {
      const path = join(this.#folder, name);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: now }));
      if (now - mtimeMs >= olderThanMs) await rm(path, { force: true });
    }
  }
}

export const fileTooLargeError = (maxBytes: number) =>
  new AppError('payload_too_large', `The file is larger than the limit of ${maxBytes} bytes.`);

export function toDiskError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const { code } = thrown as NodeJS.ErrnoException;
  if (code === 'ENOENT') return new AppError('file_not_found', 'File not found', { cause: thrown });
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new AppError('store_unavailable', 'There is no space left for files.', { cause: thrown });
  }
  if (typeof code !== 'string' || !code.startsWith('E')) {
    return new AppError('invalid_request', 'The upload was interrupted before its end.', { cause: thrown });
  }
  return new AppError('store_unavailable', 'The file storage does not respond.', { cause: thrown });
}
