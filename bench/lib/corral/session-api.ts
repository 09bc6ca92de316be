import { createHttpCalls, type HttpCalls, parseTrpcData } from '../calls/http-calls.ts';

type Post = readonly [path: string, body: object];

export interface SessionApi extends Disposable {
  readonly calls: HttpCalls;
  readonly list: string;
  create(): Promise<string>;
  /** Works even while the session is running. */
  remove(session: string): Promise<void>;
  /** Passes each chunk of output to the listener until the session is idle. */
  chat(session: string, message: string, listener: (chunk: string) => void): Promise<void>;
  message(session: string, text: string): Post;
  stop(session: string): Post;
}
export const apiNames = ['corral', 'managed-agents'] as const;
export type ApiName = (typeof apiNames)[number];

export async function openSessionApi(name: ApiName, url: string): Promise<SessionApi> {
  return name === 'corral' ? createCorralApi(url) : await managedAgentsApi(url);
}

export function createCorralApi(url: string): SessionApi {
  const calls = createHttpCalls(url);
  return {
    calls,
    list: `/trpc/sessions.list?input=${encodeURIComponent(JSON.stringify({ limit: 50 }))}`,
    create: async () => parseTrpcData<{ id: string }>((await calls.ask('/trpc/sessions.create', {})).text).id,
    async remove(id) {
      await calls.ask('/trpc/sessions.delete', { id });
    },
    chat: (id, message, listener) => calls.stream(`/api/v1/sessions/${id}/chat`, { message }, listener),
    message: (sessionId, text) => ['/trpc/runs.send', { sessionId, text }],
    stop: (sessionId) => ['/trpc/runs.stop', { sessionId }],
    [Symbol.dispose]: () => calls[Symbol.dispose](),
  };
}

const prefix = '/anthropic/v1';
const rest = 'event: session.status_idle\n';

async function managedAgentsApi(url: string): Promise<SessionApi> {
  const calls = createHttpCalls(url);
  const create = async (path: string, body: object): Promise<string> =>
    (JSON.parse((await calls.ask(prefix + path, body)).text) as { id: string }).id;
  const agent = await create('/agents', { model: 'demo', name: 'Worker', tools: [{ type: 'agent_toolset_20260401' }] });
  const environment_id = await create('/environments', { name: 'plain' });
  const eventsOf = (id: string) => `${prefix}/sessions/${id}/events`;
  const message = (id: string, text: string): Post => [
    eventsOf(id),
    { events: [{ type: 'user.message', content: [{ type: 'text', text }] }] },
  ];
  return {
    calls,
    list: `${prefix}/sessions?limit=50`,
    create: () => create('/sessions', { agent, environment_id }),
    async remove(id) {
      await calls.ask('/trpc/sessions.delete', { id: id.slice('sesn_'.length) }); // the API refuses this during a run
    },
    async chat(id, text, listener) {
      const stream = await calls.open(`${eventsOf(id)}/stream`);
      await calls.ask(...message(id, text));
      let end = '';
      for await (const chunk of stream.setEncoding('utf8')) {
        listener(chunk as string);
        end = `${end}${chunk}`;
        if (end.includes(rest)) return;
        end = end.slice(-rest.length);
      }
      throw new Error(`The stream of ${id} ended before the session rested.`);
    },
    message,
    stop: (id) => [eventsOf(id), { events: [{ type: 'user.interrupt' }] }],
    [Symbol.dispose]: () => calls[Symbol.dispose](),
  };
}
