import { MongoBulkWriteError, MongoError, MongoServerError } from 'mongodb';
import { AppError, toAppError } from '../../core/errors/errors.ts';

export const duplicateKeyCode = 11000;
const [unauthorized, authenticationFailed] = [13, 18];
/** Codes of temporary errors, such as network failures, shutdowns and write conflicts. */
const passing = new Set([6, 7, 89, 91, 112, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436]);

const codeOf = (thrown: unknown): number =>
  thrown instanceof MongoServerError && typeof thrown.code === 'number' ? thrown.code : 0;

export const isDuplicateKeyError = (thrown: unknown): boolean => codeOf(thrown) === duplicateKeyCode;

/** True if a retry may succeed soon. The failed request may have taken effect nevertheless. */
export function isTransientError(thrown: unknown): boolean {
  if (isOfTheLine(thrown)) return true;
  if (!(thrown instanceof MongoError)) return false;
  if (thrown.name === 'MongoNetworkError' || thrown.name === 'MongoPoolClearedError') return true;
  // A connection lost during a bulk write causes this error, without a code.
  if (thrown instanceof MongoBulkWriteError && thrown.code === undefined) return true;
  return passing.has(codeOf(thrown)) || thrown.hasErrorLabel('RetryableWriteError');
}

/** Detects socket errors, which the driver does not always wrap in its own errors. */
const isOfTheLine = (thrown: unknown): boolean =>
  thrown instanceof Error &&
  !(thrown instanceof MongoError) &&
  /^(E[A-Z]{3,}|ERR_(STREAM|SOCKET)_\w+)$/.test(String((thrown as NodeJS.ErrnoException).code ?? ''));

/** The public message never contains the connection URL. An AppError is returned unchanged. */
export function toStoreError(thrown: unknown): AppError {
  if (isOfTheLine(thrown)) {
    return new AppError('store_unavailable', 'The connection to the store broke. Try again.', { cause: thrown });
  }
  if (!(thrown instanceof MongoError)) return toAppError(thrown);
  const options = { cause: thrown };
  if (codeOf(thrown) === unauthorized) return noRight(thrown);
  if (codeOf(thrown) === authenticationFailed) return wrongPassword();
  if (thrown.name === 'MongoCompatibilityError') return tooOld(thrown);
  if (thrown.name === 'MongoWaitQueueTimeoutError') {
    return new AppError('store_busy', 'The store is overloaded. Try again.', options);
  }
  if (/TimeoutError$/.test(thrown.name)) {
    return new AppError('store_unavailable', 'The store did not answer in time. Try again.', options);
  }
  return new AppError('store_unavailable', 'The store does not respond, or rejects requests. Try again.', options);
}

/** Returns the error to report if a server cannot start on this database. Undefined if waiting may help. */
export function toPermanentError(thrown: unknown): AppError | undefined {
  if (thrown instanceof AppError) return thrown.code === 'store_unavailable' ? undefined : thrown;
  const code = codeOf(thrown);
  const text = thrown instanceof Error ? `${thrown.name} ${thrown.message} ${thrown.cause ?? ''}` : '';
  if (code === authenticationFailed || /authentication failed|SCRAM|authMechanism/i.test(text)) return wrongPassword();
  if (code === unauthorized) return noRight(thrown as Error);
  if (/MongoCompatibilityError|wire version/.test(text)) return tooOld(thrown as Error);
  return undefined;
}

const wrongPassword = () =>
  new AppError(
    'invalid_request',
    'MongoDB rejects the user name or the password in MONGODB_URL. Correct them (and authSource, if the user is in another database), then start again.',
  );

const noRight = (cause: Error) =>
  new AppError(
    'forbidden',
    `The user in MONGODB_URL lacks a permission that the store needs (${rightIn(cause.message)}). Grant it the role readWrite on the database, then start again.`,
    { cause },
  );
const rightIn = (message: string): string =>
  /not (?:authorized|allowed) (?:on \S+ )?to (?:execute command|do action)?[^{[]*/.exec(message)?.[0]?.trim() ??
  'no permission';

const tooOld = (cause: Error) =>
  new AppError(
    'unsupported',
    'The server in MONGODB_URL is too old. MongoDB 4.2 is the oldest supported version; upgrade it, or use another server.',
    { cause },
  );
