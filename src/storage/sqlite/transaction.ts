import type { DatabaseSync } from 'node:sqlite';
import type { AppError, ErrorCode } from '../../core/errors/errors.ts';
import { failpointSync } from '../../core/errors/failpoint.ts';
import { isFatalError, toStoreError } from './errors.ts';

export type StoreCall = readonly [name: string, ...args: unknown[]];
export type StoreReply =
  | readonly [ok: true, value: unknown]
  | readonly [ok: false, code: ErrorCode, text: string, cause: string];
export type StoreOperations = Record<string, (...args: never[]) => unknown>;

export const toErrorReply = (error: AppError): StoreReply => [
  false,
  error.code,
  error.publicMessage,
  String(error.cause ?? ''),
];

export function createCallRunner(
  operations: StoreOperations,
  path: string,
): (calls: readonly StoreCall[]) => StoreReply[] {
  return (calls) => calls.map((call) => attempt(operations, call, path));
}

/**
 * The returned function commits all requests in one transaction with one fsync, and gives each of several requests a
 * savepoint. `ok`: committed, and on disk if `synchronous` is `full`.
 */
export function createGroupCommitter(
  db: DatabaseSync,
  operations: StoreOperations,
  path: string,
): (calls: readonly StoreCall[]) => StoreReply[] {
  const [begin, commit, savepoint, release] = ['BEGIN IMMEDIATE', 'COMMIT', 'SAVEPOINT one', 'RELEASE one'].map((sql) =>
    db.prepare(sql),
  );
  let fatal: AppError | undefined;

  function alone(call: StoreCall): StoreReply[] {
    begin?.run();
    const reply = attempt(operations, call, path);
    if (!db.isTransaction) throw new RollbackError(reply);
    if (reply[0]) finish();
    else db.exec('ROLLBACK');
    return [reply];
  }

  function all(calls: readonly StoreCall[]): StoreReply[] {
    begin?.run();
    const replies = calls.map((call) => {
      savepoint?.run();
      const reply = attempt(operations, call, path);
      if (!db.isTransaction) throw new RollbackError(reply); // if the disk is full, SQLite rolls back the whole transaction
      if (!reply[0]) db.exec('ROLLBACK TO one');
      release?.run();
      return reply;
    });
    finish();
    return replies;
  }

  function finish(): void {
    failpointSync('store.commit.before');
    commit?.run();
    failpointSync('store.commit.after');
  }

  return (calls) => {
    if (fatal) return calls.map(() => toErrorReply(fatal as AppError));
    try {
      return calls.length === 1 ? alone(calls[0] as StoreCall) : all(calls);
    } catch (thrown) {
      if (db.isTransaction) db.exec('ROLLBACK');
      if (thrown instanceof RollbackError) return calls.map(() => thrown.reply);
      const error = toStoreError(thrown, path);
      if (isFatalError(thrown)) fatal = error;
      return calls.map(() => toErrorReply(error));
    }
  };
}

class RollbackError extends Error {
  readonly reply: StoreReply;
  constructor(reply: StoreReply) {
    super('SQLite rolled the transaction back');
    this.reply = reply;
  }
}

function attempt(operations: StoreOperations, [name, ...args]: StoreCall, path: string): StoreReply {
  try {
    return [true, operations[name]?.(...(args as never[]))];
  } catch (thrown) {
    return toErrorReply(toStoreError(thrown, path));
  }
}
