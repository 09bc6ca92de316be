import type { SessionId } from '../../core/ids.ts';
import type { ListOptions, RecordStore, StoredRecord } from '../../core/ports.ts';
import type { SessionRecord } from '../../core/records.ts';
import type { ListQuery } from '../api/sessions.ts';
import { publicRecord, StoredSession } from '../run/log/projection.ts';
import { byPlace, charsIn, ListHead, type ListLimits, type Place } from './list-head.ts';

interface Options {
  readonly records: RecordStore;
  /** Other servers write to the same store, so every read has to go to the store. */
  readonly shared: boolean;
  readonly limits?: ListLimits;
}

const usual: ListLimits = { sessions: 20_000, chars: 16 * 1024 * 1024 };
const mostAtOnce = 1_000; // sessions per read of the store; parsing them blocks the event loop for a few milliseconds
/**
 * The cache of single sessions: of those read by id and, with a shared store, of all that were read. `chars` limits the text
 * of one.
 */
const used = { sessions: 256, chars: 64 * 1024 };
const usedOfShared = { sessions: 20_000, chars: 2 * 1024 };

/**
 * The list of sessions, newest message first. When no other server writes, the list stays in memory as far as it has been
 * read, and each durable change updates it; the rest is read from the store each time. An unchanged session is the same
 * object each time, so facades can cache by identity.
 */
export class SessionList {
  readonly #options: Options;
  readonly #limits: ListLimits;
  #head: ListHead | undefined;
  #growing: Promise<ListHead> | undefined;
  /** Reads of the store that are under way; each collects the changes made meanwhile. */
  readonly #readers = new Set<Map<SessionId, StoredSession>>();
  /** Sessions read by id, newest last; with a shared store each has the version that was parsed. */
  readonly #used = new Map<string, { readonly version: number; readonly record: StoredSession }>();

  constructor(options: Options) {
    this.#options = options;
    this.#limits = options.limits ?? usual;
  }

  /** Applies a record that the store now has. */
  heard(record: StoredSession): void {
    if (this.#options.shared) return;
    for (const changed of this.#readers) changed.set(record.id, record);
    this.#head?.put(shown(record));
    if (this.#used.has(record.id)) this.#use(record);
  }

  /** One stored session; a deleted one as its tombstone. */
  async get(id: SessionId): Promise<StoredSession | undefined> {
    const { records, shared } = this.#options;
    const known = shared ? undefined : this.#used.get(id);
    if (known) return known.record;
    return await this.#reading(async (changed) => {
      const found = await records.get('session', id);
      const record = changed.get(id) ?? (found && this.#parse(found));
      if (record && !shared) this.#use(record);
      return record;
    });
  }

  /** The session as clients see it, when it can be answered without the store. */
  known(id: SessionId): SessionRecord | undefined {
    return this.#head?.get(id);
  }

  async part({ limit, after, keep }: ListQuery): Promise<SessionRecord[]> {
    const found: SessionRecord[] = [];
    const take = (session: SessionRecord) => {
      if (keep(session)) found.push(session);
      return found.length === limit;
    };
    if (limit <= 0) return found;
    let head = this.#options.shared ? undefined : (this.#head ?? (await this.#grow()));
    while (head) {
      if (head.some(after, take) || head.isAll) return found;
      if (head.isFull) break;
      found.length = 0;
      head = await this.#grow();
    }
    let place = !head?.end || (after && byPlace(after, head.end) > 0) ? after : head.end;
    for (let chunk = Math.min(limit, mostAtOnce); ; chunk = Math.min(2 * chunk, mostAtOnce)) {
      const records = await this.#read(chunk, place);
      place = records.at(-1) ?? place;
      if (records.some((record) => !record.deleting && take(shown(record)))) return found;
      if (records.length < chunk) return found;
    }
  }

  async all(): Promise<SessionRecord[]> {
    if (this.#options.shared) return (await this.#read()).filter(({ deleting }) => !deleting).map(shown);
    let head = this.#head ?? (await this.#grow());
    while (!head.isAll && !head.isFull) head = await this.#grow();
    if (head.isAll) return head.all();
    return await this.#reading(async (changed) => {
      const all = head.all();
      for (let place = head.end, more = true; more; ) {
        const records = await this.#read(mostAtOnce, place);
        for (const record of records) if (!record.deleting) all.push(publicRecord(record));
        place = records.at(-1) ?? place;
        more = records.length === mostAtOnce;
      }
      if (changed.size === 0) return all;
      // A session that moved to the front during the read appears exactly once.
      const stayed = all.filter(({ id }) => !changed.has(id));
      const moved = [...changed.values()].filter(({ deleting }) => !deleting).map(shown);
      return [...stayed, ...moved].sort(byPlace);
    });
  }

  /** Loads the next part of the list into memory. */
  async #grow(): Promise<ListHead> {
    this.#growing ??= this.#readMore().finally(() => {
      this.#growing = undefined;
    });
    return await this.#growing;
  }

  #readMore(): Promise<ListHead> {
    return this.#reading(async (changed) => {
      const size = Math.min(mostAtOnce, this.#limits.sessions);
      const records = await this.#read(size, this.#head?.end);
      const head = this.#head ?? new ListHead(this.#limits);
      const last = records.length < size ? undefined : records.at(-1);
      const unchanged = records.filter(({ id, deleting }) => !deleting && !changed.has(id));
      head.extend([...unchanged, ...changed.values()].map(shown), last);
      this.#head = head;
      return head;
    });
  }

  async #reading<T>(read: (changed: ReadonlyMap<SessionId, StoredSession>) => Promise<T>): Promise<T> {
    const changed = new Map<SessionId, StoredSession>();
    this.#readers.add(changed);
    try {
      return await read(changed);
    } finally {
      this.#readers.delete(changed);
    }
  }

  async #read(limit?: number, after?: Place): Promise<StoredSession[]> {
    const options: ListOptions = {
      ...(limit !== undefined && { limit }),
      ...(after && { after: { sort: after.latestMessageAt, id: after.id } }),
    };
    return (await this.#options.records.list('session', options)).map((row) => this.#parse(row));
  }

  #parse({ id, version, doc }: StoredRecord): StoredSession {
    if (!this.#options.shared) return StoredSession.parse(doc);
    const known = this.#used.get(id);
    const record = known?.version === version ? known.record : StoredSession.parse(doc);
    this.#use(record, version);
    return record;
  }

  #use(record: StoredSession, version = 0): void {
    const most = this.#options.shared ? usedOfShared : used;
    this.#used.delete(record.id);
    if (charsIn(record) <= most.chars) this.#used.set(record.id, { version, record });
    if (this.#used.size <= most.sessions) return;
    const [oldest] = this.#used.keys();
    if (oldest) this.#used.delete(oldest);
  }
}

const made = new WeakMap<StoredSession, SessionRecord>();

/** The client's view of a record; the same record always gives the same object. */
export function shown(record: StoredSession): SessionRecord {
  const known = made.get(record);
  if (known) return known;
  const session = publicRecord(record);
  made.set(record, session);
  return session;
}
