import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { randomIds, type SessionId } from '../../../src/core/model/ids.ts';
import { newSession } from '../../../src/sessions/run/log/projection.ts';
import { sqliteStore } from '../../../src/storage/sqlite/store.ts';
import type { Corral } from './corral.ts';

/** A session as `create` stores it, without starting a sandbox. */
export async function addSession({ store, ids }: Pick<Corral, 'store' | 'ids'>): Promise<SessionId> {
  const id = ids.sessionId();
  const at = Date.now();
  const given = { id, origin: 'sheikhbox', template: 'default', title: '', projectId: null, lastTask: '', at } as const;
  const doc = { ...newSession(given), lastSeq: 1 };
  await store.events.append({
    sessionId: id,
    after: 0,
    at,
    facts: [{ type: 'session.created', runId: null, data: { origin: 'sheikhbox', template: 'default' } }],
    puts: [{ kind: 'session', id, doc, sort: at }],
  });
  return id;
}

const atOnce = 100;

/** Stores sessions before a server starts, as an earlier one would have left them: without sandboxes. */
export async function storeSessions(dataDir: string, count: number): Promise<SessionId[]> {
  await mkdir(dataDir, { mode: 0o700 });
  await using store = await sqliteStore({ path: join(dataDir, 'corral.db') });
  const ids = randomIds();
  const made: SessionId[] = [];
  for (let n = 0; n < count; n += atOnce) {
    const some = Array.from({ length: Math.min(atOnce, count - n) }, () => addSession({ store, ids }));
    made.push(...(await Promise.all(some)));
  }
  return made;
}
