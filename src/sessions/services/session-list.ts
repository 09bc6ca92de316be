import { turnOfTheLoop } from '../../core/contracts/clock.ts';
import type { ListOptions, RecordStore, StoredRecord } from '../../core/contracts/ports.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { ListQuery, ListScope } from '../api/sessions.ts';
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
    const only = whichOf(query).map((one) => ({ ...one, ...(place && { after: place }) }));
    for await (const rows of this.#rows(Math.min(limit, maxAtOnce), only)) {
      const sessions = rows.filter(({ id }) => !among || among.has(id)).map(parsed);
      found.push(...sessions.filter(({ deleting }) => !deleting).filter(keep));
      if (found.length >= limit) break;
    }
    return found.slice(0, limit);
  }

  /** All sessions, or those of the scope, in pieces. One that moves to the front in the meantime is in them once. */
  async *pieces(chosen: ListScope = {}): AsyncGenerator<SessionRecord[]> {
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

  async all(only?: ListScope): Promise<SessionRecord[]> {
    const found: SessionRecord[] = [];
    for await (const piece of this.pieces(only)) found.push(...piece);
    return found.sort(byPlace);
  }

  /** Page after page of the stored sessions that one of the lists has, each in a turn of the loop. */
  async *#rows(first: number, lists: readonly ListOptions[]): AsyncGenerator<readonly StoredRecord[]> {
    const sources = lists.map((only) => ({ only, rows: [] as StoredRecord[], isOver: false }));
    for (let [size, last] = [first, '']; ; size = maxAtOnce) {
      const limit = Math.ceil(size / lists.length);
      const isOut = ({ rows, isOver }: (typeof sources)[number]) => rows.length === 0 && !isOver;
      const refill = async (source: (typeof sources)[number]) => {
        source.rows = await this.#records.list('session', { ...source.only, limit });
        source.isOver = source.rows.length < limit;
        const end = source.rows.at(-1);
        if (end) source.only = { ...source.only, after: placeOf(end) };
      };
      await Promise.all(sources.filter(isOut).map(refill));
      const page: StoredRecord[] = [];
      while (!sources.some(isOut)) {
        const next = sources
          .filter(({ rows }) => rows.length > 0)
          .sort(byFirst)[0]
          ?.rows.shift();
        if (!next) break;
        if (next.id !== last) page.push(next); // an own session in one of the projects is in two lists
        last = next.id;
      }
      if (page.length > 0) yield page;
      if (!sources.some(isOut)) return;
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

/** The indexes that a list reads. */
function whichOf({ owner, projects = [], projectId, status }: ListScope & Pick<ListQuery, 'status'>): ListOptions[] {
  if (owner !== undefined) return [{ owner }, ...projects.map((parent) => ({ parent }))];
  if (projectId !== undefined) return [{ parent: projectId }];
  return [status ? { state: status } : {}];
}
const byFirst = ({ rows: [a] }: { rows: StoredRecord[] }, { rows: [b] }: { rows: StoredRecord[] }): number =>
  a && b ? byPlace(a.doc as SessionRecord, b.doc as SessionRecord) : 0;
const byPlace = (one: SessionRecord, other: SessionRecord): number =>
  other.latestMessageAt - one.latestMessageAt || (one.id < other.id ? -1 : 1);
/** A session is sorted by its newest message. */
const placeOf = ({ id, doc }: StoredRecord) => ({ sort: (doc as SessionRecord).latestMessageAt, id });
const parsed = ({ doc }: StoredRecord): SessionRecord => publicRecord(StoredSession.parse(doc));
