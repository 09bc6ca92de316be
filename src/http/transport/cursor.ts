import { AppError } from '../../core/errors/errors.ts';

/** Parses a client's cursor, a decimal seq. Empty and null mean no cursor. Rejects: invalid_request. */
export function parseCursor(given: unknown): number | undefined {
  if (given === undefined || given === null || given === '') return undefined;
  if (typeof given !== 'string' || !/^(0|[1-9][0-9]{0,15})$/.test(given)) {
    throw new AppError('invalid_request', 'The event id is not a cursor: expected a whole number such as "42".');
  }
  return Math.min(Number(given), Number.MAX_SAFE_INTEGER); // ahead of every log in any case
}

/** The later of several cursors: a client library that reconnects repeats its first body next to a newer header. */
export function laterCursor(...given: unknown[]): number | undefined {
  const cursors = given.map(parseCursor).filter((cursor) => cursor !== undefined);
  return cursors.length > 0 ? Math.max(...cursors) : undefined;
}
