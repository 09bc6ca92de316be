import type { Readable } from 'node:stream';
import { AppError } from '../errors/errors.ts';

/**
 * Stores large content: uploads, workspace copies, the files of skills and builds, and large event values. Keys are the
 * server's own (`^[a-z0-9-]{1,64}$`), never a client's. Rejects only with AppError.
 *
 * @example
 * const { size } = await blobs.put(key, content, { signal, maxBytes });
 * const stream = await blobs.open(key, { start: 0, end: 99 });
 */
export interface BlobStore {
  /** `local`, `volume`, `s3` or `mongo`. */
  readonly name: string;
  /**
   * Atomic; replaces any existing blob. Rejects: payload_too_large (over `maxBytes`), invalid_request (the content was
   * interrupted), cancelled, deadline_exceeded, store_unavailable, or the content's own AppError.
   */
  put(key: string, content: AsyncIterable<Uint8Array>, options: BlobPutOptions): Promise<BlobInfo>;
  /** Rejects: file_not_found, store_unavailable. The stream fails instead of ending too early. */
  open(key: string, range?: ByteRange): Promise<Readable>;
  /** Copies inside the backend; absent if unsupported. Rejects: file_not_found, store_unavailable. */
  copy?(from: string, to: string): Promise<void>;
  /** Also succeeds when the blob does not exist. */
  delete(key: string): Promise<void>;
  /** Resolves if the backend responds; rejects with the reason if it is unavailable. */
  check(signal: AbortSignal): Promise<void>;
}
export interface BlobPutOptions {
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}
export interface BlobInfo {
  readonly size: number;
  /** In hex. */
  readonly sha256: string;
}
/** Both ends are included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Throws for a malformed key, which must never become a path. */
export function requireValidBlobKey(key: string): string {
  if (!/^[a-z0-9-]{1,64}$/.test(key)) throw new AppError('internal', `${key} is not a valid key.`);
  return key;
}
