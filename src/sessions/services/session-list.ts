import { runWorkLoop } from '../../core/concurrency/rounds.ts';
import { RecordWatcher } from '../../core/contracts/changed-records.ts';
import { waitForNextLoopTurn } from '../../core/contracts/clock.ts';
import type { RecordListOptions, RecordStore, StoredRecord } from '../../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { SessionListChange, SessionListQuery, SessionListScope } from '../api/sessions.ts';
import { StoredSession, toPublicRecord } from '../run/log/projection.ts';

/** Maximum number of rows per read. Parsing more would block the event loop. */
const maxAtOnce = 500;
/** Page size for sessions that moved to the front during the listing. */
const movedAtOnce = 20;

type ListPart = Pick<SessionListQuery, 'keep' | 'limit' | 'after'>;
interface Chosen {
  readonly among?: ReadonlySet<string> | undefined;
  readonly matches?: (page: readonly SessionRecord[]) => Promise<ReadonlySet<string>>;
}

/** Lists sessions in order of their newest message, newest first. */
export class SessionList extends ServerComponent<{ readonly records: Pick<RecordStore, 'get' | 'list'> }> {
  /** Includes tombstones of deleted sessions. */
  async get(id: SessionId): Promise<StoredSession | undefined> {
    const found = await this.deps.records.get('session', id);
    return found && StoredSession.parse(found.doc);
  }

  /** Usually reads each list once. Reads more if `keep`, `matches` or `among` rejects sessions. */
  async part(query: SessionListQuery, { among, matches }: Chosen = {}): Promise<SessionRecord[]> {
    const { limit, after, keep, status } = query;
    const place = after && { sort: after.latestMessageAt, id: after.id };
    if (among && among.size <= maxAtOnce) return await this.#chosen(among, { keep, limit, place });
    const found: SessionRecord[] = [];
    const only = whichOf(query).map((one) => ({ ...one, ...(place && { after: place }) }));
    for await (const page of this.#rows(Math.min(matches ? maxAtOnce : limit, maxAtOnce), only)) {
      const ids = await matches?.(page.map(({ doc }) => doc as SessionRecord)); // unparsed: parsing every row would take too long
      const rows = ids ? page.filter(({ id }) => ids.has(id)) : page;
      const isMeant = ({ id, doc }: StoredRecord) =>
        (!among || among.has(id)) && (!status || (doc as SessionRecord).status === status);
      const sessions = rows.filter(isMeant).map(parsed);
      found.push(...sessions.filter(({ deleting }) => !deleting).filter(keep));
      if (found.length >= limit) break;
    }
    return found.slice(0, limit);
  }

  async *pieces(chosen: SessionListScope = {}): AsyncGenerator<SessionRecord[]> {
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

  async all(only?: SessionListScope): Promise<SessionRecord[]> {
    const found: SessionRecord[] = [];
    for await (const piece of this.pieces(only)) found.push(...piece);
    return found.sort(byPlace);
  }

  async *#rows(first: number, lists: readonly RecordListOptions[]): AsyncGenerator<readonly StoredRecord[]> {
    const least = Math.ceil(first / lists.length);
    const sources = lists.map((only) => ({ only, rows: [] as StoredRecord[], limit: least, isOver: false }));
    for (let last = ''; ; ) {
      const isOut = ({ rows, isOver }: (typeof sources)[number]) => rows.length === 0 && !isOver;
      const refill = async (source: (typeof sources)[number]) => {
        source.rows = await this.deps.records.list('session', { ...source.only, limit: source.limit });
        source.isOver = source.rows.length < source.limit;
        source.limit = lists.length === 1 ? maxAtOnce : Math.min(2 * source.limit, maxAtOnce);
        const end = source.rows.at(-1);
        if (end) source.only = { ...source.only, after: placeOf(end) };
      };
      await Promise.all(sources.filter(isOut).map(refill));
      const page: StoredRecord[] = [];
      while (!sources.some(isOut)) {
        const next = findFirst(sources)?.rows.shift();
        if (!next) break;
        if (next.id !== last) page.push(next); // a session can be in two lists: its owner's and its project's
        last = next.id;
      }
      if (page.length > 0) yield page;
      if (!sources.some(isOut)) return;
      await waitForNextLoopTurn();
    }
  }

  async #chosen(
    among: ReadonlySet<string>,
    { keep, limit, place }: Pick<SessionListQuery, 'keep' | 'limit'> & { readonly place: RecordListOptions['after'] },
  ): Promise<SessionRecord[]> {
    const found = await Promise.all([...among].map((id) => this.deps.records.get('session', id)));
    const sessions = found.flatMap((row) => (row ? [parsed(row)] : [])).filter(({ deleting }) => !deleting);
    return this.#first(sessions, { keep, limit, after: place && { latestMessageAt: place.sort, id: place.id } });
  }

  #first(sessions: readonly SessionRecord[], { keep, limit, after }: ListPart): SessionRecord[] {
    const isBehind = (one: SessionRecord) =>
      !after ||
      one.latestMessageAt < after.latestMessageAt ||
      (one.latestMessageAt === after.latestMessageAt && one.id > after.id);
    return sessions.filter(isBehind).filter(keep).sort(byPlace).slice(0, limit);
  }
}

function whichOf({
  owner,
  projects = [],
  projectId,
  status,
}: SessionListScope & Pick<SessionListQuery, 'status'>): RecordListOptions[] {
  const state = status && { state: status };
  if (owner !== undefined) return [{ owner, ...state }, ...projects.map((parent) => ({ parent, ...state }))];
  return [{ ...(projectId !== undefined && { parent: projectId }), ...state }];
}
function findFirst<Source extends { readonly rows: readonly StoredRecord[] }>(sources: readonly Source[]) {
  let found: Source | undefined;
  for (const source of sources) {
    const [row, first] = [source.rows[0], found?.rows[0]];
    if (row && (!first || byPlace(row.doc as SessionRecord, first.doc as SessionRecord) < 0)) found = source;
  }
  return found;
}
const byPlace = (one: SessionRecord, other: SessionRecord): number =>
  other.latestMessageAt - one.latestMessageAt || (one.id < other.id ? -1 : 1);
const placeOf = ({ id, doc }: StoredRecord) => ({ sort: (doc as SessionRecord).latestMessageAt, id });
const parsed = ({ doc }: StoredRecord): SessionRecord => toPublicRecord(StoredSession.parse(doc));

/** Maximum number of unread changes. Beyond it, the watcher is evicted with queue_full. */
const maxWaiting = 10_000;

interface Watcher {
  /** A slow watcher misses intermediate states, but never the last one. */
  readonly waiting: Map<SessionId, SessionListChange>;
  wake: () => void;
}

export class SessionChangeFeed {
  readonly #watchers = new Set<Watcher>();

  tell(news: SessionListChange): void {
    for (const { waiting, wake } of this.#watchers) {
      if (waiting.size <= maxWaiting) waiting.set(news.session.id, news);
      wake();
    }
  }

  /** Yields every session from `list` as `changed`, then changes as they occur. Rejects: queue_full. */
  async *watch(list: () => Promise<readonly SessionRecord[]>, signal: AbortSignal): AsyncGenerator<SessionListChange> {
    const watcher: Watcher = { waiting: new Map(), wake: () => {} };
    const wake = () => watcher.wake();
    signal.addEventListener('abort', wake, { once: true });
    this.#watchers.add(watcher); // before the list is read, so that no change is missed
    try {
      for (const session of await list()) {
        if (!watcher.waiting.has(session.id)) yield { type: 'changed', session };
        if (signal.aborted) return;
      }
      while (!signal.aborted) {
        if (watcher.waiting.size > maxWaiting)
          throw new AppError('queue_full', 'Too many changes are unread. Watch again.');
        const [next] = watcher.waiting;
        if (next) {
          watcher.waiting.delete(next[0]);
          yield next[1];
          continue;
        }
        await new Promise<void>((resolve) => {
          watcher.wake = resolve;
        });
      }
    } finally {
      this.#watchers.delete(watcher);
      signal.removeEventListener('abort', wake);
    }
  }
}

interface Options extends Pick<ServerDependencies, 'clock' | 'records'> {
  readonly changed: (record: StoredSession) => void;
  readonly deleted: (record: StoredSession) => void;
}
const everyMs = 1_000;
const share = 20; // limits reads to 5% of the time

export class SessionListPoller extends ServerComponent<Options> {
  #watchers = 0;
  #stop = new AbortController();

  watch(): Disposable {
    this.#watchers += 1;
    if (this.#watchers === 1) {
      this.#stop = new AbortController();
      void this.#run(this.#stop.signal);
    }
    return {
      [Symbol.dispose]: () => {
        this.#watchers -= 1;
        if (this.#watchers === 0) this.#stop.abort();
      },
    };
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { records, clock } = this.deps;
    const news = new RecordWatcher(records, 'session');
    const known = new Map<string, StoredSession>();
    let isFirst = true;
    const round = async () => {
      const since = clock.now();
      this.#look(await news.next(), { known, isFirst });
      isFirst = false;
      return Math.max(everyMs, share * (clock.now() - since));
    };
    await runWorkLoop(round, { clock, failedMs: everyMs }, signal);
  }

  #look(
    { changed, gone }: Awaited<ReturnType<RecordWatcher['next']>>,
    { known, isFirst }: { readonly known: Map<string, StoredSession>; readonly isFirst: boolean },
  ): void {
    const removed = new Set(gone);
    for (const { id, doc } of changed) {
      const record = StoredSession.parse(doc);
      if (record.deleting) removed.add(id);
      else if (known.set(id, record) && !isFirst) this.deps.changed(record);
    }
    for (const id of removed) {
      const record = known.get(id);
      if (record && known.delete(id)) this.deps.deleted(record);
    }
  }
}
