import type { z } from 'zod';
import type { SessionId } from '../../src/core/ids.ts';
import { StoredSession } from '../../src/session/projection.ts';
import type { Corral } from './corral.ts';

/** A session as `create` leaves it, but for its sandbox, which nobody starts. */
export async function addSession({ log, ids }: Pick<Corral, 'log' | 'ids'>): Promise<SessionId> {
  const id = ids.sessionId();
  const at = Date.now();
  const doc: z.input<typeof StoredSession> = {
    ...{ id, origin: 'sheikhbox', template: 'default', title: '', titleBy: null, projectId: null, status: 'pending' },
    ...{ createdAt: at, updatedAt: at, lastTask: '', latestMessage: '', latestMessageAt: at, unread: 0, lastSeq: 1 },
    ...{ sandboxState: 'created', deleting: false, openRuns: [] },
  };
  await log.append({
    ...{ sessionId: id, after: 0, at },
    facts: [{ type: 'session.created', runId: null, data: { origin: 'sheikhbox', template: 'default' } }],
    puts: [{ kind: 'session', id, doc: StoredSession.parse(doc), sort: at }],
  });
  return id;
}
