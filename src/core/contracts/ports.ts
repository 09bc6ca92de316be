import type { SessionEvent, SessionFact } from '../model/events.ts';
import type { SessionId } from '../model/ids.ts';

/** One atomic write, which appends the facts to the log and changes the records. */
export interface AppendRequest {
  readonly sessionId: SessionId;
  /** Must be the log's current head; otherwise the append rejects with `fenced`. */
  readonly after: number;
  readonly at: number;
  readonly facts: readonly SessionFact[];
  readonly puts?: readonly RecordPut[];
}
export interface RecordPut {
  readonly kind: string;
  readonly id: string;
  readonly doc: unknown;
  /** The sort key of `list`, highest first. */
  readonly sort?: number;
}

/** `day` is a date in UTC, such as 2026-11-24. */
export type UsageGroupKey = 'owner' | 'project' | 'session' | 'model' | 'day';
/** Excludes requests that a fork inherited. Keys that were not requested are empty. */
export interface UsageSum extends Readonly<Record<UsageGroupKey, string>> {
  readonly turns: number;
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly cost: number;
  /** Number of turns whose cost is unknown. */
  readonly unpriced: number;
}

export interface EventPage {
  /** Events with `seq > after`, in order, at most `limit`. */
  readonly events: SessionEvent[];
  /** The newest seq at the time of the read; 0 for an unknown session. */
  readonly head: number;
  /** Deltas and live output may be missing up to this seq; 0 if none are missing. */
  readonly thinned: number;
  /** Events of any type may be missing up to this seq; 0 if none are missing. */
  readonly trimmed: number;
}

export type LogTrimMarks = Pick<EventPage, 'thinned' | 'trimmed'>;

/**
 * The log's storage. It caches nothing, and only some backends report appends. Rejects only with AppError.
 *
 * @example
 * const head = await events.append({ sessionId, after: 4, at: clock.now(), facts }); // 4 + facts.length, or fenced
 */
export interface EventStore {
  /**
   * Atomic. Resolves with the new head once durable. Rejects: fenced, payload_too_large (more than the store accepts in
   * one write), store_unavailable, store_busy, store_corrupt.
   */
  append(entry: AppendRequest): Promise<number>;
  page(sessionId: SessionId, after: number, limit: number): Promise<EventPage>;
  /** The seq of the newest event of this type; 0 if there is none. */
  findLastSeq(sessionId: SessionId, type: SessionFact['type']): Promise<number>;
  /**
   * Drops all but the newest `keepDroppable` droppable events, and all but the newest `keepAll` events. Seqs do not
   * change.
   */
  compact(sessionId: SessionId, limits: { keepDroppable: number; keepAll: number }): Promise<void>;
  /** Searches users' and agents' messages, ignoring the case of ASCII letters. Unordered. */
  search(text: string, limit: number, among?: readonly SessionId[]): Promise<readonly SessionId[]>;
  /** Sums usage in `from <= time < to` (epoch ms), unordered. Excludes sessions being deleted or without a record. */
  usage(from: number, to: number, by: readonly UsageGroupKey[]): Promise<readonly UsageSum[]>;
  /** The newest seq of each of these sessions; 0 for an unknown session. */
  heads(sessionIds: readonly SessionId[]): Promise<ReadonlyMap<SessionId, number>>;
  /** Reports appends by any server. Rejects when the connection breaks; then poll `heads`. */
  watch?(listener: (sessionId: SessionId, head: number) => void, signal: AbortSignal): Promise<void>;
  /** Keeps the events' seqs. Skips existing events. */
  restore(sessionId: SessionId, events: readonly SessionEvent[], marks: LogTrimMarks): Promise<void>;
  /** Removes the log and every record whose id is the session's id or starts with `<id>:`. */
  erase(sessionId: SessionId): Promise<void>;
}

export interface StoredRecord {
  readonly id: string;
  readonly doc: unknown;
  /** 1 at creation; each put adds one. */
  readonly version: number;
}

export interface RecordListOptions {
  readonly limit?: number;
  readonly idPrefix?: string;
  /** Cannot be combined with `idPrefix`. */
  readonly after?: { readonly sort: number; readonly id: string };
  /** Null selects records without an owner. Cannot be combined with `idPrefix`. */
  readonly owner?: string | null;
  /** Only the shared records, read from an index. Cannot be combined with `idPrefix`. */
  readonly shared?: true;
  /** Cannot be combined with `idPrefix` or `shared`. */
  readonly state?: string;
  /** The containing record's id. Cannot be combined with `idPrefix`, `owner` or `shared`. */
  readonly parent?: string;
}

export interface RecordChanges {
  readonly records: readonly StoredRecord[];
  readonly gone: readonly string[];
  readonly mark: number;
}

/**
 * Documents that are not events. The reader parses them.
 *
 * @example
 * const version = await records.put({ kind: 'project', id, doc: project });
 * await records.delete('project', id, version); // deletes nothing if somebody changed it in the meantime
 */
export interface RecordStore {
  get(kind: string, id: string): Promise<StoredRecord | undefined>;
  /**
   * `expect`: the version to replace, or 0 for a new record. Rejects: conflict (another version, or the unique name is
   * taken).
   */
  put(record: RecordPut & { readonly expect?: number }): Promise<number>;
  /** With `expect`, does nothing unless the record still has that version. */
  delete(kind: string, id: string, expect?: number): Promise<void>;
  /** Sorted by `sort`, highest first, then by id. */
  list(kind: string, options?: RecordListOptions): Promise<StoredRecord[]>;
  count(kind: string, only?: Pick<RecordListOptions, 'owner' | 'state' | 'parent'>): Promise<number>;
  /** Finds titles that contain the text, ignoring case. Unordered. */
  searchTitles(text: string, limit: number): Promise<readonly SessionId[]>;
  /**
   * Records that changed since `mark` (without it, all records), and ids that `erase` removed. The same change may be
   * returned more than once. Absent unless the store is `shared` and indexes changes.
   */
  changes?(kind: string, mark?: number): Promise<RecordChanges>;
  /** All records that `erase` of this session would remove, sorted by id and kind. */
  belonging(sessionId: SessionId): Promise<RecordPut[]>;
}

/**
 * Requests that must be executed at most once, identified by the sender's key.
 *
 * @example
 * const claim = await inbox.claim(key, contentHash, clock.now());
 * if (claim.kind === 'new') await inbox.answer(key, await execute());
 */
export interface IdempotencyStore {
  /** `new`: execute the request, then call `answer` or `release`. `conflict`: the key was used with different content. */
  claim(key: string, contentHash: string, at: number): Promise<IdempotencyClaimResult>;
  answer(key: string, answer: unknown): Promise<void>;
  /** Frees the key for another attempt, after its request failed without effect. */
  release(key: string): Promise<void>;
  /** Forgets keys claimed before this time. Resolves with the number of forgotten keys. */
  expire(before: number): Promise<number>;
}
export type IdempotencyClaimResult =
  | { kind: 'new' }
  | { kind: 'pending' }
  | { kind: 'conflict' }
  | { kind: 'done'; answer: unknown };

export interface Lease {
  readonly name: string;
  readonly holder: string;
  /** Increases by one with each new holder. Serves as the fencing token. */
  readonly epoch: number;
  readonly expiresAt: number;
}
/** Leases on sessions and background work. Only the holder of a session's lease writes its log. */
export interface LeaseStore {
  /** Undefined while another holder has the lease. A renewal by the holder keeps the epoch. */
  acquire(name: string, holder: string, now: number, ttlMs: number): Promise<Lease | undefined>;
  /** Also renews the holder's expired leases. Resolves with epochs by name; lost leases are missing. */
  renew(names: readonly string[], holder: string, expiresAt: number): Promise<ReadonlyMap<string, number>>;
  release(name: string, holder: string): Promise<void>;
  /** The lease of the last holder, even if the lease has expired. */
  get(name: string): Promise<Lease | undefined>;
}

export interface QueuedCommand {
  readonly id: string;
  readonly sessionId: SessionId;
  readonly name: string;
  readonly body: unknown;
  readonly at: number; // Epoch ms.
}
/** Commands for the server that holds a session, always delivered through the store. */
export interface CommandQueue {
  post(command: QueuedCommand): Promise<void>;
  /** Unanswered commands for these sessions, oldest first, at most `limit`. */
  pending(sessionIds: readonly SessionId[], limit: number): Promise<QueuedCommand[]>;
  /** Sessions with an unanswered command posted before this time. */
  waiting(before: number, limit: number): Promise<SessionId[]>;
  /** Only the first answer applies. */
  answer(id: string, answer: unknown): Promise<void>;
  answers(ids: readonly string[]): Promise<ReadonlyMap<string, unknown>>;
  /** Forgets commands posted before this time, answered or not. */
  expire(before: number): Promise<number>;
}

/**
 * Everything durable: events, records, the inbox, leases and commands.
 *
 * @example
 * await using store = await openSqliteStore({ path: 'data/corral.db' });
 */
export interface Store extends AsyncDisposable {
  readonly name: string;
  /** If false, the data is lost when the process ends. */
  readonly durable: boolean;
  readonly events: EventStore;
  readonly records: RecordStore;
  readonly inbox: IdempotencyStore;
  readonly leases: LeaseStore;
  readonly commands: CommandQueue;
  /** Whether other processes can write to the store. If so, sessions are leased. */
  readonly shared: boolean;
  /** Completes appends and puts that crashed servers left unfinished. Reads of a single session do not need it. */
  settle(): Promise<void>;
  /** Size on disk in bytes. Absent for stores that are not kept on disk. */
  size?(): Promise<number>;
  /** Resolves if the store responds; rejects with the reason if it is unavailable. */
  check(signal: AbortSignal): Promise<void>;
}

/** After a `resync`, load the session again and follow it from `head`. */
export type LogUpdate =
  | { kind: 'events'; events: readonly SessionEvent[] }
  | { kind: 'resync'; reason: 'cursor_too_old' | 'cursor_ahead' | 'too_slow'; oldest: number; head: number };

export interface FollowOptions {
  readonly signal: AbortSignal;
  /** If false, missing deltas and live output cause no `resync`. */
  readonly deltas: boolean;
}

/**
 * The logs of all sessions, for writers and followers.
 *
 * @example
 * for await (const update of log.follow(sessionId, cursor, { signal, deltas: true })) {
 *   if (update.kind === 'resync') break; // load the session again
 *   for (const event of update.events) show(event);
 * }
 */
export interface EventLog {
  /** Resolves once the facts are durable; no follower sees them before that. */
  append(entry: AppendRequest): Promise<number>;
  /** Calls `listener` after each durable append by this server. */
  onAppend(listener: (entry: AppendRequest) => void): void;
  page(sessionId: SessionId, after: number, limit: number): Promise<EventPage>;
  /** Yields each stored and live event once, and a resync after a gap. Dropped events are a gap unless `after` is 0. */
  follow(sessionId: SessionId, after: number, options: FollowOptions): AsyncIterable<LogUpdate>;
}
