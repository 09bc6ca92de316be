import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { createDisconnectController } from '../../http/transport/abort-on-disconnect.ts';
import { parseJsonBody } from '../../http/transport/json-body.ts';
import { openSse } from '../../http/transport/sse.ts';
import type { McpDeps, McpRequestDeps } from './deps.ts';
import { addResources } from './resources.ts';
import { addTool } from './tool.ts';
import { mcpTools } from './tools/list.ts';

const instructions =
  'Corral runs AI agents and commands in sandboxes. Create a session, then run commands, work with its files, or give its ' +
  'own agent a task with run_task and follow it with watch_session. A sandbox starts with its first use, which can take ' +
  'some seconds. End sessions that are no longer needed: end_session deletes their files.';

/** The MCP SDK advertises change notifications by default; this facade cannot send them. */
const unchanging = { listChanged: false };

function mcpServer(parts: McpRequestDeps): McpServer {
  const server = new McpServer(
    { name: 'corral', title: 'Corral', version: parts.version },
    { capabilities: { tools: unchanging, resources: unchanging }, instructions },
  );
  for (const tool of mcpTools) addTool(server, tool, parts);
  addResources(server, parts);
  return server;
}

const passed = ['mcp-protocol-version', 'mcp-method', 'mcp-name'];

export async function handleMcpRequest(
  request: FastifyRequest,
  reply: FastifyReply,
  deps: McpDeps,
): Promise<FastifyReply | undefined> {
  const gone = createDisconnectController(reply.raw);
  const { services } = deps.acting(request.principal);
  const handler = createMcpHandler(() => mcpServer({ ...deps, services, gone: gone.signal }), {
    onerror: (error) => deps.logger.info({ err: error, request: request.id }, 'an MCP message was refused'),
    keepAliveMs: 0, // `openSse` sends the pings
  });
  const parsedBody = parseJsonBody(request.rawBody ?? Buffer.alloc(0));
  const response = await handler.fetch(toFetch(request, gone.signal), { parsedBody });
  if (response.headers.get('content-type')?.startsWith('text/event-stream')) {
    await stream(reply, response, { deps, gone });
    await handler.close();
    return undefined;
  }
  const type = response.headers.get('content-type');
  if (type) reply.header('content-type', type);
  const text = await response.text();
  return reply.code(response.status).send(text === '' ? undefined : text);
}

/** Ignores the client's `accept` and `content-type`: all messages have the same types. */
function toFetch({ headers, rawBody }: FastifyRequest, signal: AbortSignal): Request {
  const read = new Headers({ 'content-type': 'application/json', accept: 'application/json, text/event-stream' });
  for (const name of passed) {
    const value = headers[name];
    if (typeof value === 'string') read.set(name, value);
  }
  return new Request('http://corral/mcp', { method: 'POST', headers: read, body: rawBody ?? null, signal } as never);
}

async function stream(
  reply: FastifyReply,
  response: Response,
  { deps, gone }: { deps: McpDeps; gone: AbortController },
): Promise<void> {
  const reader = response.body?.getReader();
  using out = openSse(reply, deps.sse);
  const leave = () => {
    gone.abort();
    void reader?.cancel().catch(() => {});
  };
  if (out.gone.aborted) leave();
  else out.gone.addEventListener('abort', leave, { once: true });
  for (;;) {
    const { done, value } = (await reader?.read().catch(() => undefined)) ?? { done: true, value: undefined };
    if (done || !value || out.gone.aborted) return;
    await out.write(Buffer.from(value));
  }
}
