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

/** Beyond it the thread is the better place. */
const mostChars = 32 * 1024;
const small: ReadonlySet<string> = new Set<keyof Writes>([
  ...(['append', 'put', 'claim', 'answer', 'release', 'acquire', 'letGo'] as const),
]);
/** Each of ours writes some pages to the log; SQLite itself takes them over after a thousand. */
const commitsPerCheckpoint = 250;

export interface Writer extends Channel<Writes> {
  /** While something is committed and not yet on the disk: nobody may read it before. */
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
  await channel.call('checkpoint', []); // so that the log has begun
  const db = stack.adopt(new DatabaseSync(database.path, { timeout: 0 }), (it) => it.close());
  // Its own fsyncs would be on the event loop: it takes nothing over, and the thread's are for both.
  db.exec(`PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; ${inherited}`);
  const commit = commitTogether(db, writeOperations(db), database.path);
  const disk = stack.use(database.synchronous === 'full' ? openDisk(`${database.path}-wal`) : nextTurn());
  const { synchronous } = database;
  let unsettled: Promise<void> | undefined;
  /** Until all who waited for the last commit have heard of it; one to a cache alone is over with a turn of the loop. */
  let telling: Promise<void> | undefined;
  let failed: AppError | undefined;
  let commits = 0;
  let isCheckpointing = false;
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

  function checkpoint(): void {
    commits = 0;
    isCheckpointing = true;
    const done = () => {
      isCheckpointing = false;
    };
    channel.call('checkpoint', []).then(done, done);
  }

  const mayCommit = (name: string, chars: number) =>
    !isClosed &&
    unsettled === undefined &&
    channel.pending === (isCheckpointing ? 1 : 0) && // a checkpoint does not write what we write
    chars <= mostChars &&
    small.has(name);

  const held = stack.move();
  return {
    get unsettled() {
      return unsettled;
    },
    get pending() {
      return channel.pending;
    },
    async call(name, args, chars = 0) {
      // Subscribers would else be told only after the next commit, which blocks the same loop.
      if (telling && name === 'append') await telling;
      if (failed) throw failed;
      if (!mayCommit(name, chars)) return await channel.call(name, args, chars);
      const [reply] = commit([[name, ...args]]);
      if (reply?.[0] === false) {
        if (reply[1] === 'store_busy') return await channel.call(name, args, chars); // there it can wait
        throw errorOf(reply);
      }
      unsettled = settle();
      if (++commits >= commitsPerCheckpoint && !isCheckpointing) checkpoint();
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

interface Disk extends Disposable {
  /** Resolves when everything that was written is where it must be. */
  settle(): Promise<void>;
}

const toDisk = promisify(fdatasync);

/** The log that both connections write to; its file stays the same for as long as one of them is open. */
function openDisk(path: string): Disk {
  const file = openSync(path, 'r+');
  return { settle: () => toDisk(file), [Symbol.dispose]: () => closeSync(file) };
}

/** Gives other work a turn: a caller that writes without end must not hold the loop. */
function nextTurn(): Disk {
  return { settle: turnOfTheLoop, [Symbol.dispose]: () => {} };
}
