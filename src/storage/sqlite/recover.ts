import { copyFileSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AppError } from '../../core/errors/errors.ts';
import { checkIntegrity, lockStore, openDatabaseForWriting } from './database.ts';
import { toStoreError } from './errors.ts';
import { toIndexColumns } from './schema.ts';

export interface RecoveryReport {
  /** Path of the damaged file, which was renamed but otherwise left unchanged. Undefined if nothing was damaged. */
  readonly kept: string | undefined;
  readonly events: number;
  readonly records: number;
  /** Number of sessions that lost events. The readers of these sessions get a resync. */
  readonly gaps: number;
}

interface Table {
  readonly name: string;
  readonly key: string;
  /** A row is skipped if its JSON in one of these columns is damaged. */
  readonly json: readonly string[];
}
const tables: readonly Table[] = [
  { name: 'record', key: 'id, kind', json: ['doc'] },
  { name: 'event', key: 'session, seq', json: ['fact'] },
  { name: 'mark', key: 'session', json: [] },
  { name: 'inbox', key: 'key', json: [] },
  { name: 'lease', key: 'name', json: [] },
  { name: 'command', key: 'rowid', json: ['body'] },
];

/**
 * Replaces a damaged file with its readable part, and keeps the damaged file in the same folder. Throws: store_busy,
 * file_not_found, unsupported (a newer version wrote the file), store_corrupt (nothing is readable), store_unavailable.
 */
export function recoverDatabase(path: string, now: number): RecoveryReport {
  if (!existsSync(path)) throw new AppError('file_not_found', `There is no store ${path}.`);
  using stack = new DisposableStack();
  stack.use(lockStore(path, now));
  if (isSound(path)) return { kept: undefined, events: 0, records: 0, gaps: 0 };
  const folder = stack.adopt(mkdtempSync(join(dirname(path), '.recovering-')), (it) =>
    rmSync(it, { recursive: true, force: true }),
  );
  const [copy, fresh] = [join(folder, basename(path)), join(folder, 'recovered.db')];
  for (const end of ['', '-wal']) if (existsSync(path + end)) copyFileSync(path + end, copy + end);
  const found = salvage(copy, fresh, now);
  const kept = `${path}.damaged-${new Date(now).toISOString().replaceAll(/[:.]/g, '-')}`;
  for (const end of ['', '-wal', '-shm']) if (existsSync(path + end)) renameSync(path + end, kept + end);
  renameSync(fresh, path);
  return { ...found, kept };
}

function isSound(path: string): boolean {
  try {
    checkIntegrity(path, Number.POSITIVE_INFINITY);
    return true;
  } catch (thrown) {
    const error = toStoreError(thrown, path);
    if (error.code === 'store_corrupt') return false;
    throw error;
  }
}

function salvage(copy: string, fresh: string, now: number): Omit<RecoveryReport, 'kept'> {
  using stack = new DisposableStack();
  const from = stack.adopt(new DatabaseSync(copy), (it) => it.close());
  const { db: to } = stack.use(openDatabaseForWriting({ path: fresh, synchronous: 'full', busyTimeoutMs: 1_000 }, now));
  try {
    from.prepare('SELECT count(*) FROM sqlite_schema').get();
  } catch (cause) {
    const text = `Nothing in ${basename(copy)} can be read: put a backup in its place. It was not changed.`;
    throw new AppError('store_corrupt', text, { cause });
  }
  to.exec('BEGIN');
  for (const table of tables) rescue(from, to, table);
  const gaps = markGaps(to);
  to.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE');
  const count = (table: string) => Number(to.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n);
  return { events: count('event'), records: count('record'), gaps };
}

/** Reads from both ends up to the damage, in the whole table and in each session. */
function rescue(from: DatabaseSync, to: DatabaseSync, { name, key, json }: Table): void {
  const down = key
    .split(', ')
    .map((column) => `${column} DESC`)
    .join(', ');
  const wholes = [key, down].map((order) => ({ sql: `SELECT * FROM ${name} ORDER BY ${order}`, args: [] as string[] }));
  const sessions = name === 'event' ? to.prepare(`SELECT id FROM record WHERE kind = 'session'`).all() : [];
  const parts = sessions.flatMap(({ id }) =>
    ['seq', 'seq DESC'].map((order) => ({
      sql: `SELECT * FROM event WHERE session = ? ORDER BY ${order}`,
      args: [String(id)],
    })),
  );
  for (const { sql, args } of [...wholes, ...parts]) {
    try {
      for (const row of from.prepare(sql).iterate(...args)) {
        if (!json.every((column) => isJson(row[column]))) continue;
        if (name === 'record') Object.assign(row, toIndexColumns(String(row.kind), JSON.parse(String(row.doc))));
        const columns = Object.keys(row);
        const places = columns.map(() => '?').join(', ');
        to.prepare(`INSERT OR IGNORE INTO ${name} (${columns.join(', ')}) VALUES (${places})`).run(
          ...Object.values(row),
        );
      }
    } catch {
      // reached the damage
    }
  }
}

function isJson(text: unknown): boolean {
  try {
    JSON.parse(String(text));
    return true;
  } catch {
    return false;
  }
}

/** Marks gaps that compaction did not create, so that subscribers reload. */
function markGaps(db: DatabaseSync): number {
  const holes = db
    .prepare(`
      SELECT session, max(seq) - 1 AS upTo FROM (
        SELECT session, seq, lag(seq, 1, 0) OVER (PARTITION BY session ORDER BY seq) AS before FROM event
      ) WHERE seq > before + 1 GROUP BY session
    `)
    .all();
  const mark = db.prepare(`
    INSERT INTO mark (session, thinned, trimmed) VALUES (?1, ?2, ?2) ON CONFLICT DO UPDATE SET
    thinned = max(thinned, ?2), trimmed = max(trimmed, ?2) WHERE thinned < ?2
  `);
  let gaps = 0;
  for (const { session, upTo } of holes) gaps += Number(mark.run(String(session), Number(upTo)).changes);
  // Records must not refer to missing events.
  const ahead = db.prepare(`
    UPDATE record SET doc = json_set(doc, '$.lastSeq', coalesce((SELECT max(seq) FROM event WHERE session = id), 0))
    WHERE kind = 'session' AND json_extract(doc, '$.lastSeq') > coalesce((SELECT max(seq) FROM event WHERE session = id), 0)
  `);
  return gaps + Number(ahead.run().changes);
}
