import { AppError, ignoreSessionNotFound } from '../../../../../core/errors/errors.ts';
import type { SessionId } from '../../../../../core/model/ids.ts';
import type { SessionRecord } from '../../../../../core/model/records.ts';
import { invalidRequestError } from '../../errors.ts';
import type { ApiRoutes } from '../../route.ts';
import { paginate, withoutPreviousPage } from '../../wire.ts';
import type { EventRouteHandlers } from '../events.ts';
import { parseSessionId, parseThreadId, toApiThreadId } from '../ids.ts';
import { readThreadView, type SessionViewDeps } from '../views.ts';

type Params = Readonly<Record<string, string | undefined>>;
const all = { min: 1, max: 1_000, usual: 1_000 };

export function createThreadRoutes(views: SessionViewDeps, { listed, stream }: EventRouteHandlers): ApiRoutes {
  const { services, reader } = views;
  const { sessions } = services;
  const found = ({ id = '' }: Params) => sessions.get(parseSessionId(id));
  const findThread = async (params: Params) => {
    const session = await found(params);
    const projection = await reader.state(session, sessions);
    const requested = parseThreadId(params.thread ?? '');
    const gone = new AppError('not_found', `The session has no thread ${params.thread}.`);
    if (!projection.has(requested)) throw gone;
    const record = requested === session.id ? session : await sessions.get(requested);
    return { session, record, projection };
  };
  const view = (record: SessionRecord, session: SessionId, projection: Awaited<ReturnType<typeof reader.state>>) =>
    readThreadView(record, { session, projection }, views);

  return {
    async 'GET /v1/sessions/:id/threads'({ params, query }) {
      const session = await found(params);
      const limit = query.integer('limit', all);
      const projection = await reader.state(session, sessions);
      const records = await Promise.all(
        projection.threads.map((id) => (id === session.id ? session : sessions.get(id).catch(ignoreSessionNotFound))),
      );
      const threads = await Promise.all(
        records.flatMap((record) => (record ? [view(record, session.id, projection)] : [])),
      );
      const statuses = query.all('statuses');
      const chosen = threads.filter(({ status }) => statuses.length === 0 || statuses.includes(status));
      const name = `threads ${session.id} ${statuses.join()}`;
      return withoutPreviousPage(paginate(chosen, { limit, page: query.one('page'), name }));
    },
    async 'GET /v1/sessions/:id/threads/:thread'({ params }) {
      const { session, record, projection } = await findThread(params);
      return await view(record, session.id, projection);
    },
    async 'POST /v1/sessions/:id/threads/:thread/archive'({ params }) {
      const { session, record, projection } = await findThread(params);
      if (record.id === session.id)
        throw invalidRequestError(`${toApiThreadId(record.id)} is the primary thread; archive the session.`);
      // Refuses callers who cannot change the session, so that the error below does not reveal its state.
      await sessions.update(record.id, {});
      if (projection.statusOf(record.id) !== 'idle' || projection.of(record.id).pending.length > 0)
        throw invalidRequestError('The thread is running. Interrupt it first.', 'session_running');
      const archived = record.archived ? record : await sessions.update(record.id, { archived: true });
      return await view(archived, session.id, projection);
    },
    async 'GET /v1/sessions/:id/threads/:thread/events'({ params, query }) {
      const { session, record } = await findThread(params);
      return await listed({ session, thread: record.id }, query);
    },
    'GET /v1/sessions/:id/threads/:thread/stream': {
      stream: true,
      async run(apiRequest) {
        const { session, record } = await findThread(apiRequest.params);
        return await stream({ session, thread: record.id }, apiRequest);
      },
    },
  };
}
