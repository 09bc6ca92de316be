import type { SessionId } from '../../core/ids.ts';
import type { ListOptions, RecordStore, StoredRecord } from '../../core/ports.ts';
import type { SessionRecord } from '../../core/records.ts';
import type { ListQuery } from '../api/sessions.ts';
import { publicRecord, StoredSession } from '../run/projection.ts';
import { byPlace, charsIn, ListHead, type ListLimits, type Place } from './list-head.ts';

interface Options {
  readonly records: RecordStore;
  /** Others write to the store too: then the list is what the store says, each time. */
  readonly shared: boolean;
  readonly limits?: ListLimits;
}

const usual: ListLimits = { sessions: 20_000, chars: 16 * 1024 * 1024 };
const mostAtOnce = 1_000; // of the store; a few milliseconds of the event loop
/** Sessions that were asked for by id, and of a shared store all that were read; and how much text one may have. */
const used = { sessions: 256, chars: 64 * 1024 };
const usedOfShared = { sessions: 20_000, chars: 2 * 1024 };

/**
 * The list of sessions, newest message first. Where nobody else writes, it is in memory as far as it has been asked for,
 * and kept current by what becomes durable here; what does not fit is read from the store each time.
 * A session that has not changed is the same object each time: what a facade makes of it may be kept by that.
 */
export class SessionList {
  readonly #options: Options;
  readonly #limits: ListLimits;
  #head: ListHead | undefined;
  #growing: Promise<ListHead> | undefined;
  /** Whoever reads the store hears of what changes meanwhile. */
  readonly #readers = new Set<Map<SessionId, StoredSession>>();
  /** Asked for by id, newest last; of a shared store with the version that was parsed. */
  readonly #used = new Map<string, { readonly version: number; readonly record: StoredSession }>();

  constructor(options: Options) {
    this.#options = options;
    this.#limits = options.limits ?? usual;
  }

  /** This is what the store has now. */
  heard(record: StoredSession): void {
    if (this.#options.shared) return;
    for (const changed of this.#readers) changed.set(record.id, record);
    this.#head?.put(shown(record));
    if (this.#used.has(record.id)) this.#use(record);
  }

  /** One session as it is stored, its tombstone too. */
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

  /** As clients see it, if that is known without asking the store. */
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
      // One that moved to the front while the rest was read is not missed, nor there twice.
      const stayed = all.filter(({ id }) => !changed.has(id));
      const moved = [...changed.values()].filter(({ deleting }) => !deleting).map(shown);
      return [...stayed, ...moved].sort(byPlace);
    });
  }

  /** One more stretch of the list comes into memory. */
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

/** What a client sees of it: of one record always the same object. */
export function shown(record: StoredSession): SessionRecord {
  const known = made.get(record);
  if (known) return known;
  const session = publicRecord(record);
  made.set(record, session);
  return session;
}
