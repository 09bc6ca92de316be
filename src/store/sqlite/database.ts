import { closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AppError } from '../../core/errors.ts';
import { corrupt, isBusy, storeError } from './errors.ts';
import { lockStore } from './lock.ts';
import { migrations } from './schema.ts';

export interface DatabaseOptions {
  readonly path: string;
  readonly synchronous: 'full' | 'normal';
  /** The longest wait of a write for another program's lock, in ms. */
  readonly busyTimeoutMs: number;
}

/** A check reads the whole file, about 2 GB/s from memory. In a larger file, damage shows only when it is read. */
const checkedBytes = 256 * 1024 * 1024;

/** For every connection that writes. `secure_delete` removes a deleted session's text from the file. */
export const inherited = 'PRAGMA journal_size_limit = 16777216; PRAGMA secure_delete = ON';

/** Locks, checks, creates or upgrades the file. Rejects: store_busy, store_corrupt, unsupported, store_unavailable. */
export function openForWriting(options: DatabaseOptions, now: number): { db: DatabaseSync } & Disposable {
  mkdirSync(dirname(options.path), { recursive: true, mode: 0o700 });
  using stack = new DisposableStack();
  try {
    stack.use(lockStore(options.path, now));
    closeSync(openSync(options.path, 'a', 0o600)); // SQLite gives -wal and -shm the mode of the file
    examine(options.path);
    const db = stack.adopt(new DatabaseSync(options.path, { timeout: options.busyTimeoutMs }), (it) => it.close());
    db.exec(`
      PRAGMA journal_mode = WAL; PRAGMA synchronous = ${options.synchronous};
      ${inherited}
    `);
    migrate(db);
    const held = stack.move();
    return { db, [Symbol.dispose]: () => held.dispose() };
  } catch (thrown) {
    throw storeError(thrown, options.path);
  }
}

export function openForReading({ path, busyTimeoutMs }: DatabaseOptions): { db: DatabaseSync } & Disposable {
  const db = new DatabaseSync(path, { timeout: busyTimeoutMs });
  db.exec('PRAGMA query_only = ON');
  return { db, [Symbol.dispose]: () => db.close() };
}

/** Uses a read-only connection, so that a refused file stays unchanged. */
export function examine(path: string, checked = checkedBytes): void {
  const { size } = statSync(path);
  if (size === 0) return;
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const version = versionOf(db);
    if (version > migrations.length) {
      const text = `The store ${path} was written by a newer Corral (schema ${version}; this one knows ${migrations.length}). Start that version again, or give this one another data directory.`;
      throw new AppError('unsupported', text);
    }
    const found = size > checked ? 'ok' : db.prepare('PRAGMA quick_check(1)').get()?.quick_check;
    if (found !== 'ok') throw corrupt(path, String(found));
  } finally {
    db.close();
  }
}

const versionOf = (db: DatabaseSync): number => Number(db.prepare('PRAGMA user_version').get()?.user_version);

function migrate(db: DatabaseSync): void {
  db.exec('BEGIN IMMEDIATE');
  for (const step of migrations.slice(versionOf(db))) db.exec(step);
  db.exec(`PRAGMA user_version = ${migrations.length}; COMMIT`);
}

/** The write-ahead log has deleted data until it is emptied. This does not wait for readers that block it. */
export function emptyWal(db: DatabaseSync, { busyTimeoutMs }: DatabaseOptions): void {
  db.exec(`PRAGMA busy_timeout = 100; PRAGMA wal_checkpoint(TRUNCATE)`);
  beginWal(db);
  db.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
}

/** Copies the write-ahead log into the file and restarts it. An obstacle leaves this for the next time. */
export function checkpoint(db: DatabaseSync): void {
  try {
    db.exec('PRAGMA wal_checkpoint(PASSIVE)');
  } catch (thrown) {
    if (!isBusy(thrown)) throw thrown;
  }
  beginWal(db);
}

/**
 * Writes the first page of a write-ahead log that is empty or begins again. SQLite then waits for the disk, which must not
 * happen on the event loop's connection. If another connection writes, that one does it.
 */
function beginWal(db: DatabaseSync): void {
  try {
    db.exec(`PRAGMA user_version = ${migrations.length}`);
  } catch (thrown) {
    if (!isBusy(thrown)) throw thrown;
  }
}
