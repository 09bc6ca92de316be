import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { httpServer } from '../servers/http-server.ts';

// The side of a Managed Agents server that workers of a self-hosted environment see. The test sets its programs: no
// clock lapses or requeues anything. `EnvironmentWorker` of @anthropic-ai/sdk works against it unpatched.

type Fields = Readonly<Record<string, unknown>>;
export type LoggedEvent = Fields & { readonly id: string; readonly type: string };

interface QueueSession {
  readonly id: string;
  status: string;
  readonly events: LoggedEvent[];
  readonly streams: Set<ServerResponse>;
}
interface QueueItem {
  readonly id: string;
  readonly sessionId: string;
  state: 'queued' | 'starting' | 'active' | 'stopped';
  lastHeartbeat: string | undefined;
}

export const environmentKey = 'the-key-of-the-environment';
const environmentId = 'env_test';
const at = '2026-11-20T10:00:00.000Z';

export async function workQueue(options: { readonly skills?: Readonly<Record<string, Uint8Array>> } = {}) {
  const sessions = new Map<string, QueueSession>();
  const items: QueueItem[] = [];
  const refused: string[] = [];
  const counter = { last: 0 };
  const newId = (prefix: string) => {
    counter.last += 1;
    return `${prefix}_${counter.last}`;
  };
  const changed = new EventTarget();
  const tell = () => changed.dispatchEvent(new Event('changed'));

  const append = (session: QueueSession, fields: Fields & { type: string }): LoggedEvent => {
    const event = { processed_at: at, ...fields, id: newId('sevt') };
    session.events.push(event);
    for (const stream of session.streams) stream.write(frameOf(event));
    tell();
    return event;
  };
  const sessionOf = (id: string): QueueSession => {
    const session = sessions.get(id);
    if (!session) throw new Error(`no session ${id}`);
    return session;
  };
  const itemBody = ({ id, sessionId, state }: QueueItem) => ({
    ...{ id, type: 'work', environment_id: environmentId, data: { type: 'session', id: sessionId }, state },
    ...{ metadata: {}, created_at: at, acknowledged_at: null, started_at: null, latest_heartbeat_at: null },
    ...{ stop_requested_at: null, stopped_at: null },
  });
  const secretOf = (sessionId: string) =>
    Buffer.from(JSON.stringify({ sessions_token: `token-of-${sessionId}` })).toString('base64url');

  const server = await httpServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://queue');
    const body = await bodyOf(request);
    const { method } = request;
    const bearer = request.headers.authorization?.replace('Bearer ', '') ?? '';
    const refuse = (status: number, message: string, details?: object) => {
      refused.push(`${status} ${method} ${url.pathname}: ${message}`);
      answer(response, status, { type: 'error', error: { type: 'invalid_request_error', message, details } });
    };
    const work = /^\/v1\/environments\/env_test\/work\/(\w+)(?:\/(ack|heartbeat|stop))?$/.exec(url.pathname);
    if (work?.[1] === 'poll') {
      if (bearer !== environmentKey) return refuse(401, 'the key is wrong');
      const blockMs = Number(url.searchParams.get('block_ms'));
      if (!(blockMs >= 1 && blockMs <= 999)) return refuse(400, 'block_ms');
      const found = items.find(({ state }) => state === 'queued');
      return answer(response, 200, found ? { ...itemBody(found), secret: secretOf(found.sessionId) } : null);
    }
    if (work) {
      const item = items.find(({ id }) => id === work[1]);
      if (!item) return refuse(404, 'no such item');
      if (bearer !== environmentKey && bearer !== `token-of-${item.sessionId}`) return refuse(401, 'the key is wrong');
      if (work[2] === 'ack') item.state = 'starting';
      if (work[2] === 'stop') {
        if (item.state === 'stopped') return refuse(409, 'it is stopped');
        item.state = 'stopped';
      }
      if (work[2] === 'heartbeat') {
        const expected = url.searchParams.get('expected_last_heartbeat');
        if (item.state === 'stopped' || expected !== (item.lastHeartbeat ?? 'NO_HEARTBEAT')) {
          const current = { last_heartbeat: item.lastHeartbeat ?? null, lease_extended: false, state: item.state };
          return refuse(412, 'another worker has it', { current_state: { ...current, ttl_seconds: 0 } });
        }
        item.lastHeartbeat = newId('beat');
        item.state = 'active';
        const beat = { type: 'work_heartbeat', last_heartbeat: item.lastHeartbeat, lease_extended: true };
        tell();
        return answer(response, 200, { ...beat, state: 'active', ttl_seconds: 300 });
      }
      tell();
      return answer(response, 200, { ...itemBody(item), secret: null });
    }
    const at = /^\/v1\/sessions\/(\w+)(\/events(\/stream)?)?$/.exec(url.pathname);
    const session = sessions.get(at?.[1] ?? '');
    if (at && !session) return refuse(404, 'no such session');
    if (at && session) {
      if (![environmentKey, `token-of-${session.id}`].includes(bearer)) return refuse(401, 'the key is wrong');
      if (at[3]) {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
        session.streams.add(response);
        response.once('close', () => session.streams.delete(response));
        tell();
        return;
      }
      if (at[2] && method === 'POST') {
        const { events } = JSON.parse(body) as { events: (Fields & { type: string })[] };
        return answer(response, 200, { data: events.map((event) => append(session, event)) });
      }
      if (at[2]) return answer(response, 200, pageOf(session.events, url));
      return answer(response, 200, sessionBody(session, Object.keys(options.skills ?? {})));
    }
    const skill = /^\/v1\/skills\/skill_(\w+)\/versions\/(\w+)(\/content)?$/.exec(url.pathname);
    const archive = options.skills?.[skill?.[1] ?? ''];
    if (skill && archive) {
      if (skill[3]) return void response.writeHead(200, { 'content-type': 'application/zip' }).end(archive);
      return answer(response, 200, {
        id: 'skillver_1',
        skill_id: `skill_${skill[1]}`,
        name: skill[1],
        description: 'd',
      });
    }
    refuse(404, 'no such route');
  });

  return {
    ...server,
    environmentId,
    refused,
    items,
    /** A session whose agent has a message, with its item. */
    begin(): string {
      const id = newId('sesn');
      sessions.set(id, { id, status: 'running', events: [], streams: new Set() });
      items.push({ id: newId('work'), sessionId: id, state: 'queued', lastHeartbeat: undefined });
      append(sessionOf(id), { type: 'session.status_running' });
      return id;
    },
    /** Queues the session's item again, as a server does when its lease has lapsed. */
    requeue(sessionId: string): void {
      const item = items.find((one) => one.sessionId === sessionId);
      if (item) Object.assign(item, { state: 'queued', lastHeartbeat: undefined });
    },
    log: (sessionId: string, fields: Fields & { type: string }): string => append(sessionOf(sessionId), fields).id,
    call(sessionId: string, name: string, input: object, permission = 'allow'): string {
      const fields = { name, input, evaluated_permission: permission, evaluation: { type: 'always_allow' } };
      return append(sessionOf(sessionId), { type: 'agent.tool_use', ...fields }).id;
    },
    end(sessionId: string): void {
      sessionOf(sessionId).status = 'terminated';
      append(sessionOf(sessionId), { type: 'session.status_terminated' });
    },
    results: (callId: string): LoggedEvent[] =>
      [...sessions.values()]
        .flatMap(({ events }) => events)
        .filter((event) => event.type === 'user.tool_result' && event.tool_use_id === callId),
    /** Resolves once the condition holds; it is checked after each change. */
    async until(holds: () => boolean): Promise<void> {
      while (!holds()) await once(changed, 'changed');
    },
    isStreamed: (sessionId: string): boolean => sessionOf(sessionId).streams.size > 0,
  };
}
export type WorkQueue = Awaited<ReturnType<typeof workQueue>>;

const frameOf = (event: LoggedEvent): string => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

function pageOf(events: readonly LoggedEvent[], url: URL): object {
  const from = Number(url.searchParams.get('page') ?? '0');
  const size = 5; // small, so that every client has to read several pages
  return { data: events.slice(from, from + size), next_page: from + size < events.length ? String(from + size) : null };
}

function sessionBody({ id, status }: QueueSession, skills: readonly string[]): object {
  const model = { id: 'claude-sonnet-4-5', effort: null, inference_geo: null, speed: 'standard' };
  const agent = {
    ...{ id: 'agent_1', type: 'agent', name: 'Coder', description: null, system: null, model, tools: [], version: 1 },
    ...{ mcp_servers: [], execution_identity: { type: 'service_account' }, multiagent: null },
    skills: skills.map((name) => ({ type: 'custom', skill_id: `skill_${name}`, version: 'skillver_1' })),
  };
  const stats = { active_seconds: 0, duration_seconds: 0 };
  return {
    ...{ id, type: 'session', status, title: null, agent, environment_id: environmentId, resources: [], vault_ids: [] },
    ...{ metadata: {}, budget: null, deployment_id: null, outcome_evaluations: [], stats, usage: {} },
    ...{ created_at: at, updated_at: at, archived_at: null },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of request.setEncoding('utf8')) text += piece;
  return text;
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'request-id': 'req_1' }).end(JSON.stringify(body));
}
