import { toSessionId } from '../../../api/procedure/session-id.ts';
import { sandboxIdOf } from '../../../core/model/ids.ts';
import type { SessionRecord } from '../../../core/model/records.ts';
import { withErrorTexts } from '../../../http/errors/error-texts.ts';
import type { App } from '../../../http/routes/routes.ts';
import type { SessionService } from '../../../sessions/api/sessions.ts';
import { type CrogiaDeps, describeRoute, toIsoTime, wireErrorTexts } from './context.ts';
import * as replies from './replies.ts';
import { CreateSessionBody, SessionParams as params, TaskBody } from './schemas.ts';

const base = '/api/sessions';

export function mountSessions(app: App, { sessions }: CrogiaDeps): void {
  app.get(
    base,
    describeRoute('ListSessions', 'List all sessions, the newest first', {
      schema: { response: { 200: replies.sessionsReply } },
    }),
    async () => {
      const newestFirst = [...(await sessions.list())].sort((a, b) => b.createdAt - a.createdAt);
      const infos = await Promise.all(newestFirst.map((session) => infoOrGone(session, sessions)));
      return infos.filter((info) => info !== undefined);
    },
  );
  app.post(
    base,
    describeRoute('CreateSession', 'Create a session and its sandbox', {
      schema: { body: CreateSessionBody, response: { 200: replies.sessionReply } },
      config: { once: 200 },
      description: 'The task is only stored as `last_task`: post it to `/tasks` to run it.',
      bodyExample: { task: 'Create a Flask web application' },
      fails: [400, 409, 422],
    }),
    async ({ body: { task, template } }) => {
      const input = { task, ...(template !== undefined && { template }) };
      return await sessionInfo(await sessions.create({ origin: 'crogia', ...input }), sessions);
    },
  );
  app.get(
    `${base}/:sid`,
    describeRoute('GetSession', 'Get a session', {
      schema: { params, response: { 200: replies.sessionReply } },
      fails: [404],
    }),
    ({ params }) =>
      withErrorTexts(wireErrorTexts, async () => sessionInfo(await sessions.get(toSessionId(params.sid)), sessions)),
  );
  app.delete(
    `${base}/:sid`,
    describeRoute('DeleteSession', 'Delete a session, its sandbox and its files', {
      schema: { params, response: { 200: replies.deletedSessionReply } },
      fails: [404],
    }),
    ({ params }) =>
      withErrorTexts(wireErrorTexts, async () => {
        await sessions.delete(toSessionId(params.sid));
        return { message: `Session ${params.sid} deleted successfully` };
      }),
  );
  app.post(
    `${base}/:sid/tasks`,
    describeRoute('SendTask', 'Run a task in a session', {
      schema: { params, body: TaskBody, response: { 200: replies.taskReply } },
      config: { once: 200 },
      description:
        'Answers at once; the events follow on `/ws/{sid}`. A task sent while the agent waits answers its question.',
      bodyExample: { task: 'Add user authentication' },
      fails: [400, 404, 409, 422],
    }),
    ({ params: { sid }, body: { task, mode } }) =>
      withErrorTexts(wireErrorTexts, async () => {
        const { runId } = await sessions.send(toSessionId(sid), { text: task, mode: mode ?? 'queue' });
        return { message: `Task started in session ${sid}`, task, run_id: runId };
      }),
  );
}

async function sessionInfo(
  session: SessionRecord,
  sessions: Pick<SessionService, 'sandbox'>,
): Promise<replies.SessionInfo> {
  const { workdir } = await sessions.sandbox(session.id);
  return {
    session_id: session.id,
    container_id: sandboxIdOf(session.id),
    workdir,
    created: toIsoTime(session.createdAt),
    last_task: session.lastTask,
    status: 'active',
    // Reports `created` as running, because the client's page never polls again.
    container_status: session.sandboxState === 'created' ? 'running' : session.sandboxState,
  };
}

const infoOrGone = (session: SessionRecord, sessions: Pick<SessionService, 'sandbox'>) =>
  sessionInfo(session, sessions).catch((thrown: { code?: unknown }) => {
    if (thrown.code === 'session_not_found') return undefined;
    throw thrown;
  });
