import type { FetchLike } from '@modelcontextprotocol/client';
import type { Clock } from '../../core/contracts/clock.ts';
import type { McpServer, RemoteToolServer, SessionVaults } from '../../core/model/tool-server.ts';
import type { Secret } from '../../core/text/secret.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import { McpConnection, type ToolServerTransport } from './connection.ts';
import { createHttpTransport } from './http-transport.ts';
import { ProgramTransport } from './program-transport.ts';
import { createTokenFetch } from './token-fetch.ts';

interface McpTransport {
  readonly client: SandboxClient;
  readonly fetchFor: ToolServerFetchFactory;
  readonly clock: Clock;
  readonly tokenFor?:
    | ((url: string, vaults: SessionVaults, refused?: Secret) => Promise<Secret | undefined>)
    | undefined;
}

/** Returns a fetch that reaches only the networks allowed for the tool server. */
export type ToolServerFetchFactory = (server: Pick<RemoteToolServer, 'reach'>) => FetchLike;

export const createMcpConnection = (server: McpServer, way: McpTransport): McpConnection =>
  new McpConnection(server, () => transportTo(server, way), way.clock);

function transportTo(server: McpServer, { client, fetchFor, tokenFor }: McpTransport): ToolServerTransport {
  if ('url' in server) {
    const { vaults, url } = server;
    const fetch = fetchFor(server);
    if (vaults === undefined || !tokenFor) return createHttpTransport(server, fetch);
    return createHttpTransport(
      server,
      createTokenFetch(fetch, url, (refused) => tokenFor(url, vaults, refused)),
    );
  }
  const env = Object.entries(server.env).map(([name, value]) => `${name}=${value}`);
  const program = { id: `mcp-${server.name}`, argv: [server.command, ...server.args], env };
  return new ProgramTransport(client.programs, program);
}
