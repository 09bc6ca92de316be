import type { SessionEvent, SessionFact } from './events.ts';
import type { SessionId } from './ids.ts';

/** One atomic write: the facts follow `after`, and the records change with them or not at all. */
export interface Append {
  readonly sessionId: SessionId;
  /** The seq these facts follow; anything but the present head rejects with `fenced`. */
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

export interface EventPage {
  /** Events with `seq > after`, in order, at most `limit`. */
  readonly events: SessionEvent[];
  /** The newest seq at that moment; 0 for an unknown session. */
  readonly head: number;
  /** Up to this seq deltas and live output may be missing (0: none are). */
  readonly thinned: number;
  /** Up to this seq events of any type may be missing (0: none are). */
  readonly trimmed: number;
}

/** How far a log is compacted; as in a page. */
export type Marks = Pick<EventPage, 'thinned' | 'trimmed'>;

/** The log's backend: it neither notifies nor caches. Rejects only with AppError. */
export interface EventStore {
  /** All of it or nothing; resolves, once durable, with the seq of the last fact. Rejects: fenced, store_unavailable, store_busy. */
  append(entry: Append): Promise<number>;
  page(sessionId: SessionId, after: number, limit: number): Promise<EventPage>;
  /** The seq of the newest event with this type, or 0; for "from the active run's start". */
  lastOf(sessionId: SessionId, type: SessionFact['type']): Promise<number>;
  /** Drops all but the newest `keepDroppable` deltas and outputs, and the oldest of all beyond `keepAll`. Seqs stay. */
  compact(sessionId: SessionId, limits: { keepDroppable: number; keepAll: number }): Promise<void>;
  /** The newest seq of each of these sessions, in one call; 0 for an unknown session. Replicas poll this. */
  heads(sessionIds: readonly SessionId[]): Promise<ReadonlyMap<SessionId, number>>;
  /**
   * Where the backend can push: calls `heard` for each append of any server, until `signal` fires. Rejects when the
   * connection breaks; the caller then polls `heads` until it can subscribe again. Absent where there can be no other
   * server.
   */
  watch?(heard: (sessionId: SessionId, head: number) => void, signal: AbortSignal): Promise<void>;
  /** For an import: events with their original seqs, in order. Existing events stay, so an import can be repeated. */
  restore(sessionId: SessionId, events: readonly SessionEvent[], marks: Marks): Promise<void>;
  /** Removes the log of a deleted session and every record whose id is the session's or begins with it and `:`. */
  erase(sessionId: SessionId): Promise<void>;
}

export interface StoredRecord {
  readonly id: string;
  readonly doc: unknown;
  /** 1 at creation, one more with each put. */
  readonly version: number;
}

export interface ListOptions {
  readonly limit?: number;
  readonly idPrefix?: string;
  /** Not together with `idPrefix`. */
  readonly after?: { readonly sort: number; readonly id: string };
}

/** Documents that are not events. The reader parses them. */
export interface RecordStore {
  get(kind: string, id: string): Promise<StoredRecord | undefined>;
  /** `expect` is the version it replaces (0: must not exist); without it the last writer wins. Rejects: conflict. */
  put(record: RecordPut & { readonly expect?: number }): Promise<number>;
  /** With `expect` only that version: one that was put meanwhile stays. */
  delete(kind: string, id: string, expect?: number): Promise<void>;
  /** By `sort` descending, then id; `idPrefix` narrows it, and `after` begins behind a place in that order. */
  list(kind: string, options?: ListOptions): Promise<StoredRecord[]>;
  count(kind: string): Promise<number>;
  /** The records of every kind that `erase` of this session would remove, by id and kind. */
  belonging(sessionId: SessionId): Promise<RecordPut[]>;
}

/** Commands that must be done at most once, by the key their sender gave. */
export interface Inbox {
  /** `new`: do it, then `answer` or `release`. `conflict`: the key was used for other content. */
  claim(key: string, contentHash: string, at: number): Promise<InboxClaim>;
  answer(key: string, answer: unknown): Promise<void>;
  /** The request failed without effect, so its key can be used again. */
  release(key: string): Promise<void>;
  /** Forgets keys claimed before this time; resolves with how many. */
  expire(before: number): Promise<number>;
}
export type InboxClaim =
  | { kind: 'new' }
  | { kind: 'pending' }
  | { kind: 'conflict' }
  | { kind: 'done'; answer: unknown };

export interface Lease {
  readonly name: string;
  readonly holder: string;
  /** Rises by one with each new holder: the fence that daemons and labels know. */
  readonly epoch: number;
  readonly expiresAt: number;
}
export interface LeaseStore {
  /** Undefined while somebody else holds it. The holder's own call renews it and keeps the epoch. */
  acquire(name: string, holder: string, now: number, ttlMs: number): Promise<Lease | undefined>;
  release(name: string, holder: string): Promise<void>;
  /** The current holder, also where the lease has expired. */
  get(name: string): Promise<Lease | undefined>;
}

/** A command for a session that another replica owns. */
export interface QueuedCommand {
  readonly id: string;
  readonly sessionId: SessionId;
  readonly name: string;
  readonly body: unknown;
  readonly at: number; // epoch ms
}
/** How a replica reaches a session's owner: through the store, never directly. */
export interface CommandQueue {
  post(command: QueuedCommand): Promise<void>;
  /** Unanswered ones for these sessions, oldest first, at most `limit`. */
  pending(sessionIds: readonly SessionId[], limit: number): Promise<QueuedCommand[]>;
  /** Sessions with an unanswered command posted before this time: nobody owns them, or their owner is gone. */
  waiting(before: number, limit: number): Promise<SessionId[]>;
  /** The first answer stays. */
  answer(id: string, answer: unknown): Promise<void>;
  /** The answers there are to these commands. */
  answers(ids: readonly string[]): Promise<ReadonlyMap<string, unknown>>;
  /** Forgets commands posted before this time, answered or not. */
  expire(before: number): Promise<number>;
}

export interface Store extends AsyncDisposable {
  readonly name: string;
  /** False: everything is gone with the process, and the server says so at start. */
  readonly durable: boolean;
  readonly events: EventStore;
  readonly records: RecordStore;
  readonly inbox: Inbox;
  readonly leases: LeaseStore;
  readonly commands: CommandQueue;
  /** Whether other processes may write to it too: then logs are polled or watched, and sessions are leased. */
  readonly shared: boolean;
  /**
   * Completes appends and puts that dead servers left half-done. Callers that list sessions can wait for it; readers of
   * one session need not.
   */
  settle(): Promise<void>;
  /** Resolves when the store answers; rejects with what is wrong. */
  check(signal: AbortSignal): Promise<void>;
}

/** After a `resync` the reader loads the session again, and follows it from `head`. */
export type Followed =
  | { kind: 'event'; event: SessionEvent }
  | { kind: 'resync'; reason: 'cursor_too_old' | 'cursor_ahead' | 'too_slow'; oldest: number; head: number };

export interface FollowOptions {
  readonly signal: AbortSignal;
  /** Whether this reader is owed deltas and live output; else their absence is no gap to it. */
  readonly deltas: boolean;
}

export interface EventLog {
  /** Resolves once durable; only then can any follower see it. */
  append(entry: Append): Promise<number>;
  /** Told of every append of every session, once it is durable; for as long as the log lives. */
  onAppend(heard: (entry: Append) => void): void;
  page(sessionId: SessionId, after: number, limit: number): Promise<EventPage>;
  /** History after `after`, then live, until `signal` fires. No gap, no duplicate; a resync where that cannot be. */
  follow(sessionId: SessionId, after: number, options: FollowOptions): AsyncIterable<Followed>;
}
