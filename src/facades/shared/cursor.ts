import { AppError } from '../../core/errors.ts';

/** A cursor as clients hold it: the decimal seq. Empty and null mean that there is none. */
export function parseCursor(given: unknown): number | undefined {
  if (given === undefined || given === null || given === '') return undefined;
  if (typeof given !== 'string' || !/^(0|[1-9][0-9]{0,15})$/.test(given)) {
    throw new AppError('invalid_request', 'The event id is not a cursor: expected a whole number such as "42".');
  }
  return Math.min(Number(given), Number.MAX_SAFE_INTEGER); // ahead of every log in any case
}

/** A client library that reconnects repeats its first body beside a newer header: the later one counts. */
export function laterCursor(...given: unknown[]): number | undefined {
  const cursors = given.map(parseCursor).filter((cursor) => cursor !== undefined);
  return cursors.length > 0 ? Math.max(...cursors) : undefined;
}
