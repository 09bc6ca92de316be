import { z } from 'zod';
import { sandboxIdOf } from '../../core/ids.ts';
import type { SessionRecord } from '../../core/records.ts';
import type { SessionService } from '../../session/api/sessions.ts';
import { withErrorTexts } from '../shared/error-texts.ts';
import type { Idempotency } from '../shared/idempotency.ts';
import type { App, Dialect } from '../shared/routes.ts';
import { toSessionId } from '../shared/session-id.ts';
import * as doc from './docs.ts';
import { type Message, toMessage } from './history.ts';

export interface CambioDeps {
  readonly sessions: SessionService;
  readonly idempotency: Idempotency;
}

const base = '/sessions';
const words = { session_not_found: 'Session not found' };
const Params = z.object({ sid: z.string().describe('the session') });

/** Mounts `/sessions`. Its socket `/ws/{sid}` is shared with Crogia; `/health` and the page belong to the server. */
export function cambio(deps: CambioDeps): Dialect {
  return { mount: (app) => mountSessions(app, deps) };
}

function mountSessions(app: App, { sessions, idempotency }: CambioDeps): void {
  app.post(base, { schema: { body: z.object({}) }, config: { doc: doc.createSession } }, (request, reply) =>
    idempotency.once(request, reply, async () => view(await sessions.create({ origin: 'cambioml' }))),
  );
  app.get(base, { config: { doc: doc.listSessions } }, async () => {
    const newestFirst = [...(await sessions.list())].sort((a, b) => b.createdAt - a.createdAt);
    return newestFirst.map(view);
  });
  app.get(`${base}/:sid`, { schema: { params: Params }, config: { doc: doc.getSession } }, ({ params }) =>
    withErrorTexts(words, async () => view(await sessions.get(toSessionId(params.sid)))),
  );
  app.delete(`${base}/:sid`, { schema: { params: Params }, config: { doc: doc.deleteSession } }, ({ params }) =>
    withErrorTexts(words, async () => {
      await sessions.delete(toSessionId(params.sid));
      return { message: `Session ${params.sid} ended`, id: params.sid, status: 'inactive' as const };
    }),
  );
  app.get(`${base}/:sid/history`, { schema: { params: Params }, config: { doc: doc.history } }, ({ params }) =>
    withErrorTexts(words, async () => {
      const messages: Message[] = [];
      for await (const event of sessions.history(toSessionId(params.sid))) {
        const message = toMessage(event);
        if (message) messages.push(message);
      }
      return messages;
    }),
  );
}

const status = {
  created: 'active', // not started yet: the first use starts it
  running: 'active',
  stopped: 'inactive',
  not_found: 'error',
} as const;

const view = ({ id, sandboxState, createdAt }: SessionRecord) => ({
  id,
  container_id: sandboxIdOf(id),
  vnc_port: null, // sandboxes publish no port; viewers connect through vnc_url
  status: status[sandboxState],
  created_at: new Date(createdAt).toISOString(),
  session_id: id,
  vnc_url: `/api/v1/sessions/${id}/vnc`,
});
