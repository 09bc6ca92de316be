import { AppError, toAppError } from '../../core/errors/errors.ts';

// Low bytes of SQLite's extended result codes.
const [BUSY, LOCKED, CORRUPT, FULL, NOT_A_DATABASE] = [5, 6, 11, 13, 26];
const FSYNC_FAILED = 1034;

const resultCode = (thrown: unknown): number =>
  thrown instanceof Error && 'errcode' in thrown ? Number(thrown.errcode) : 0;
export const isBusyError = (thrown: unknown): boolean => (resultCode(thrown) & 0xff) === BUSY;

/** An AppError is returned unchanged. */
export function toStoreError(thrown: unknown, path: string): AppError {
  const ours = thrown instanceof Error && ('errcode' in thrown || 'syscall' in thrown);
  if (!ours) return toAppError(thrown);
  const options = { cause: thrown };
  switch (resultCode(thrown) & 0xff) {
    case BUSY:
    case LOCKED:
      return new AppError('store_busy', 'The store is busy: another program holds its lock. Try again.', options);
    case CORRUPT:
    case NOT_A_DATABASE:
      return corruptDatabaseError(path, thrown.message);
    case FULL:
      return new AppError('store_unavailable', 'The store is full: its disk has no space left.', options);
    default:
      return new AppError('store_unavailable', `The store ${path} does not work: ${thrown.message}.`, options);
  }
}

/** After a failed fsync, the disk's content is unknown. */
export const isFatalError = (thrown: unknown): boolean => resultCode(thrown) === FSYNC_FAILED;

export function corruptDatabaseError(path: string, found: string): AppError {
  return new AppError(
    'store_corrupt',
    `The store ${path} is damaged (${found}). Nothing in it was changed. Stop the server, then put a backup in its ` +
      `place, or recover what can be read: ./corral repair`,
  );
}
