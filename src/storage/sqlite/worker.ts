import { parentPort, workerData } from 'node:worker_threads';
import { startWatchdog } from '../../core/concurrency/watch-loop.ts';
import { systemClock } from '../../core/contracts/clock.ts';
import { armFailpoints } from '../../core/errors/failpoint.ts';
import { type DatabaseOptions, openDatabaseForWriting, truncateWal } from './database.ts';
import { toStoreError } from './errors.ts';
import { createReadOperations } from './reads.ts';
import {
  createCallRunner,
  createGroupCommitter,
  type StoreCall,
  type StoreReply,
  toErrorReply,
} from './transaction.ts';
import { createWriteOperations } from './writes.ts';

// The SQLite thread. A null message closes the store.

export interface StoreWorkerInput extends DatabaseOptions {
  readonly failpoints: string | undefined;
}
/** Two lanes, so that writes waiting for another program's lock do not block reads. */
export type StoreLane = 'reads' | 'writes';
export interface CallBatch {
  readonly lane: StoreLane;
  readonly calls: readonly StoreCall[];
}
export interface ReplyBatch {
  readonly lane: StoreLane;
  readonly replies: readonly StoreReply[];
}

const lockedMs = 20;
const restMs = 1_000;
/** First words of the record kinds that contain users' text. Excludes kinds whose records belong to a session. */
const wordy: ReadonlySet<string> = new Set(['agent', 'automation', 'document', 'file', 'memory', 'project', 'skill']);
const isWordy = (kind: unknown): boolean => wordy.has(String(kind).split('-', 1)[0] ?? '');
/** Redacting a version of a memory rewrites the version's record without the text. */
const redactable: ReadonlySet<unknown> = new Set(['memory-version', 'memory-store-version']);
const removesText = ([name, first]: StoreCall): boolean =>
  name === 'put' ? Array.isArray(first) && redactable.has(first[0]) : name === 'delete' && isWordy(first);
const input = workerData as StoreWorkerInput;
if (input.failpoints !== undefined) {
  // Ends the whole process, without clean-up.
  armFailpoints(input.failpoints, { exit: () => process.kill(process.pid, 'SIGKILL') });
}

startWatchdog();
try {
  serve();
  answer('writes', [[true, undefined]]);
} catch (thrown) {
  answer('writes', [toErrorReply(toStoreError(thrown, input.path))]);
  parentPort?.close();
}

function answer(lane: StoreLane, replies: readonly StoreReply[]): void {
  parentPort?.postMessage({ lane, replies } satisfies ReplyBatch);
}

function serve(): void {
  const opened = openDatabaseForWriting(input, systemClock.now());
  const read = createCallRunner(createReadOperations(opened.db), input.path);
  const commit = createGroupCommitter(opened.db, createWriteOperations(opened.db), input.path);
  let resting: NodeJS.Timeout | undefined;
  /** Delayed, so that deletions in quick succession, such as those of a project's records, share one truncation. */
  const emptyAtRest = () => {
    if (resting) return;
    resting = setTimeout(() => {
      resting = undefined;
      try {
        truncateWal(opened.db);
        // The file is closed or in use. The next deletion tries again.
      } catch {}
    }, restMs).unref();
  };
  const write = (calls: readonly StoreCall[], until: number) => {
    const replies = commit(calls);
    if (replies.every(isLocked) && systemClock.now() < until) {
      setTimeout(() => write(calls, until), lockedMs);
      return;
    }
    if (calls.some(([name]) => name === 'erase')) truncateWal(opened.db);
    if (calls.some(removesText)) emptyAtRest();
    answer('writes', replies);
  };

  parentPort?.on('message', (batch: CallBatch | null) => {
    if (batch?.lane === 'reads') answer('reads', read(batch.calls));
    else if (batch) write(batch.calls, systemClock.now() + input.busyTimeoutMs);
    else {
      opened[Symbol.dispose]();
      parentPort?.close();
    }
  });
}

function isLocked([ok, code]: StoreReply): boolean {
  return !ok && code === 'store_busy';
}
