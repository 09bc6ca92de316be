import type { SessionId } from '../../src/core/ids.ts';
import { newSession } from '../../src/session/run/log/projection.ts';
import type { Corral } from './corral.ts';

/** A session as `create` stores it, without starting a sandbox. */
export async function addSession({ store, ids }: Pick<Corral, 'store' | 'ids'>): Promise<SessionId> {
  const id = ids.sessionId();
  const at = Date.now();
  const given = { id, origin: 'sheikhbox', template: 'default', title: '', projectId: null, lastTask: '', at } as const;
  const doc = { ...newSession(given), lastSeq: 1 };
  await store.events.append({
    ...{ sessionId: id, after: 0, at },
    facts: [{ type: 'session.created', runId: null, data: { origin: 'sheikhbox', template: 'default' } }],
    puts: [{ kind: 'session', id, doc, sort: at }],
  });
  return id;
}
