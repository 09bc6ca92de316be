import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../core/clock.ts';
import { collectGarbage } from '../../core/collect-garbage.ts';
import { armFailpoints } from '../../core/failpoint.ts';
import { checkpoint, type DatabaseOptions, emptyWal, openForReading, openForWriting } from './database.ts';
import { storeError } from './errors.ts';
import { readOperations } from './reads.ts';
import { answerEach, type Call, commitTogether, type Reply, refusal } from './transaction.ts';
import { writeOperations } from './writes.ts';

// The thread for SQLite. Each batch of requests is one message, and so are its replies; null closes the store.

export interface WorkerInput extends DatabaseOptions {
  readonly role: 'reader' | 'writer';
  readonly failpoints: string | undefined;
}
const startMs = 3_000;
const input = workerData as WorkerInput;
if (input.failpoints !== undefined) {
  // A thread's own exit would not end the process, and a gentler signal would let the process clean up.
  armFailpoints(input.failpoints, { exit: () => process.kill(process.pid, 'SIGKILL') });
}

try {
  if (input.role === 'writer') write();
  else read();
  parentPort?.postMessage([[true, undefined]]);
} catch (thrown) {
  parentPort?.postMessage([refusal(storeError(thrown, input.path))]);
  parentPort?.close();
}

/**
 * Kinds of records with users' own text. A session's records are erased with its events; other kinds have no such text.
 */
const wordy: ReadonlySet<unknown> = new Set(['project', 'agent-config', 'file']);
const restMs = 1_000;

function write(): void {
  const opened = openForWriting(input, systemClock.now());
  setTimeout(collectGarbage, startMs).unref(); // the start's garbage is 8 MiB, and this thread makes too little more to collect it
  let resting: NodeJS.Timeout | undefined;
  /** Waits until a series of deletions ends, because a project takes many records with it. */
  const emptyAtRest = () => {
    clearTimeout(resting);
    resting = setTimeout(() => {
      try {
        emptyWal(opened.db, input);
      } catch {} // closed meanwhile, which empties the log too; or in use, and the next deletion empties it
    }, restMs).unref();
  };
  const commit = commitTogether(opened.db, writeOperations(opened.db), input.path);
  serve(opened, (calls) => {
    const replies = commit(calls);
    if (calls.some(([name]) => name === 'empty')) emptyWal(opened.db, input);
    if (calls.some(([name, kind]) => name === 'delete' && wordy.has(kind))) emptyAtRest();
    if (calls.some(([name]) => name === 'checkpoint')) checkpoint(opened.db);
    return replies;
  });
}

function read(): void {
  const opened = openForReading(input);
  serve(opened, answerEach(readOperations(opened.db), input.path));
}

function serve(opened: Disposable, answer: (calls: readonly Call[]) => Reply[]): void {
  parentPort?.on('message', (calls: readonly Call[] | null) => {
    if (calls) return parentPort?.postMessage(answer(calls));
    opened[Symbol.dispose]();
    parentPort?.close();
  });
}
