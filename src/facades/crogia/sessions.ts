import { sandboxIdOf } from '../../core/ids.ts';
import type { SessionRecord } from '../../core/records.ts';
import type { SessionService } from '../../session/api/sessions.ts';
import { withErrorTexts } from '../shared/error-texts.ts';
import type { App } from '../shared/routes.ts';
import { toSessionId } from '../shared/session-id.ts';
import { type CrogiaDeps, iso, words } from './context.ts';
import * as doc from './docs.ts';
import { CreateBody, SessionParams, TaskBody } from './schemas.ts';

const base = '/api/sessions';

export function mountSessions(app: App, { sessions, idempotency }: CrogiaDeps): void {
  app.get(base, { config: { doc: doc.listSessions } }, async () => {
    const newestFirst = [...(await sessions.list())].sort((a, b) => b.createdAt - a.createdAt);
    const infos = await Promise.all(newestFirst.map((session) => infoOrGone(session, sessions)));
    return infos.filter((info) => info !== undefined);
  });
  app.post(base, { schema: { body: CreateBody }, config: { doc: doc.createSession } }, (request, reply) =>
    idempotency.once(request, reply, async () =>
      sessionInfo(await sessions.create({ origin: 'crogia', task: request.body.task }), sessions),
    ),
  );
  app.get(`${base}/:sid`, { schema: { params: SessionParams }, config: { doc: doc.getSession } }, ({ params }) =>
    withErrorTexts(words, async () => sessionInfo(await sessions.get(toSessionId(params.sid)), sessions)),
  );
  app.delete(`${base}/:sid`, { schema: { params: SessionParams }, config: { doc: doc.deleteSession } }, ({ params }) =>
    withErrorTexts(words, async () => {
      await sessions.delete(toSessionId(params.sid));
      return { message: `Session ${params.sid} deleted successfully` };
    }),
  );
  app.post(
    `${base}/:sid/tasks`,
    { schema: { params: SessionParams, body: TaskBody }, config: { doc: doc.sendTask } },
    (request, reply) => {
      const { sid } = request.params;
      const { task, mode } = request.body;
      return withErrorTexts(words, () =>
        idempotency.once(request, reply, async () => {
          const { runId } = await sessions.send(toSessionId(sid), { text: task, mode: mode ?? 'queue' });
          return { message: `Task started in session ${sid}`, task, run_id: runId };
        }),
      );
    },
  );
}

async function sessionInfo(session: SessionRecord, sessions: Pick<SessionService, 'sandbox'>) {
  const { workdir } = await sessions.sandbox(session.id, session);
  return {
    session_id: session.id,
    container_id: sandboxIdOf(session.id),
    workdir,
    created: iso(session.createdAt),
    last_task: session.lastTask,
    status: 'active' as const,
    // A new session's start is already requested: commands are accepted now, and the page does not ask again.
    container_status: session.sandboxState === 'created' ? ('running' as const) : session.sandboxState,
  };
}

/** Undefined when the session is deleted while the list is built. */
const infoOrGone = (session: SessionRecord, sessions: Pick<SessionService, 'sandbox'>) =>
  sessionInfo(session, sessions).catch((thrown: { code?: unknown }) => {
    if (thrown.code === 'session_not_found') return undefined;
    throw thrown;
  });
