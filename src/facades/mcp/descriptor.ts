import { describeFacade } from '../shared/facade.ts';
import { mcpRoutes } from './routes.ts';

export const mcp = describeFacade({
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
