import type { DatabaseSync } from 'node:sqlite';
import type { Channel } from './channel.ts';
import { type DatabaseOptions, openForReading } from './database.ts';
import { isBusy, storeError } from './errors.ts';
import { idsByPrefix, type Reads, readOperations } from './reads.ts';

/** Each reads a few pages, which takes microseconds. */
const brief: ReadonlySet<string> = new Set<keyof Reads>(['get', 'lastOf', 'lease', 'ping']);
/** The most records, and the most of their text, that the event loop reads at once. */
const most = { records: 32, bytes: 256 * 1024 };

/**
 * Reads a little on a connection of the event loop's thread while the other thread has nothing to do, so that what a server
 * at rest repeats lets that thread end. Disposing also disposes of `reads`.
 */
export function briefFirst(reads: Channel<Reads>, database: DatabaseOptions): Channel<Reads> {
  const opened = openForReading({ ...database, busyTimeoutMs: 0 });
  const read = briefReads(opened.db, database.path);
  let isClosed = false;
  return {
    get pending() {
      return reads.pending;
    },
    async call(name, args) {
      const found = reads.pending > 0 || isClosed ? undefined : read(name, args);
      return found ? found.value : await reads.call(name, args);
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      opened[Symbol.dispose]();
      await reads[Symbol.asyncDispose]();
    },
  };
}

/** Returns undefined where only the thread can read: it is too much, or another program holds the lock. */
type Read = <Name extends keyof Reads>(
  name: Name,
  args: Parameters<Reads[Name]>,
) => { readonly value: ReturnType<Reads[Name]> } | undefined;

function briefReads(db: DatabaseSync, path: string): Read {
  const operations = readOperations(db);
  const ofKind = db.prepare('SELECT octet_length(doc) AS bytes FROM record WHERE kind = ?1 LIMIT ?3');
  const withPrefix = db.prepare(`SELECT octet_length(doc) AS bytes FROM record WHERE ${idsByPrefix} LIMIT ?3`);

  function isShort(kind: string, idPrefix = ''): boolean {
    let [records, total] = [0, 0];
    const sizes = idPrefix === '' ? ofKind : withPrefix;
    for (const { bytes } of sizes.iterate(kind, idPrefix, most.records + 1)) {
      records++;
      total += Number(bytes);
      if (records > most.records || total > most.bytes) return false;
    }
    return true;
  }

  return (name, args) => {
    try {
      const [kind, idPrefix] = args as [string, string?];
      const isBrief = brief.has(name) || ((name === 'list' || name === 'count') && isShort(kind, idPrefix));
      if (!isBrief) return undefined;
      const act = operations[name] as (...args: unknown[]) => ReturnType<Reads[typeof name]>;
      return { value: act(...args) };
    } catch (thrown) {
      if (isBusy(thrown)) return undefined;
      throw storeError(thrown, path);
    }
  };
}
