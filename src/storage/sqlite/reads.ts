import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Lease, RecordListOptions, UsageGroupKey } from '../../core/contracts/ports.ts';
import { unindexedEventTypes } from './schema.ts';

/** `events` is JSON text, parsed once per page. */
export type EventPageRow = readonly [events: string, head: number, thinned: number, trimmed: number];
export type RecordRow = readonly [id: string, doc: string, version: number];

export type PutRow = readonly [
  ...[kind: string, id: string, doc: string, sort: number],
  ...[owner: string | null, shared: 0 | 1, state: string | null, name: string | null, parent: string | null],
  ...[copied: number | null, title: string | null],
];
/** A negative limit means no limit. */
type RecordListQuery = RecordListOptions & { readonly kind: string; readonly limit: number };
type Only = Pick<RecordListQuery, 'owner' | 'shared' | 'state' | 'parent'>;

export type ReadOperations = ReturnType<typeof createReadOperations>;

/** A page ends once it has more characters than this. */
const pageChars = 4 * 1024 * 1024;
/** A search chunk ends after this many ms, because writes wait while it runs. */
const pieceMs = 5;
const rowsAtOnce = { few: 8, many: 128, slowMs: 3 };
/** Maximum usage events or titles per request. A request takes a few milliseconds. */
const usageAtOnce = 2_000;
const titlesAtOnce = 10_000;
/** `next`: start of the next chunk, or null after the last one. */
export type SearchChunk<Place> = readonly [found: string[], next: Place | null];
export type EventPosition = readonly [session: string, seq: number];
/** `sums` is JSON. `next` as in `SearchChunk`. */
export type UsageChunk = readonly [sums: string, next: number | null];

const lastPlace: EventPosition = ['\u{10ffff}', 0];

/** SQLite uses the index only if the query repeats its condition on types. */
export const newestOfTypeQuery = `
  SELECT seq FROM event INDEXED BY event_type WHERE session = ?1 AND type = ?2
    AND type NOT IN (${unindexedEventTypes.map((type) => `'${type}'`).join(', ')})
  ORDER BY seq DESC LIMIT 1
`;

/** `now`: monotonic, in milliseconds. */
export function createReadOperations(db: DatabaseSync, now: () => number = () => performance.now()) {
  return { ...eventReads(db, now), ...recordReads(db), ...queueReads(db), ping: () => {} };
}

const messagesAfter = 'FROM message WHERE (session, seq) > (?1, ?2)';
export const messageChunkEndQuery = `SELECT session, seq ${messagesAfter} ORDER BY session, seq LIMIT 1 OFFSET ?3`;

const keyColumns: Readonly<Record<UsageGroupKey, string>> = {
  owner: "coalesce(record.owner, '')",
  project: "coalesce(record.parent, '')",
  session: 'session',
  model: 'model',
  day: "date(at / 1000, 'unixepoch')",
};
const usageKeys = Object.keys(keyColumns) as UsageGroupKey[];

/** Skips a fork's copied events. CROSS JOIN makes the events the outer loop. */
export const buildUsageSumsQuery = (keys: readonly UsageGroupKey[]) => `
  SELECT json_object(
    ${usageKeys.map((key) => `'${key}', ${keys.includes(key) ? keyColumns[key] : "''"}`).join(', ')},
    'turns', count(*), 'inputTokens', sum(input), 'cachedTokens', sum(coalesce(cached, 0)),
    'outputTokens', sum(output), 'cost', sum(coalesce(cost, 0)), 'unpriced', sum(cost IS NULL)
  ) AS sums
  FROM usage CROSS JOIN record INDEXED BY record_usage ON record.id = session AND record.kind = 'session'
  WHERE at >= ? AND at < ? AND record.state IS NOT 'deleting' AND seq > coalesce(record.copied, 0)
  GROUP BY ${keys.map((key) => (key === 'day' ? 'at / 86400000' : keyColumns[key]))}
`;

const escapeWildcards = (text: string) => text.replace(/[\\%_]/g, '\\$&');
const patternOf = (text: string): string => `%${escapeWildcards(text)}%`;

/**
 * Matches every string that contains the search text in any case, and some others. LIKE ignores case only for ASCII
 * letters, but some non-ASCII letters have lowercase forms with an ASCII k or i.
 */
const likelyPattern = (text: string): string =>
  patternOf(text)
    .replace(/[^\0-\x7f]+/g, '%')
    .replace(/k|i(?=%|$)/gi, '_');

function eventReads(db: DatabaseSync, now: () => number) {
  const headOf = db.prepare('SELECT max(seq) AS head FROM event WHERE session = ?');
  const marksOf = db.prepare('SELECT thinned, trimmed FROM mark WHERE session = ?');
  const select = db.prepare('SELECT seq, at, fact FROM event WHERE session = ? AND seq > ? ORDER BY seq LIMIT ?');
  const last = db.prepare(newestOfTypeQuery);
  const lastUnindexed = db.prepare('SELECT seq FROM event WHERE session = ? AND type = ? ORDER BY seq DESC LIMIT 1');

  const placeAhead = db.prepare(messageChunkEndQuery);
  // Without the plus, SQLite recompiles the statement for each pattern.
  const search = db.prepare(
    `SELECT DISTINCT session ${messagesAfter} AND (session, seq) <= (?3, ?4) AND text LIKE +?5 ESCAPE '\\'`,
  );

  const usageAhead = db.prepare('SELECT at FROM usage WHERE at >= ? AND at < ? ORDER BY at LIMIT 1 OFFSET ?');
  const usage = new Map<string, StatementSync>();
  function usageBy(keys: readonly UsageGroupKey[]): StatementSync {
    const text = buildUsageSumsQuery(keys);
    const prepared = usage.get(text) ?? db.prepare(text);
    usage.set(text, prepared);
    return prepared;
  }

  function eventsAfter(session: string, after: number, limit: number): string {
    const events: string[] = [];
    const id = JSON.stringify(session);
    let chars = 0;
    for (const row of select.iterate(session, after, limit)) {
      const fact = String(row.fact);
      events.push(`{"seq":${row.seq},"sessionId":${id},"ts":${row.at},${fact.slice(1)}`);
      chars += fact.length;
      if (chars > pageChars) break;
    }
    return `[${events.join(',')}]`;
  }

  return {
    page(session: string, after: number, limit: number): EventPageRow {
      const head = Number(headOf.get(session)?.head ?? 0);
      const marks = marksOf.get(session);
      const events = after < head ? eventsAfter(session, after, limit) : '[]';
      return [events, head, Number(marks?.thinned ?? 0), Number(marks?.trimmed ?? 0)];
    },
    findLastSeq: (session: string, type: string): number =>
      Number((unindexedEventTypes.includes(type) ? lastUnindexed : last).get(session, type)?.seq ?? 0),
    searchIn: (text: string, among: readonly string[]): string[] =>
      among.filter((id) => search.get(id, 0, id, Number.MAX_SAFE_INTEGER, patternOf(text))),
    /** Lists each session once. After a match, the search continues with the next session. */
    search(text: string, from: EventPosition): SearchChunk<EventPosition> {
      const found = new Set<string>();
      const pattern = patternOf(text);
      const begun = now();
      for (let [place, rows, at] = [from, rowsAtOnce.many, begun]; ; ) {
        const ahead = placeAhead.get(...place, rows - 1);
        const to: EventPosition = ahead ? [String(ahead.session), Number(ahead.seq)] : lastPlace;
        for (const { session } of search.iterate(...place, ...to, pattern)) found.add(String(session));
        if (!ahead) return [[...found], null];
        place = found.has(to[0]) ? [to[0], Number.MAX_SAFE_INTEGER] : to;
        const [before, after] = [at, now()];
        if (after - begun >= pieceMs) return [[...found], place];
        rows = after - before >= rowsAtOnce.slowMs ? rowsAtOnce.few : Math.min(2 * rows, rowsAtOnce.many);
        at = after;
      }
    },
    usage(from: number, to: number, by: readonly UsageGroupKey[]): UsageChunk {
      const last = usageAhead.get(from, to, usageAtOnce - 1);
      const end = last ? Number(last.at) + 1 : to;
      const rows = usageBy(by).all(from, end);
      return [`[${rows.map(({ sums }) => sums).join(',')}]`, last ? end : null];
    },
    heads: (sessions: readonly string[]): number[] => sessions.map((id) => Number(headOf.get(id)?.head ?? 0)),
  };
}

const titlesAfter = "FROM record INDEXED BY record_usage WHERE kind = 'session' AND id > ?1";
export const titleChunkEndQuery = `SELECT id ${titlesAfter} ORDER BY id LIMIT 1 OFFSET ?2`;

/** The unary plus keeps SQLite from scanning all records of the kind in order. */
const idsByPrefix = 'id >= ?2 AND id < ?2 || char(1114111) AND +kind = ?1';
export const recordsByPrefixQuery = `
  SELECT id, doc, version FROM record WHERE ${idsByPrefix} ORDER BY +sort DESC, id LIMIT ?3
`;

/** Each condition has an index that returns the rows already sorted. */
export const recordSetConditions = {
  kind: 'kind = :kind',
  owner: 'kind = :kind AND owner = :owner',
  unowned: 'kind = :kind AND owner IS NULL',
  shared: 'kind = :kind AND shared = 1',
  state: 'kind = :kind AND state = :state',
  parent: 'kind = :kind AND parent = :parent',
  ownerState: 'kind = :kind AND owner = :owner AND state = :state',
  parentState: 'kind = :kind AND parent = :parent AND state = :state',
} as const;
type RecordSet = keyof typeof recordSetConditions;
const setOf = ({ owner, shared, state, parent }: Only): RecordSet => {
  if (parent !== undefined) return state === undefined ? 'parent' : 'parentState';
  if (state !== undefined) return owner == null ? 'state' : 'ownerState';
  if (shared) return 'shared';
  if (owner === undefined) return 'kind';
  return owner === null ? 'unowned' : 'owner';
};
export const buildRecordStatements = (set: RecordSet) => ({
  first: `SELECT id, doc, version FROM record WHERE ${recordSetConditions[set]} ORDER BY sort DESC, id LIMIT :limit`,
  // An OR of both ranges would read all rows.
  behind: `
    SELECT id, doc, version FROM (
      SELECT * FROM (SELECT id, doc, version, sort FROM record WHERE ${recordSetConditions[set]} AND sort = :sort AND id > :id
        ORDER BY id LIMIT :limit)
      UNION ALL
      SELECT * FROM (SELECT id, doc, version, sort FROM record WHERE ${recordSetConditions[set]} AND sort < :sort
        ORDER BY sort DESC, id LIMIT :limit)
    ) ORDER BY sort DESC, id LIMIT :limit
  `,
  count: `SELECT count(*) AS n FROM record WHERE ${recordSetConditions[set]}`,
});

function recordReads(db: DatabaseSync) {
  const get = db.prepare('SELECT id, doc, version FROM record WHERE id = ? AND kind = ?');
  const prepared = (set: RecordSet) => {
    const { first, behind, count } = buildRecordStatements(set);
    return { first: db.prepare(first), behind: db.prepare(behind), count: db.prepare(count) };
  };
  const sets = Object.fromEntries(
    Object.keys(recordSetConditions).map((set) => [set, prepared(set as RecordSet)]),
  ) as Record<RecordSet, ReturnType<typeof prepared>>;
  const whichOf = ({ owner, state, parent }: Only) => ({
    ...(owner != null && { owner }),
    ...(state !== undefined && { state }),
    ...(parent !== undefined && { parent }),
  });
  const belonging = db.prepare(`
    SELECT kind, id, doc, sort FROM record WHERE id = ?1 OR (id >= ?1 || ':' AND id < ?1 || ';') ORDER BY id, kind
  `);
  const withPrefix = db.prepare(recordsByPrefixQuery);
  const titleAhead = db.prepare(titleChunkEndQuery);
  const likelyTitles = db.prepare(`SELECT id, title ${titlesAfter} AND id <= ?2 AND title LIKE +?3 ESCAPE '\\'`);
  const row = (found: Record<string, unknown>): RecordRow => [
    String(found.id),
    String(found.doc),
    Number(found.version),
  ];
  return {
    get(kind: string, id: string): RecordRow | undefined {
      const found = get.get(id, kind);
      return found && row(found);
    },
    count: (kind: string, only: Only): number => Number(sets[setOf(only)].count.get({ kind, ...whichOf(only) })?.n),
    belonging: (session: string): [kind: string, id: string, doc: string, sort: number][] =>
      belonging.all(session).map((it) => [String(it.kind), String(it.id), String(it.doc), Number(it.sort)]),
    searchTitles(text: string, from: string): SearchChunk<string> {
      const target = text.toLowerCase();
      const to = titleAhead.get(from, titlesAtOnce - 1)?.id;
      const found = likelyTitles
        .all(from, to ?? lastPlace[0], likelyPattern(text))
        .filter(({ title }) => String(title).toLowerCase().includes(target))
        .map(({ id }) => String(id));
      return [found, to === undefined ? null : String(to)];
    },
    list({ kind, limit, idPrefix, after, ...only }: RecordListQuery): RecordRow[] {
      if (idPrefix) return withPrefix.all(kind, idPrefix, limit).map(row);
      const { first, behind } = sets[setOf(only)];
      const which = { kind, limit, ...whichOf(only) };
      const found = after ? behind.all({ ...which, ...after }) : first.all(which);
      return found.map(row);
    },
  };
}

export type CommandRow = readonly [id: string, session: string, name: string, body: string, at: number];

function queueReads(db: DatabaseSync) {
  const holder = db.prepare('SELECT holder, epoch, expires_at FROM lease WHERE name = ?');
  const pending = db.prepare(`
    SELECT id, session, name, body, at FROM command WHERE answer IS NULL AND session IN (SELECT value FROM json_each(?))
    ORDER BY at, rowid LIMIT ?
  `);
  const waiting = db.prepare(`
    SELECT session FROM command WHERE answer IS NULL AND at < ? GROUP BY session ORDER BY min(at), min(rowid) LIMIT ?
  `);
  const answer = db.prepare('SELECT answer FROM command WHERE id = ? AND answer IS NOT NULL');
  return {
    lease(name: string): Lease | undefined {
      const found = holder.get(name);
      if (!found) return undefined;
      const [epoch, expiresAt] = [Number(found.epoch), Number(found.expires_at)];
      return { name, holder: String(found.holder), epoch, expiresAt };
    },
    pending: (sessions: readonly string[], limit: number): CommandRow[] =>
      pending
        .all(JSON.stringify(sessions), limit)
        .map((it) => [String(it.id), String(it.session), String(it.name), String(it.body), Number(it.at)]),
    waiting: (before: number, limit: number): string[] => waiting.all(before, limit).map((it) => String(it.session)),
    answers: (ids: readonly string[]): [id: string, answer: string][] =>
      ids.flatMap((id) => {
        const found = answer.get(id);
        return found ? [[id, String(found.answer)] as [string, string]] : [];
      }),
  };
}
