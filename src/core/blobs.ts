import type { Readable } from 'node:stream';
import { AppError } from './errors.ts';

/** Where the bytes of uploads lie. Keys are ours (`^[a-z0-9-]{1,64}$`), never a client's. Rejects only with AppError. */
export interface BlobStore {
  /** `local`, `volume`, `s3` or `mongo`. */
  readonly name: string;
  /**
   * Keeps all of the content, or none of it: a reader never sees a part. Content that throws, or a signal that fires,
   * leaves nothing behind. Replaces an older blob under this key.
   * Rejects: payload_too_large (over `maxBytes`; the rest is not read), the error that the content throws,
   * store_unavailable.
   */
  put(key: string, content: AsyncIterable<Uint8Array>, options: PutOptions): Promise<BlobInfo>;
  /** Rejects: file_not_found, store_unavailable. The stream fails where it would end too early. */
  open(key: string, range?: ByteRange): Promise<Readable>;
  /** Deleting what is not there is success. */
  delete(key: string): Promise<void>;
  /** Resolves when the place answers; rejects with what is wrong. */
  check(signal: AbortSignal): Promise<void>;
}
export interface PutOptions {
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}
export interface BlobInfo {
  readonly size: number;
  /** Hex. */
  readonly sha256: string;
}
/** Both ends belong to it. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** A key that is none of ours is a bug, never a path. */
export function checkedKey(key: string): string {
  if (!/^[a-z0-9-]{1,64}$/.test(key)) throw new AppError('internal', `${key} is not a key of ours.`);
  return key;
}
