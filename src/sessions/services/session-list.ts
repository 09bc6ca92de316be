import { turnOfTheLoop } from '../../core/contracts/clock.ts';
import type { ListOptions, RecordStore, StoredRecord } from '../../core/contracts/ports.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { ListQuery } from '../api/sessions.ts';
import { publicRecord, StoredSession } from '../run/log/projection.ts';

/** Sessions per read of the store, and per turn of the event loop: parsing them takes a few milliseconds. */
const maxAtOnce = 500;
/** Sessions per read of those that have moved to the front during a list. */
const movedAtOnce = 20;

/** The list of sessions, newest message first, as the store has it. */
export class SessionList {
  readonly #records: Pick<RecordStore, 'get' | 'list'>;

  constructor(records: Pick<RecordStore, 'get' | 'list'>) {
    this.#records = records;
  }

  /** One stored session; a deleted one as its tombstone. */
  async get(id: SessionId): Promise<StoredSession | undefined> {
    const found = await this.#records.get('session', id);
    return found && StoredSession.parse(found.doc);
  }

  /** Usually one read. Where `keep` refuses sessions, as many more as it takes. With `among` no others than these. */
  async part(query: ListQuery, among?: ReadonlySet<string>): Promise<SessionRecord[]> {
    const { limit, after, keep } = query;
    const place = after && { sort: after.latestMessageAt, id: after.id };
    if (among && among.size <= maxAtOnce) return await this.#chosen(among, { keep, limit, place });
    const found: SessionRecord[] = [];
    const only = { ...whichOf(query), ...(place && { after: place }) };
    for await (const rows of this.#rows(Math.min(limit, maxAtOnce), only)) {
      const sessions = rows.filter(({ id }) => !among || among.has(id)).map(parsed);
      found.push(...sessions.filter(({ deleting }) => !deleting).filter(keep));
      if (found.length >= limit) break;
    }
    return found.slice(0, limit);
  }

  /** All sessions, or those of an owner or a project, in pieces. One that moves to the front in the meantime is in them once. */
  async *pieces(chosen: Pick<ListQuery, 'owner' | 'projectId'> = {}): AsyncGenerator<SessionRecord[]> {
    const seen = new Set<string>();
    const only = whichOf(chosen);
    let readFrom = Number.NEGATIVE_INFINITY;
    for (let size = maxAtOnce; ; size = movedAtOnce) {
      let top: number | undefined;
      let isNew = false;
      for await (const rows of this.#rows(size, only)) {
        const fresh = rows.filter(({ id }) => !seen.has(id));
        for (const { id } of fresh) seen.add(id);
        const sessions = fresh.map(parsed);
        isNew ||= fresh.length > 0;
        top ??= placeOf(rows[0] as StoredRecord).sort;
        if (sessions.length > 0) yield sessions.filter(({ deleting }) => !deleting);
        if (placeOf(rows.at(-1) as StoredRecord).sort < readFrom) break;
      }
      if (!isNew || top === undefined) return;
      readFrom = top;
    }
  }

  async all(only?: Pick<ListQuery, 'owner'>): Promise<SessionRecord[]> {
    const found: SessionRecord[] = [];
    for await (const piece of this.pieces(only)) found.push(...piece);
    return found.sort(byPlace);
  }

  /** Page after page of the stored sessions, each in a turn of the loop. */
  async *#rows(first: number, only: ListOptions): AsyncGenerator<readonly StoredRecord[]> {
    for (let [size, after] = [first, only.after]; ; size = maxAtOnce) {
      const rows = await this.#records.list('session', { ...only, limit: size, ...(after && { after }) });
      const last = rows.at(-1);
      if (!last) return;
      yield rows;
      if (rows.length < size) return;
      after = placeOf(last);
      await turnOfTheLoop();
    }
  }

  async #chosen(
    among: ReadonlySet<string>,
    { keep, limit, place }: Pick<ListQuery, 'keep' | 'limit'> & { readonly place: ListOptions['after'] },
  ): Promise<SessionRecord[]> {
    const found = await Promise.all([...among].map((id) => this.#records.get('session', id)));
    const sessions = found.flatMap((row) => (row ? [parsed(row)] : [])).filter(({ deleting }) => !deleting);
    const isBehind = (one: SessionRecord) =>
      !place || one.latestMessageAt < place.sort || (one.latestMessageAt === place.sort && one.id > place.id);
    return sessions.filter(isBehind).filter(keep).sort(byPlace).slice(0, limit);
  }
}

/** The index that a list reads. */
function whichOf({ owner, projectId, status }: Pick<ListQuery, 'owner' | 'projectId' | 'status'>): ListOptions {
  if (owner !== undefined) return { owner };
  if (projectId !== undefined) return { parent: projectId };
  return status ? { state: status } : {};
}
const byPlace = (one: SessionRecord, other: SessionRecord): number =>
  other.latestMessageAt - one.latestMessageAt || (one.id < other.id ? -1 : 1);
/** A session is sorted by its newest message. */
const placeOf = ({ id, doc }: StoredRecord) => ({ sort: (doc as SessionRecord).latestMessageAt, id });
const parsed = ({ doc }: StoredRecord): SessionRecord => publicRecord(StoredSession.parse(doc));
