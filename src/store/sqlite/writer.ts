import { closeSync, fdatasync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { turnOfTheLoop } from '../../core/clock.ts';
import type { AppError } from '../../core/errors.ts';
import { failpoint } from '../../core/failpoint.ts';
import { type Channel, errorOf, openChannel, type QueueLimits } from './channel.ts';
import { type DatabaseOptions, inherited } from './database.ts';
import { storeError } from './errors.ts';
import { commitTogether } from './transaction.ts';
import { type Writes, writeOperations } from './writes.ts';

/** Larger writes go to the thread. */
const mostChars = 32 * 1024;
const small: ReadonlySet<string> = new Set<keyof Writes>([
  ...(['append', 'put', 'claim', 'answer', 'release', 'acquire', 'letGo'] as const),
]);
/** The most syncs to the disk that a write waits for, before it goes to the thread, too. */
const mostSyncs = 3;
/** Each commit here adds a few pages to the log. SQLite's own limit would be a thousand pages. */
const commitsPerCheckpoint = 250;

export interface Writer extends Channel<Writes> {
  /** Pending while a commit is not on the disk yet; readers wait for it. */
  readonly unsettled?: Promise<void> | undefined;
}

/**
 * The one writer. While no other write is under way, it commits a small write here, which takes microseconds: SQLite
 * hands the pages to the system's cache. Waiting for the disk happens off the event loop. Writes that come meanwhile,
 * and large ones, go to the thread, which commits them together.
 */
export async function openWriter(database: DatabaseOptions, queue: QueueLimits): Promise<Writer> {
  await using stack = new AsyncDisposableStack();
  const channel = stack.use(await openChannel<Writes>({ ...database, role: 'writer' }, queue));
  await channel.call('checkpoint', []); // so that the write-ahead log exists
  const db = stack.adopt(new DatabaseSync(database.path, { timeout: 0 }), (it) => it.close());
  // A checkpoint here would sync on the event loop, so only the thread does checkpoints, for both connections.
  db.exec(`PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; ${inherited}`);
  const commit = commitTogether(db, writeOperations(db), database.path);
  const disk = stack.use(database.synchronous === 'full' ? openDisk(`${database.path}-wal`) : nextTurn());
  const { synchronous } = database;
  let unsettled: Promise<void> | undefined;
  /** Pending until all callers know of the last commit. Without a sync, that takes one turn of the loop. */
  let telling: Promise<void> | undefined;
  let failed: AppError | undefined;
  let commits = 0;
  /** The checkpoints that the thread has not answered. */
  let checkpoints = 0;
  let isClosed = false;

  /**
   * The last write that is known to be on the disk. After a failed sync that is unknown, so nothing more may be
   * acknowledged.
   */
  async function settle(): Promise<void> {
    try {
      const held = failpoint('store.settle');
      if (held) await held;
      await disk.settle();
    } catch (thrown) {
      failed = storeError(thrown, database.path);
      throw failed;
    } finally {
      unsettled = undefined;
      if (synchronous === 'full') telling = turnOfTheLoop().finally(() => (telling = undefined));
    }
  }

  async function checkpoint(): Promise<void> {
    commits = 0;
    checkpoints++;
    await channel.call('checkpoint', []).finally(() => checkpoints--);
  }

  /**
   * Removes erased data from the write-ahead log. A checkpoint first, which lets other writes pass, so that they wait only
   * for the short rest.
   */
  const empty = oneAfterAnother(async () => {
    await checkpoint();
    await channel.call('empty', []);
  });

  const isFree = () => !isClosed && channel.pending === checkpoints; // a checkpoint does not write the same data
  const isSmall = (name: string, chars: number) => chars <= mostChars && small.has(name);
  /** While the thread does a checkpoint, the end of a commit here comes sooner than the thread's next turn. */
  async function soonest(): Promise<void> {
    for (let left = mostSyncs; left > 0 && unsettled && checkpoints > 0 && isFree(); left--) {
      await unsettled.catch(() => {});
    }
  }

  const held = stack.move();
  return {
    get unsettled() {
      return unsettled;
    },
    get pending() {
      return channel.pending;
    },
    async call(name, args, chars = 0) {
      // Otherwise followers would learn of the last commit only after the next one, which blocks the same loop.
      if (telling && name === 'append') await telling;
      if (failed) throw failed;
      if (name === 'erase') {
        const erased = await channel.call(name, args, chars);
        await empty();
        return erased;
      }
      if (!isSmall(name, chars)) return await channel.call(name, args, chars);
      if (checkpoints > 0) await soonest();
      if (failed) throw failed;
      if (unsettled || !isFree()) return await channel.call(name, args, chars);
      const [reply] = commit([[name, ...args]]);
      if (reply?.[0] === false) {
        if (reply[1] === 'store_busy') return await channel.call(name, args, chars); // the thread can wait for the lock
        throw errorOf(reply);
      }
      unsettled = settle();
      if (++commits >= commitsPerCheckpoint && checkpoints === 0) checkpoint().catch(() => {}); // the next one tries again
      await unsettled;
      return reply?.[1] as never;
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      await unsettled?.catch(() => {});
      await held.disposeAsync();
    },
  };
}

/** Work that serves all callers who came before it began. */
function oneAfterAnother(work: () => Promise<void>): () => Promise<void> {
  let last = Promise.resolve();
  let next: Promise<void> | undefined;
  return () => {
    next ??= last
      .catch(() => {})
      .then(() => {
        next = undefined;
        last = work();
        return last;
      });
    return next;
  };
}

interface Disk extends Disposable {
  /** Resolves when everything written is durable. */
  settle(): Promise<void>;
}

const toDisk = promisify(fdatasync);

/** The write-ahead log of both connections. Its file stays the same while one of them is open. */
function openDisk(path: string): Disk {
  const file = openSync(path, 'r+');
  return { settle: () => toDisk(file), [Symbol.dispose]: () => closeSync(file) };
}

/** Gives other work a turn: a caller that writes without end must not hold the loop. */
function nextTurn(): Disk {
  return { settle: turnOfTheLoop, [Symbol.dispose]: () => {} };
}
