import { z } from 'zod';
import { ignoreNotFound, ignoreSessionNotFound } from '../../../../core/errors/errors.ts';
import type { SessionRecord } from '../../../../core/model/records.ts';
import { abortOnDisconnect } from '../../../../http/transport/abort-on-disconnect.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import type { FacadeDeps } from '../../../shared/facade.ts';
import { invalidRequestError } from '../errors.ts';
import { applyAgentChange } from '../resources/agent-content.ts';
import { AgentOverrides } from '../resources/agent-shapes.ts';
import { EnvironmentContent } from '../resources/environments.ts';
import { createContentFileStore, type FileDeps, findUploadId } from '../resources/files.ts';
import type { ApiRoutes } from '../route.ts';
import type { ManagedAgentsSettings } from '../settings.ts';
import { applyMetadataChange, MetadataChange, paginate, parseInput } from '../wire.ts';
import { assertOnlyToolResults } from '../work/access.ts';
import { applyBudgetChange, BudgetInput } from './budget.ts';
import { prepareManagedSession } from './create.ts';
import { createEventRouteHandlers } from './events.ts';
import { parseSessionId, toApiSessionId } from './ids.ts';
import { parseInboundEvents } from './inbound.ts';
import { parseManagedSessionContent, toSessionAgent, toSessionRoster } from './kept-session.ts';
import { SessionReader } from './reader.ts';
import { putRepositoryToken } from './repository-resources.ts';
import { createSessionResourceRoutes } from './resources.ts';
import { sendEvents } from './send.ts';
import { createThreadRoutes } from './threads/routes.ts';
import { readSessionView } from './views.ts';

type RouteDeps = Pick<FacadeDeps, 'services' | 'clock' | 'sse' | 'fetchPage'> & FileDeps;
const SessionUpdate = z.strictObject({
  title: z.string().max(500).nullable().optional(),
  metadata: MetadataChange.nullable().optional(),
  budget: BudgetInput,
  vault_ids: z.unknown().optional(),
  agent: AgentOverrides.pick({ tools: true, mcp_servers: true }).nullable().optional(),
});
/** Set only on the routes that workers need. */
const worker = ['environment', 'session'] as const;
/** A delegated child is a thread of its parent session. */
const isThread = ({ parent }: SessionRecord) => parent !== undefined && parent.attempts === undefined;

export function createSessionRoutes(parts: RouteDeps, settings: ManagedAgentsSettings): ApiRoutes {
  const { services, clock, sse, ids } = parts;
  const { sessions, workQueue } = services;
  const reader = new SessionReader();
  const views = { services, reader, clock };
  const resolveUpload = (file: string) => findUploadId(file, parts);
  const found = (params: { readonly id?: string | undefined }) => sessions.get(parseSessionId(params.id ?? ''));
  const view = (record: SessionRecord) => readSessionView(record, views);
  const events = createEventRouteHandlers({ sessions, reader, sse });

  return {
    'POST /v1/sessions': {
      least: 'create',
      async run({ body, reply }) {
        const gone = abortOnDisconnect(reply);
        const deps = { services, settings, resolveUpload, newId: () => `${ids()}${ids()}`, now: () => clock.now() };
        const { command, initial, tokens } = await prepareManagedSession(body, deps);
        const record = await sessions.create(command);
        try {
          for (const token of tokens) await putRepositoryToken(services.sessionCredentials, record.id, token);
          const { environment } = command.agent ?? {};
          if (environment !== undefined) await workQueue.enqueue(environment, record.id);
          if (initial.length > 0) {
            const projection = await reader.state(record, sessions);
            await sendEvents(
              {
                record,
                projection,
                sessions,
                files: createContentFileStore(parts, gone, record.id),
                now: () => clock.now(),
              },
              initial,
            );
          }
        } catch (thrown) {
          // the creator never receives the session's id, so it could not delete the session
          await sessions.delete(record.id).catch(() => {});
          throw thrown;
        }
        const created = await view(await sessions.get(record.id));
        return initial.length > 0 ? { ...created, status: 'running' as const } : created;
      },
    },
    async 'GET /v1/sessions'({ query }) {
      const order = query.order('desc');
      const isWithin = query.within('created_at');
      const statuses = query.all('statuses');
      const [agent, version] = [query.one('agent_id'), query.one('agent_version')];
      const [deployment, store] = [query.one('deployment_id'), query.one('memory_store_id')];
      const isMatch = (record: SessionRecord) =>
        !record.life &&
        !isThread(record) &&
        (!record.archived || query.has('include_archived')) &&
        isWithin(record.createdAt) &&
        (agent === undefined || parseManagedSessionContent(record)?.agentId === agent) &&
        (version === undefined || String(parseManagedSessionContent(record)?.version) === version) &&
        (deployment === undefined || parseManagedSessionContent(record)?.deploymentId === deployment) &&
        (store === undefined || record.agent?.memoryStores?.some((one) => one.store === store) === true);
      const limit = query.integer('limit', { min: 1, max: 100, usual: 20 });
      const paging = { limit, page: query.one('page'), name: `sessions ${order}` };
      const isFirstPage = order === 'desc' && statuses.length === 0 && !paging.page;
      const chosen = await listNewestSessions(sessions, isMatch, isFirstPage ? limit : undefined);
      if (order === 'asc') chosen.reverse();
      // Undefined for a session whose content the caller cannot read.
      const readable = async (record: SessionRecord) => await view(record).catch(ignoreSessionNotFound);
      if (statuses.length === 0) {
        const { data, ...rest } = paginate(chosen, paging);
        return { data: (await Promise.all(data.map(readable))).filter((one) => one !== undefined), ...rest };
      }
      const shown = (await Promise.all(chosen.map(readable))).filter((one) => one !== undefined);
      return paginate(
        shown.filter(({ status }) => statuses.includes(status)),
        { ...paging, name: `sessions ${order} ${statuses.join()}` },
      );
    },
    'GET /v1/sessions/:id': {
      worker,
      run: async ({ params }) => await view(await found(params)),
    },
    async 'POST /v1/sessions/:id'({ params, body }) {
      const record = await found(params);
      const { title, metadata, budget, vault_ids: vaults, agent } = parseInput(SessionUpdate, body);
      if (vaults !== undefined)
        throw invalidRequestError('vault_ids cannot be changed after the creation of a session.');
      // Refuses callers who cannot change the session, so that the error below does not reveal its state.
      await sessions.update(record.id, {});
      if (record.archived) throw invalidRequestError('The session is archived.', 'session_archived');
      const changed = await changedAgent(record, agent);
      const { usage } = await reader.state(record, sessions);
      const limit = budget === undefined ? undefined : applyBudgetChange(budget, record, usage);
      await sessions.update(record.id, {
        ...(title !== undefined && title !== null && { title }),
        ...(metadata && { metadata: applyMetadataChange(record.metadata ?? {}, metadata) }),
        ...(changed && { agent: changed }),
        ...(limit && { budget: limit }),
      });
      return await view(await sessions.get(record.id));
    },
    async 'POST /v1/sessions/:id/archive'({ params }) {
      const record = await found(params);
      await sessions.update(record.id, {});
      if (record.archived) return await view(record);
      await refuseBusy(record);
      await leaveQueue(record);
      const kept = record.agent && { ...record.agent.kept, archivedAt: clock.now() };
      const agent = record.agent && kept && { agent: { ...record.agent, kept } };
      await sessions.update(record.id, { archived: true, ...agent });
      return await view(await sessions.get(record.id));
    },
    async 'DELETE /v1/sessions/:id'({ params }) {
      const record = await found(params);
      await sessions.update(record.id, {});
      await refuseBusy(record);
      await leaveQueue(record);
      await sessions.delete(record.id);
      return { id: toApiSessionId(record.id), type: 'session_deleted' as const };
    },
    'POST /v1/sessions/:id/events': {
      worker,
      async run({ params, body, reply, worker: byWorker }) {
        const record = await found(params);
        const values = parseInboundEvents(body);
        if (byWorker) assertOnlyToolResults(values);
        const projection = await reader.state(record, sessions);
        const files = createContentFileStore(parts, abortOnDisconnect(reply), record.id);
        const data = await sendEvents({ record, projection, sessions, files, now: () => clock.now() }, values);
        const { environment } = record.agent ?? {};
        // An interrupt queues the session again, in case its worker failed.
        if (environment !== undefined && values.some(({ type }) => type === 'user.interrupt'))
          await workQueue.enqueue(environment, record.id);
        return { data };
      },
    },
    'GET /v1/sessions/:id/events': {
      worker,
      async run({ params, query }) {
        const session = await found(params);
        return await events.listed({ session, thread: session.id }, query);
      },
    },
    'GET /v1/sessions/:id/events/stream': {
      stream: true,
      worker,
      async run(apiRequest) {
        const session = await found(apiRequest.params);
        return await events.stream({ session, thread: session.id }, apiRequest);
      },
    },
    ...createThreadRoutes(views, events),
    ...createSessionResourceRoutes(parts),
  };

  async function leaveQueue({ id, agent }: SessionRecord): Promise<void> {
    if (agent?.environment === undefined) return;
    await workQueue.withdraw(agent.environment, id).catch(ignoreNotFound);
  }

  async function refuseBusy(record: SessionRecord): Promise<void> {
    const active = await sessions.activeRun(record.id);
    const { status } = await reader.state(record, sessions); // idle even while a child waits for the client program
    if (active && !active.waiting && status !== 'idle')
      throw invalidRequestError('The session is running. Interrupt it first.', 'session_running');
    if (active) await sessions.stop(record.id);
  }

  async function changedAgent(record: SessionRecord, change: z.output<typeof SessionUpdate>['agent']) {
    if (!change) return undefined;
    const kept = parseManagedSessionContent(record);
    if (!kept)
      throw invalidRequestError('agent: only a session that was made by this API has an agent that can be changed.');
    const active = await sessions.activeRun(record.id);
    if (active) throw invalidRequestError('agent: the session must be idle.', 'session_running');
    const content = applyAgentChange(kept.content, change);
    const environment = await services.documents.get(kept.environmentId).catch(ignoreNotFound);
    const config = environment && EnvironmentContent.safeParse(environment.content).data?.config;
    const { environment: workers, files } = record.agent ?? {};
    const roster = toSessionRoster(record);
    return toSessionAgent({ kept: { ...kept, content }, roster, config, environment: workers, files });
  }
}

const newestFirst = (one: SessionRecord, other: SessionRecord) => other.createdAt - one.createdAt;

/**
 * Newest first by creation time. With a limit, returns at least `limit` + 1 sessions if that many match. `list` sorts
 * by `latestMessageAt`, which is never before `createdAt`.
 */
export async function listNewestSessions(
  sessions: Pick<Services['sessions'], 'list'>,
  isMatch: (record: SessionRecord) => boolean,
  limit: number | undefined,
): Promise<SessionRecord[]> {
  const all = async () => (await sessions.list()).filter(isMatch).sort(newestFirst);
  if (limit === undefined) return await all();
  const rows = 2 * limit + 1;
  const part = await sessions.list({ limit: rows, after: undefined, keep: () => true });
  const found = part
    .filter(isMatch)
    .sort(newestFirst)
    .slice(0, limit + 1);
  const [oldest, last] = [found[limit], part.at(-1)];
  // Sessions with equal times keep their order, so those beyond `part` come later.
  const isWhole = part.length < rows || (oldest && last && oldest.createdAt >= last.latestMessageAt);
  // One call, because a new message between two pages would move a session.
  return isWhole ? found : await all();
}
