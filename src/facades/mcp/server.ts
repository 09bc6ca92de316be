import { McpServer } from '@modelcontextprotocol/server';
import type { McpParts } from './deps.ts';
import { addResources } from './resources.ts';
import { addTool } from './tool.ts';
import { mcpTools } from './tools/list.ts';

const instructions =
  'Corral runs AI agents and commands in sandboxes. Create a session, then run commands, work with its files, or give its ' +
  'own agent a task with run_task and follow it with watch_session. A sandbox starts with its first use, which can take ' +
  'some seconds. End sessions that nobody needs any more: end_session deletes their files.';

/**
 * A message belongs to no connection, so no notice of a change could reach a client. The package promises them by
 * default.
 */
const unchanging = { listChanged: false };

/** Makes the MCP server that answers one message. */
export function mcpServer(parts: McpParts): McpServer {
  const server = new McpServer(
    { name: 'corral', title: 'Corral', version: parts.version },
    { capabilities: { tools: unchanging, resources: unchanging }, instructions },
  );
  for (const tool of mcpTools) addTool(server, tool, parts);
  addResources(server, parts);
  return server;
}
