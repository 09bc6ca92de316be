import { z } from 'zod';
import { toSessionId } from '../../../api/procedure/session-id.ts';
import type { SessionEvent } from '../../../core/model/events.ts';
import { sandboxIdOf } from '../../../core/model/ids.ts';
import type { SessionRecord } from '../../../core/model/records.ts';
import { withErrorTexts } from '../../../http/errors/error-texts.ts';
import { describeDetailFailures } from '../../../http/errors/failure-docs.ts';
import { createRouteDescriber, okReply } from '../../../http/routes/route-docs.ts';
import type { App } from '../../../http/routes/routes.ts';
import type { SessionService } from '../../../sessions/api/sessions.ts';
import { defineFacade } from '../../shared/facade.ts';

/** The Crogia facade mounts the WebSocket that both APIs share. */
export const cambio = defineFacade({
  label: 'CambioML',
  audience: 'clients of its sessions and its WebSocket',
  tag: 'CambioML',
  paths: ['/sessions', '/ws/{id}'],
  documents: '`/docs`, `/redoc`',
  routes: async ({ services: { sessions } }) => [{ mount: (app) => mountSessions(app, sessions) }],
});

const Params = z.object({ sid: z.string().describe('the session') });

const NewSession = z.object({
  template: z.string().optional().describe('the template of the agent; GET /api/v1/templates lists them'),
});

const Session = z.object({
  id: z.string(),
  container_id: z.string().nullable(),
  vnc_port: z.int().nullable(),
  status: z.enum(['active', 'inactive', 'error']),
  created_at: z.iso.datetime(),
  session_id: z.string(),
  vnc_url: z.string(),
});
type Session = z.output<typeof Session>;

const Ended = z.object({ message: z.string(), id: z.string(), status: z.literal('inactive') });

const Message = z.object({
  id: z.uuid(),
  session_id: z.string(),
  role: z.enum(['user', 'assistant']),
  content: z.string(),
  timestamp: z.iso.datetime(),
  metadata: z.object({ run_id: z.uuid().nullable(), seq: z.int() }),
});
type Message = z.output<typeof Message>;

const sid = '5f2a0c9be41d7733';
const at = '2024-01-15T10:30:00.000Z';
const examples = {
  session: {
    id: sid,
    container_id: `sbx-${sid}`,
    vnc_port: null,
    status: 'active',
    created_at: at,
    session_id: sid,
    vnc_url: `/api/v1/sessions/${sid}/vnc`,
  } satisfies Session,
  ended: { message: `Session ${sid} ended`, id: sid, status: 'inactive' } satisfies z.output<typeof Ended>,
  message: {
    id: '6c1f8d0e-0f4a-4c8e-9d8e-0e3f0c7b1a2d',
    session_id: sid,
    role: 'user',
    content: 'Say hi',
    timestamp: at,
    metadata: { run_id: '2d3f8d0e-0f4a-4c8e-9d8e-0e3f0c7b1a2d', seq: 2 },
  } satisfies Message,
};

function toCambioMessage(event: SessionEvent): Message | undefined {
  if (event.type !== 'message.user' && event.type !== 'message.assistant') return undefined;
  return {
    id: event.data.messageId,
    session_id: event.sessionId,
    role: event.type === 'message.user' ? 'user' : 'assistant',
    content: event.data.text,
    timestamp: new Date(event.ts).toISOString(),
    metadata: { run_id: event.runId, seq: event.seq },
  };
}

const base = '/sessions';
const words = { session_not_found: 'Session not found' };
const about = createRouteDescriber({ tag: 'CambioML', prefix: 'cambio', failures: describeDetailFailures });

function mountSessions(app: App, sessions: SessionService): void {
  const one = okReply(Session, examples.session);
  app.post(
    base,
    about('CreateSession', 'Create a session and its sandbox', {
      schema: { body: NewSession, response: { 200: one } },
      config: { once: 200 },
      bodyExample: {},
      fails: [400, 409, 422],
    }),
    async ({ body: { template } }) =>
      view(await sessions.create({ origin: 'cambioml', ...(template !== undefined && { template }) })),
  );
  app.get(
    base,
    about('ListSessions', 'List all sessions, the newest first', {
      schema: { response: { 200: okReply(Session.array(), [examples.session]) } },
    }),
    async () => [...(await sessions.list())].sort((a, b) => b.createdAt - a.createdAt).map(view),
  );
  app.get(
    `${base}/:sid`,
    about('GetSession', 'Get a session', { schema: { params: Params, response: { 200: one } }, fails: [404] }),
    ({ params }) => withErrorTexts(words, async () => view(await sessions.get(toSessionId(params.sid)))),
  );
  app.delete(
    `${base}/:sid`,
    about('DeleteSession', 'Delete a session with its sandbox, files and history', {
      schema: { params: Params, response: { 200: okReply(Ended, examples.ended) } },
      fails: [404],
    }),
    ({ params: { sid } }) =>
      withErrorTexts(words, async () => {
        await sessions.delete(toSessionId(sid));
        return { message: `Session ${sid} ended`, id: sid, status: 'inactive' as const };
      }),
  );
  app.get(
    `${base}/:sid/history`,
    about('History', 'List the messages of a session, oldest first', {
      schema: { params: Params, response: { 200: okReply(Message.array(), [examples.message]) } },
      fails: [404],
    }),
    ({ params }) =>
      withErrorTexts(words, async () => {
        const messages: Message[] = [];
        for await (const event of sessions.history(toSessionId(params.sid))) {
          const message = toCambioMessage(event);
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
