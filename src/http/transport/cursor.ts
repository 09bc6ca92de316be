import { AppError } from '../../core/errors/errors.ts';

/** A cursor is a decimal seq. Throws: invalid_request. */
export function parseCursor(text: unknown): number | undefined {
  if (text === undefined || text === null || text === '') return undefined;
  if (typeof text !== 'string' || !/^(0|[1-9][0-9]{0,15})$/.test(text)) {
    throw new AppError('invalid_request', 'The event id is not a cursor: expected a whole number such as "42".');
  }
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER); // a larger seq would be ahead of any log anyway
}

/** A reconnecting client sends its original request again, with a newer cursor in the header. */
export function parseLatestCursor(...texts: unknown[]): number | undefined {
  const cursors = texts.map(parseCursor).filter((cursor) => cursor !== undefined);
  return cursors.length > 0 ? Math.max(...cursors) : undefined;
}
