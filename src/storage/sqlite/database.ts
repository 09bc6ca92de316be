import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AppError } from '../../core/errors/errors.ts';
import { corruptDatabaseError, isBusyError, toStoreError } from './errors.ts';
import { migrations } from './schema.ts';

/**
 * The lock is released when the process ends. No other code may open the lock file: on POSIX systems, closing any of
 * its descriptors releases the lock.
 */
export function lockStore(path: string, now: number): Disposable {
  const note = `${path}.holder`;
  const db = new DatabaseSync(`${path}.lock`, { timeout: 0 });
  try {
    db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE'); // keeps the journal out of the file system
    chmodSync(`${path}.lock`, 0o600);
  } catch (cause) {
    db.close();
    if (!isBusyError(cause)) throw unusable(`${path}.lock`, cause);
    const text = `The store ${path} is in use by ${holderIn(note)}. Only one server can use a store: stop that one, or set another data directory for this one.`;
    throw new AppError('store_busy', text, { cause });
  }
  writeFileSync(note, `${JSON.stringify({ pid: process.pid, since: new Date(now).toISOString() })}\n`, { mode: 0o600 });
  return {
    [Symbol.dispose]: () => {
      rmSync(note, { force: true });
      db.close();
    },
  };
}

const unusable = (file: string, cause: unknown) => {
  const why = cause instanceof Error ? cause.message : String(cause);
  const text = `The lock file ${file} cannot be used (${why}). Its folder must be writable; while no server runs, the file can be removed.`;
  return new AppError('store_unavailable', text, { cause });
};

function holderIn(note: string): string {
  try {
    const { pid, since } = JSON.parse(readFileSync(note, 'utf8'));
    return `another server (pid ${pid}, since ${since})`;
  } catch {
    return 'another server, which is just starting';
  }
}

export interface DatabaseOptions {
  readonly path: string;
  readonly synchronous: 'full' | 'normal';
  /** Maximum wait for another program's lock, in ms. */
  readonly busyTimeoutMs: number;
}

/** Maximum bytes of a file to check at start-up, because a check reads the whole file. */
const checkedBytes = 256 * 1024 * 1024;

/** Locks, checks, and creates or upgrades the file. Throws: store_busy, store_corrupt, unsupported, store_unavailable. */
export function openDatabaseForWriting(options: DatabaseOptions, now: number): { db: DatabaseSync } & Disposable {
  mkdirSync(dirname(options.path), { recursive: true, mode: 0o700 });
  using stack = new DisposableStack();
  try {
    stack.use(lockStore(options.path, now));
    closeSync(openSync(options.path, 'a', 0o600)); // SQLite gives -wal and -shm the mode of the file
    checkIntegrity(options.path);
    const db = stack.adopt(new DatabaseSync(options.path, { timeout: options.busyTimeoutMs }), (it) => it.close());
    db.exec(`
      PRAGMA journal_mode = WAL; PRAGMA synchronous = ${options.synchronous};
      PRAGMA journal_size_limit = 16777216;
      PRAGMA mmap_size = 2147418112; -- the most that SQLite maps: a search reads pages in place, instead of one call each
      PRAGMA secure_delete = ON -- removes a deleted session's text from the file
    `);
    migrate(db);
    db.exec('PRAGMA busy_timeout = 0'); // the thread retries, and serves reads in the meantime
    const held = stack.move();
    return { db, [Symbol.dispose]: () => held.dispose() };
  } catch (thrown) {
    throw toStoreError(thrown, options.path);
  }
}

/** Opens the file read-only, so that a refused file stays unchanged. */
export function checkIntegrity(path: string, checked = checkedBytes): void {
  const { size } = statSync(path);
  if (size === 0) return;
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const version = versionOf(db);
    if (version > migrations.length) {
      const text = `The store ${path} was written by a newer Corral (schema ${version}; this one supports up to ${migrations.length}). Start that version again, or use another data directory.`;
      throw new AppError('unsupported', text);
    }
    const found = size > checked ? 'ok' : db.prepare('PRAGMA quick_check(1)').get()?.quick_check;
    if (found !== 'ok') throw corruptDatabaseError(path, String(found));
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

/** The write-ahead log contains deleted data. Waits up to 100 ms for other programs. */
export function truncateWal(db: DatabaseSync): void {
  db.exec('PRAGMA busy_timeout = 100; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA busy_timeout = 0');
}
