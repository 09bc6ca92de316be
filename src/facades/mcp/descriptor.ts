import { describeDialect } from '../shared/dialect.ts';

export const mcp = describeDialect({
  label: 'MCP',
  audience:
    'assistants that speak the Model Context Protocol, such as Claude Code; `corral mcp` is the same over stdio',
  tag: 'MCP',
  paths: ['/mcp'],
  documents: '[docs/mcp-server.md](docs/mcp-server.md)',
  routes: async ({ acting, projects, version, sse, logger }) => [
    (await import('./routes.ts')).mcpRoutes({ acting, uploads: projects?.uploads, version, sse, logger }),
  ],
});
