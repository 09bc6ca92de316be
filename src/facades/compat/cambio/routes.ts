import { toSessionId } from '../../../api/procedure/session-id.ts';
import { sandboxIdOf } from '../../../core/model/ids.ts';
import type { SessionRecord } from '../../../core/model/records.ts';
import { withErrorTexts } from '../../../http/errors/error-texts.ts';
import { detailFailures } from '../../../http/errors/failure-docs.ts';
import type { Idempotency } from '../../../http/guard/idempotency.ts';
import { describing, idempotencyHeader, ok } from '../../../http/routes/route-docs.ts';
import type { App, FacadeRoutes } from '../../../http/routes/routes.ts';
import type { SessionService } from '../../../sessions/api/sessions.ts';
import { toMessage } from './history.ts';
import { Ended, examples, Message, NewSession, Params, Session } from './schemas.ts';

export interface CambioDeps {
  readonly sessions: SessionService;
  readonly idempotency: Idempotency;
}

const base = '/sessions';
const words = { session_not_found: 'Session not found' };
const about = describing({ tag: 'CambioML', prefix: 'cambio', failures: detailFailures });

/** Mounts `/sessions`. Its socket `/ws/{sid}` is shared with Crogia; `/health` and the page belong to the server. */
export function cambio(deps: CambioDeps): FacadeRoutes {
  return { mount: (app) => mountSessions(app, deps) };
}

function mountSessions(app: App, { sessions, idempotency }: CambioDeps): void {
  const one = ok(Session, examples.session);
  app.post(
    base,
    {
      schema: { body: NewSession, response: { 200: one } },
      config: {
        doc: about('CreateSession', 'Create a session and its sandbox', {
          headers: idempotencyHeader,
          bodyExample: {},
          fails: [400, 409, 422],
        }),
      },
    },
    (request, reply) =>
      idempotency.once(request, reply, async () => {
        const { template } = request.body;
        return view(await sessions.create({ origin: 'cambioml', ...(template !== undefined && { template }) }));
      }),
  );
  app.get(
    base,
    {
      schema: { response: { 200: ok(Session.array(), [examples.session]) } },
      config: { doc: about('ListSessions', 'List all sessions, the newest first') },
    },
    async () => [...(await sessions.list())].sort((a, b) => b.createdAt - a.createdAt).map(view),
  );
  app.get(
    `${base}/:sid`,
    {
      schema: { params: Params, response: { 200: one } },
      config: { doc: about('GetSession', 'Get a session', { fails: [404] }) },
    },
    ({ params }) => withErrorTexts(words, async () => view(await sessions.get(toSessionId(params.sid)))),
  );
  app.delete(
    `${base}/:sid`,
    {
      schema: { params: Params, response: { 200: ok(Ended, examples.ended) } },
      config: {
        doc: about('DeleteSession', 'Delete a session with its sandbox, files and history', { fails: [404] }),
      },
    },
    ({ params: { sid } }) =>
      withErrorTexts(words, async () => {
        await sessions.delete(toSessionId(sid));
        return { message: `Session ${sid} ended`, id: sid, status: 'inactive' as const };
      }),
  );
  app.get(
    `${base}/:sid/history`,
    {
      schema: { params: Params, response: { 200: ok(Message.array(), [examples.message]) } },
      config: { doc: about('History', 'List the messages of a session, oldest first', { fails: [404] }) },
    },
    ({ params }) =>
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

const view = ({ id, sandboxState, createdAt }: SessionRecord): Session => ({
  id,
  container_id: sandboxIdOf(id),
  vnc_port: null, // sandboxes publish no port; viewers connect through vnc_url
  status: status[sandboxState],
  created_at: new Date(createdAt).toISOString(),
  session_id: id,
  vnc_url: `/api/v1/sessions/${id}/vnc`,
});
