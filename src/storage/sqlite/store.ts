import { stat } from 'node:fs/promises';
import { raceAbort, throwIfAborted } from '../../core/concurrency/cancel.ts';
import type {
  CommandQueue,
  EventStore,
  IdempotencyStore,
  LeaseStore,
  RecordPut,
  RecordStore,
  Store,
  StoredRecord,
  UsageSum,
} from '../../core/contracts/ports.ts';
import { droppableEventTypes } from '../../core/model/event-traits.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { addUsageSum } from '../usage-sums.ts';
import { openStoreThread, type QueueLimits, type StoreChannel } from './channel.ts';
import { corruptDatabaseError } from './errors.ts';
import type { EventPosition, PutRow, ReadOperations, RecordRow, SearchChunk, UsageChunk } from './reads.ts';
import { toIndexColumns } from './schema.ts';
import type { WriteOperations } from './writes.ts';

export interface SqliteOptions {
  /** SQLite adds files with the suffixes -wal and -shm; the server adds .lock and .holder. */
  readonly path: string;
  /** `full` (the default): commits survive power failures. `normal`: faster, but they survive only process crashes. */
  readonly synchronous?: 'full' | 'normal';
  readonly busyTimeoutMs?: number;
  readonly queue?: QueueLimits;
}

const defaultQueue: QueueLimits = { requests: 10_000, chars: 64 * 1024 * 1024 };

/**
 * Opens a single-file store. Rejects: store_busy (another server uses the store), store_corrupt, unsupported (a newer
 * version wrote the store), store_unavailable. Disposing completes all pending requests.
 */
export async function openSqliteStore(options: SqliteOptions): Promise<Store> {
  const { path, synchronous = 'full', busyTimeoutMs = 5_000, queue = defaultQueue } = options;
  const thread = await openStoreThread({ path, synchronous, busyTimeoutMs }, queue);
  const { writes: writer, reads: reader } = thread;
  return {
    name: 'sqlite',
    durable: true,
    events: events(writer, reader, path),
    records: records(writer, reader, path),
    inbox: inbox(writer),
    leases: leases(writer, reader),
    commands: commands(writer, reader, path),
    shared: false, // the lock keeps other servers out
    size: async () => (await Promise.all([path, `${path}-wal`].map(readSize))).reduce((sum, size) => sum + size, 0),
    settle: async () => {}, // nothing to settle: a transaction takes effect fully or not at all
    async check(signal) {
      throwIfAborted(signal);
      await raceAbort(Promise.all([writer.call('ping', []), reader.call('ping', [])]), signal);
    },
    [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose](),
  };
}

const readSize = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );

const searchedAtOnce = 50; // sessions per request, so that writes do not wait long

async function foundAmong(
  among: readonly SessionId[],
  limit: number,
  searchIn: (some: readonly SessionId[]) => Promise<readonly string[]>,
): Promise<readonly SessionId[]> {
  const found: SessionId[] = [];
  for (let at = 0; at < among.length && found.length < limit; at += searchedAtOnce)
    found.push(...((await searchIn(among.slice(at, at + searchedAtOnce))) as SessionId[]));
  return found.slice(0, limit);
}

function events(writer: StoreChannel<WriteOperations>, reader: StoreChannel<ReadOperations>, path: string): EventStore {
  return {
    async append({ sessionId, after, at, facts, puts = [] }) {
      const rows = facts.flatMap((fact) => [fact.type, JSON.stringify(fact)]);
      const documents = puts.map(putRow);
      return writer.call('append', [sessionId, after, at, rows, documents], charsIn(rows) + charsIn(documents.flat()));
    },
    async page(sessionId, after, limit) {
      const [text, head, thinned, trimmed] = await reader.call('page', [sessionId, after, limit]);
      return { events: parsed(text, path), head, thinned, trimmed };
    },
    findLastSeq: (sessionId, type) => reader.call('findLastSeq', [sessionId, type]),
    search: async (text, limit, among) =>
      among
        ? await foundAmong(among, limit, (some) => reader.call('searchIn', [text, some]))
        : ((await foundInPieces(limit, ['', 0] as EventPosition, (from) =>
            reader.call('search', [text, from]),
          )) as SessionId[]),
    async usage(from, to, by) {
      const sums = new Map<string, UsageSum>();
      for (let at: number | null = from; at !== null; ) {
        const [some, next]: UsageChunk = await reader.call('usage', [at, to, by]);
        for (const sum of parsed<UsageSum[]>(some, path)) addUsageSum(sums, sum);
        at = next;
      }
      return [...sums.values()];
    },
    compact: (sessionId, { keepDroppable, keepAll }) =>
      writer.call('compact', [sessionId, JSON.stringify([...droppableEventTypes]), keepDroppable, keepAll]),
    async heads(sessionIds) {
      const heads = await reader.call('heads', [sessionIds]);
      return new Map(sessionIds.map((id, n) => [id, heads[n] ?? 0]));
    },
    async restore(sessionId, events, { thinned, trimmed }) {
      const rows = events.flatMap(({ seq, sessionId: _, ts, ...fact }) => [seq, fact.type, ts, JSON.stringify(fact)]);
      return writer.call('restore', [sessionId, rows, thinned, trimmed], charsIn(rows));
    },
    erase: (sessionId) => writer.call('erase', [sessionId]),
  };
}

function records(
  writer: StoreChannel<WriteOperations>,
  reader: StoreChannel<ReadOperations>,
  path: string,
): RecordStore {
  const stored = ([id, doc, version]: RecordRow): StoredRecord => ({ id, doc: parsed(doc, path), version });
  return {
    async get(kind, id) {
      const row = await reader.call('get', [kind, id]);
      return row && stored(row);
    },
    async put(record) {
      const row = putRow(record);
      return writer.call('put', [row, record.expect], charsIn(row));
    },
    delete: (kind, id, expect) => writer.call('delete', [kind, id, expect]),
    async list(kind, options = {}) {
      return (await reader.call('list', [{ limit: -1, ...options, kind }])).map(stored);
    },
    searchTitles: async (text, limit) =>
      (await foundInPieces(limit, '', (from) => reader.call('searchTitles', [text, from]))) as SessionId[],
    count: (kind, only = {}) => reader.call('count', [kind, only]),
    async belonging(sessionId) {
      const rows = await reader.call('belonging', [sessionId]);
      return rows.map(([kind, id, doc, sort]) => ({ kind, id, doc: parsed(doc, path), sort }));
    },
  };
}

function inbox(writer: StoreChannel<WriteOperations>): IdempotencyStore {
  return {
    async claim(key, contentHash, at) {
      const claimed = await writer.call('claim', [key, contentHash, at]);
      return claimed.kind === 'done' ? { kind: 'done', answer: JSON.parse(claimed.answer) } : claimed;
    },
    async answer(key, answer) {
      const text = json(answer);
      return writer.call('answer', [key, text], text.length);
    },
    release: (key) => writer.call('release', [key]),
    expire: (before) => writer.call('expire', [before]),
  };
}

function leases(writer: StoreChannel<WriteOperations>, reader: StoreChannel<ReadOperations>): LeaseStore {
  return {
    acquire: (name, holder, now, ttlMs) => writer.call('acquire', [name, holder, now, ttlMs]),
    renew: async (names, holder, expiresAt) => new Map(await writer.call('renew', [names, holder, expiresAt])),
    release: (name, holder) => writer.call('letGo', [name, holder]),
    get: (name) => reader.call('lease', [name]),
  };
}

function commands(
  writer: StoreChannel<WriteOperations>,
  reader: StoreChannel<ReadOperations>,
  path: string,
): CommandQueue {
  return {
    async post({ id, sessionId, name, body, at }) {
      const text = json(body);
      return writer.call('post', [id, sessionId, name, text, at], text.length);
    },
    async pending(sessionIds, limit) {
      const rows = await reader.call('pending', [sessionIds, limit]);
      return rows.map(([id, session, name, body, at]) => ({
        id,
        sessionId: session as SessionId,
        name,
        body: parsed(body, path),
        at,
      }));
    },
    waiting: async (before, limit) => (await reader.call('waiting', [before, limit])) as SessionId[],
    async answer(id, answer) {
      const text = json(answer);
      return writer.call('answerCommand', [id, text], text.length);
    },
    async answers(ids) {
      const found = await reader.call('answers', [ids]);
      return new Map(found.map(([id, text]) => [id, parsed(text, path)]));
    },
    expire: (before) => writer.call('expireCommands', [before]),
  };
}

async function foundInPieces<Place>(
  limit: number,
  first: Place,
  read: (from: Place) => Promise<SearchChunk<NonNullable<Place>>>,
): Promise<string[]> {
  const all: string[] = [];
  for (let from: Place | null | undefined = first; all.length < limit; ) {
    const [found, next]: SearchChunk<NonNullable<Place>> = await read(from as Place);
    all.push(...found);
    if (next === null) break;
    from = next;
  }
  return all.slice(0, limit);
}

const json = (value: unknown): string => JSON.stringify(value) ?? 'null';
function putRow({ kind, id, doc, sort = 0 }: RecordPut): PutRow {
  const { owner, shared, state, name, parent, copied, title } = toIndexColumns(kind, doc);
  return [kind, id, json(doc), sort, owner, shared, state, name, parent, copied, title];
}
const charsIn = (row: readonly (string | number | null)[]) =>
  row.reduce<number>((sum, it) => sum + (typeof it === 'string' ? it.length : 0), 0);

/** Only this store writes the text, so invalid JSON means damage. */
function parsed<T>(text: string, path: string): T {
  try {
    return JSON.parse(text);
  } catch {
    throw corruptDatabaseError(path, 'a stored document is not JSON');
  }
}
