import { z } from 'zod';
import { createRouteDescriber, noBodyReply, type ReplyDoc } from '../../http/routes/route-docs.ts';
import type { FacadeRoutes } from '../../http/routes/routes.ts';
import { defineFacade } from '../shared/facade.ts';
import type { McpDeps } from './deps.ts';
import { describeMcpFailures, mcpErrorStyle } from './errors.ts';

const about = createRouteDescriber({ tag: 'MCP', prefix: 'mcp', failures: describeMcpFailures });
const Message = z.looseObject({ jsonrpc: z.literal('2.0') });
const replies: ReplyDoc = {
  description: 'A message, or a stream of messages',
  content: { 'application/json': { schema: Message }, 'text/event-stream': { schema: z.string() } },
};

/** The Model Context Protocol over stateless streamable HTTP. Any replica can respond. */
function mcpRoutes(deps: McpDeps): FacadeRoutes {
  return {
    errors: { prefix: '/mcp', style: mcpErrorStyle },
    mount(app) {
      app.post(
        '/mcp',
        about('Message', 'Send a message of the Model Context Protocol', {
          schema: { response: { 200: replies, 202: noBodyReply } },
          config: { stream: true },
          description: 'Tools and resources are in docs/mcp-server.md. A notification is answered with 202.',
          bodyExample: { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} },
          requestContent: { 'application/json': Message },
        }),
        // Loaded on first use, because most servers never need the MCP SDK.
        async (request, reply) => await (await import('./answer.ts')).handleMcpRequest(request, reply, deps),
      );
    },
  };
}

export const mcp = defineFacade({
  label: 'MCP',
  audience:
    'assistants that speak the Model Context Protocol, such as Claude Code; `corral mcp` is the same over stdio',
  tag: 'MCP',
  paths: ['/mcp'],
  documents: '[mcp-server.md](mcp-server.md)',
  routes: async ({ acting, projects, version, sse, logger }) => [
    mcpRoutes({ acting, uploads: projects?.uploads, version, sse, logger }),
  ],
});
