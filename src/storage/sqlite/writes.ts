import type { DatabaseSync } from 'node:sqlite';
import type { IdempotencyClaimResult, Lease } from '../../core/contracts/ports.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { CommandRow, PutRow } from './reads.ts';

export type StoredIdempotencyClaim =
  | Exclude<IdempotencyClaimResult, { kind: 'done' }>
  | { kind: 'done'; answer: string };

export type WriteOperations = ReturnType<typeof createWriteOperations>;

/** Each operation runs within its caller's transaction. */
export function createWriteOperations(db: DatabaseSync) {
  return {
    ...eventWrites(db),
    ...recordWrites(db),
    ...inboxWrites(db),
    ...leaseWrites(db),
    ...commandWrites(db),
    ping: () => {},
  };
}

function eventWrites(db: DatabaseSync) {
  const headOf = db.prepare('SELECT max(seq) AS head FROM event WHERE session = ?');
  const insert = db.prepare('INSERT INTO event (session, seq, type, at, fact) VALUES (?, ?, ?, ?, ?)');
  const insertNew = db.prepare(
    'INSERT INTO event (session, seq, type, at, fact) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const { replace } = recordStatements(db);
  const nth = (also: string) =>
    db.prepare(`SELECT seq FROM event WHERE session = ? ${also} ORDER BY seq DESC LIMIT 1 OFFSET ?`);
  const drop = (also: string) => db.prepare(`DELETE FROM event WHERE session = ? AND seq <= ? ${also}`);
  const ofDroppable = 'AND type IN (SELECT value FROM json_each(?))';
  const [thinnedTo, trimmedTo, thin, trim] = [nth(ofDroppable), nth(''), drop(ofDroppable), drop('')];
  const mark = db.prepare(`
    INSERT INTO mark (session, thinned, trimmed) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET
    thinned = max(thinned, excluded.thinned), trimmed = max(trimmed, excluded.trimmed)
  `);
  const forget = ['event', 'mark'].map((table) => db.prepare(`DELETE FROM ${table} WHERE session = ?`));
  const forgetRecords = db.prepare(`DELETE FROM record WHERE id = ?1 OR (id >= ?1 || ':' AND id < ?1 || ';')`);

  return {
    /** `rows`: type and JSON of each fact in turn. */
    append(session: string, after: number, at: number, rows: readonly string[], puts: readonly PutRow[]): number {
      let seq = Number(headOf.get(session)?.head ?? 0);
      if (seq !== after) throw fenced(after, seq);
      for (let n = 0; n < rows.length; n += 2) insert.run(session, ++seq, rows[n] ?? '', at, rows[n + 1] ?? '');
      for (const put of puts) replace.run(...put);
      return seq;
    },
    /** `types`: JSON list of droppable types. */
    compact(session: string, types: string, keepDroppable: number, keepAll: number): void {
      // Keeps the newest event, because it determines the head.
      const trimmed = Number(trimmedTo?.get(session, Math.max(1, keepAll))?.seq ?? 0);
      if (trimmed > 0) trim?.run(session, trimmed);
      const thinned = Math.max(trimmed, Number(thinnedTo?.get(session, types, Math.max(1, keepDroppable))?.seq ?? 0));
      if (thinned > trimmed) thin?.run(session, thinned, types);
      if (thinned > 0) mark.run(session, thinned, trimmed);
    },
    /** `rows`: seq, type, time and JSON of each event in turn. */
    restore(session: string, rows: readonly (string | number)[], thinned: number, trimmed: number): void {
      for (let n = 0; n < rows.length; n += 4) {
        const [seq = 0, type = '', at = 0, fact = ''] = rows.slice(n, n + 4);
        insertNew.run(session, seq, type, at, fact);
      }
      if (thinned > 0 || trimmed > 0) mark.run(session, thinned, trimmed);
    },
    erase(session: string): void {
      for (const statement of forget) statement.run(session);
      forgetRecords.run(session);
    },
  };
}

const fenced = (after: number, head: number) =>
  new AppError('fenced', `Another writer appended first: the log ends at ${head}, not at ${after}.`);

function recordStatements(db: DatabaseSync) {
  return {
    replace: db.prepare(`
      INSERT INTO record (kind, id, version, doc, sort, owner, shared, state, name, parent, copied, title)
      VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (id, kind) DO UPDATE SET version = version + 1, doc = excluded.doc, sort = excluded.sort,
        owner = excluded.owner, shared = excluded.shared, state = excluded.state, name = excluded.name, parent = excluded.parent,
        copied = excluded.copied, title = excluded.title
      RETURNING version
    `),
    nameHolder: db.prepare('SELECT id FROM record WHERE kind = ? AND name = ?'),
    versionOf: db.prepare('SELECT version FROM record WHERE id = ? AND kind = ?'),
    remove: db.prepare('DELETE FROM record WHERE id = ? AND kind = ? AND version = ifnull(?, version)'),
  };
}

function recordWrites(db: DatabaseSync) {
  const { replace, nameHolder, versionOf, remove } = recordStatements(db);
  return {
    put(put: PutRow, expect: number | undefined): number {
      const [kind, id, , , , , , name] = put;
      const version = Number(versionOf.get(id, kind)?.version ?? 0);
      if (expect !== undefined && expect !== version)
        throw new AppError('conflict', 'The record was changed in the meantime.');
      const holder = name === null ? undefined : nameHolder.get(kind, name);
      if (holder && holder.id !== id) throw new AppError('conflict', 'Another record has this name.');
      return Number(replace.get(...put)?.version);
    },
    delete: (kind: string, id: string, expect: number | undefined): void => void remove.run(id, kind, expect ?? null),
  };
}

function inboxWrites(db: DatabaseSync) {
  const find = db.prepare('SELECT hash, answer FROM inbox WHERE key = ?');
  const insert = db.prepare('INSERT INTO inbox (key, hash, at) VALUES (?, ?, ?)');
  const answer = db.prepare('UPDATE inbox SET answer = ? WHERE key = ?');
  const release = db.prepare('DELETE FROM inbox WHERE key = ? AND answer IS NULL');
  const expire = db.prepare('DELETE FROM inbox WHERE at < ?');
  return {
    claim(key: string, hash: string, at: number): StoredIdempotencyClaim {
      const found = find.get(key);
      if (!found) insert.run(key, hash, at);
      if (!found) return { kind: 'new' };
      if (found.hash !== hash) return { kind: 'conflict' };
      return found.answer === null ? { kind: 'pending' } : { kind: 'done', answer: String(found.answer) };
    },
    answer: (key: string, json: string): void => void answer.run(json, key),
    release: (key: string): void => void release.run(key),
    expire: (before: number): number => Number(expire.run(before).changes),
  };
}

function leaseWrites(db: DatabaseSync) {
  const find = db.prepare('SELECT holder, epoch, expires_at FROM lease WHERE name = ?');
  const put = db.prepare('INSERT OR REPLACE INTO lease (name, holder, epoch, expires_at) VALUES (?, ?, ?, ?)');
  const prolong = db.prepare('UPDATE lease SET expires_at = ? WHERE name = ? AND holder = ? RETURNING epoch');
  // Keeps the row, because the epoch must increase for the next holder too.
  const letGo = db.prepare(`UPDATE lease SET holder = '', expires_at = 0 WHERE name = ? AND holder = ?`);
  return {
    acquire(name: string, holder: string, now: number, ttlMs: number): Lease | undefined {
      const found = find.get(name);
      const mine = found?.holder === holder;
      if (found && !mine && Number(found.expires_at) > now) return undefined;
      const epoch = Number(found?.epoch ?? 0) + (mine ? 0 : 1);
      put.run(name, holder, epoch, now + ttlMs);
      return { name, holder, epoch, expiresAt: now + ttlMs };
    },
    renew: (names: readonly string[], holder: string, expiresAt: number): [string, number][] =>
      names.flatMap((name) => {
        const found = prolong.get(expiresAt, name, holder);
        return found ? [[name, Number(found.epoch)] as [string, number]] : [];
      }),
    letGo: (name: string, holder: string): void => void letGo.run(name, holder),
  };
}

function commandWrites(db: DatabaseSync) {
  const post = db.prepare(
    'INSERT INTO command (id, session, name, body, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
  );
  // A completed command loses its body, because the log has everything worth keeping.
  const answer = db.prepare(`UPDATE command SET answer = ?, body = 'null' WHERE id = ? AND answer IS NULL`);
  const expire = db.prepare('DELETE FROM command WHERE at < ?');
  return {
    post: (...row: CommandRow): void => void post.run(...row),
    answerCommand: (id: string, json: string): void => void answer.run(json, id),
    expireCommands: (before: number): number => Number(expire.run(before).changes),
  };
}
