import { type Collection, type Db, type DbOptions, MongoClient, type MongoClientOptions } from 'mongodb';
import { raceAbort, throwIfAborted, waitAtMost } from '../../core/concurrency/cancel.ts';
import { monotonicNow } from '../../core/contracts/clock.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { Secret } from '../../core/text/secret.ts';
import type {
  CommandDocument,
  EventDocument,
  HeadDocument,
  IdempotencyDocument,
  LeaseDocument,
  LogDocument,
  RecordDocument,
} from './documents.ts';
import { isTransientError, toPermanentError, toStoreError } from './errors.ts';

export interface MongoConnectionOptions {
  readonly url: Secret;
  /** Used if the URL names no database. */
  readonly database?: string;
  /** Time limit for an operation, including all retries. */
  readonly deadlineMs?: number;
  /** Maximum concurrent operations. More are refused immediately with `store_busy`. */
  readonly maxWaiting?: number;
}

export interface MongoCollections {
  /** All sessions share one collection, unless the database server scans a whole collection for each range query. */
  events(session: string): Collection<EventDocument>;
  readonly allEvents: readonly Collection<EventDocument>[];
  readonly logs: Collection<LogDocument>;
  readonly heads: Collection<HeadDocument>;
  readonly records: Collection<RecordDocument>;
  readonly inbox: Collection<IdempotencyDocument>;
  readonly leases: Collection<LeaseDocument>;
  readonly commands: Collection<CommandDocument>;
  readonly meta: Collection<{ _id: string; version: number }>;
}

export interface DatabaseFeatures {
  readonly changeStreams: boolean;
  readonly transactions: boolean;
  /** Whether range queries use the index. FerretDB 1 scans the whole collection. */
  readonly ranges: boolean;
}

export interface MongoConnection extends AsyncDisposable {
  readonly db: Db;
  readonly at: MongoCollections;
  readonly can: DatabaseFeatures;
  /** Retries temporary failures of repeatable work until the time limit. Rejects with AppError. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

const [firstPauseMs, longestPauseMs] = [25, 400];
const goodbyeMs = 1_000;

export async function connectToMongo(options: MongoConnectionOptions): Promise<MongoConnection> {
  const { url, database = 'corral', deadlineMs = 3_000, maxWaiting = 2_000 } = options;
  const client = clientFor(url, deadlineMs);
  try {
    await client.connect();
    const admin = client.db('admin');
    const [hello, build] = await Promise.all([admin.command({ hello: 1 }), admin.command({ buildInfo: 1 })]);
    const ranges = build.ferretdbVersion === undefined;
    const replicated = hello.setName !== undefined || hello.msg === 'isdbgrid';
    const concerns = { writeConcern: { w: 'majority', journal: true }, readPreference: 'primary' } as const;
    const db = client.db(client.options.dbName === 'test' ? database : undefined, {
      ...concerns,
      ...(replicated ? { readConcern: { level: 'majority' } } : {}),
    } as DbOptions);
    return {
      db,
      at: collections(db, ranges ? 1 : spread),
      can: { changeStreams: replicated, transactions: replicated, ranges },
      run: runner(deadlineMs, maxWaiting),
      // `close()` can hang on a dead database server, so the wait is bounded.
      [Symbol.asyncDispose]: () => waitAtMost(goodbyeMs, client.close()),
    };
  } catch (thrown) {
    await client.close();
    throw toPermanentError(thrown) ?? toStoreError(thrown);
  }
}

function clientFor(url: Secret, deadlineMs: number): MongoClient {
  const options: MongoClientOptions = {
    appName: 'corral',
    maxPoolSize: 32,
    socketTimeoutMS: deadlineMs + 500, // later than our own deadline
    waitQueueTimeoutMS: deadlineMs,
    serverSelectionTimeoutMS: deadlineMs,
    connectTimeoutMS: deadlineMs,
    heartbeatFrequencyMS: 2_000,
    retryWrites: false, // our own retries recognize their earlier writes, and work on every database server
    retryReads: false,
  };
  try {
    return new MongoClient(url.reveal(), options);
  } catch {
    // The driver's message can contain the URL, including the password.
    const text =
      'MONGODB_URL is not an address that MongoDB understands. It looks like mongodb://user:password@host:27017/database';
    throw new AppError('invalid_request', text);
  }
}

/** Number of event collections on a database server that scans whole collections. */
const spread = 64;

function collections(db: Db, count: number): MongoCollections {
  const allEvents = Array.from({ length: count }, (_, n) =>
    db.collection<EventDocument>(count === 1 ? 'events' : `events_${n}`),
  );
  const place = (session: string) => (count === 1 ? 0 : Number.parseInt(session.slice(-8), 16) % count);
  return {
    events: (session) => allEvents[place(session)] as Collection<EventDocument>,
    allEvents,
    logs: db.collection('logs'),
    heads: db.collection('heads'),
    records: db.collection('records'),
    inbox: db.collection('inbox'),
    leases: db.collection('leases'),
    commands: db.collection('commands'),
    meta: db.collection('meta'),
  };
}

function runner(deadlineMs: number, maxWaiting: number): MongoConnection['run'] {
  let waiting = 0;
  return async (work) => {
    if (waiting >= maxWaiting) {
      throw new AppError('store_busy', 'The store is overloaded: too many requests are waiting.');
    }
    waiting++;
    const until = monotonicNow() + deadlineMs;
    try {
      for (let wait = firstPauseMs; ; wait = Math.min(2 * wait, longestPauseMs)) {
        try {
          return await inTime(work(), until - monotonicNow());
        } catch (thrown) {
          if (!isTransientError(thrown) || monotonicNow() + wait > until) throw toStoreError(thrown);
          await new Promise((resolve) => setTimeout(resolve, wait));
        }
      }
    } finally {
      waiting--;
    }
  };
}

/** Settles within `ms` even if the socket hangs. The work may still succeed later. */
async function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const text = 'The store did not answer in time. Try again.';
  const timer = setTimeout(() => reject(new AppError('store_unavailable', text)), Math.max(ms, 0));
  work.catch(() => {}); // the caller may have stopped waiting
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

export async function pingMongo({ db, run }: MongoConnection, signal: AbortSignal): Promise<void> {
  throwIfAborted(signal);
  await raceAbort(
    run(() => db.command({ ping: 1 })),
    signal,
  );
}
