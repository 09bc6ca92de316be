import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { AppError } from '../../core/errors/errors.ts';
import { isBusyError } from './errors.ts';

/**
 * Allows one server per store. The lock is an SQLite transaction on a separate file: the kernel releases it when the process
 * ends, and a reused process id cannot pass for the holder. No other code of the process may open that file: in POSIX, closing
 * any of its descriptors releases the lock. A text file next to it names the holder.
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
    const text = `The store ${path} is in use by ${holderIn(note)}. One server at a time: stop that one, or give this one a data directory of its own.`;
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
  const text = `The lock file ${file} cannot be used (${why}). Its folder must be writable; while no server runs, the file may be removed.`;
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
