import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { toAppError } from '../../core/errors/errors.ts';
import type { McpServer, SessionVaults } from '../../core/model/tool-server.ts';
import type { Secret } from '../../core/text/secret.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { Tool, UnsupportedTool } from '../tools/tool.ts';
import type { ToolServerFetchFactory } from './connect.ts';
import type { McpConnection } from './connection.ts';
import type { ToolServerStates } from './states.ts';
import { createMcpSearchTool, createMcpTools } from './tools.ts';

/** If there are more tools, all of them load on demand, to save space in the model's context window. */
const maxListed = 24;

export interface ToolServerTools {
  readonly declared: readonly Tool[];
  readonly all: readonly Tool[];
  readonly failed: readonly FailedToolServer[];
  readonly leftOut: readonly UnsupportedTool[];
}
export interface FailedToolServer {
  readonly name: string;
  readonly message: string;
  /** Whether the server responded with 401, because the session's credentials were refused or missing. */
  readonly isRefused: boolean;
}
interface Deps extends Pick<ServerDependencies, 'clock' | 'warn'> {
  readonly newName: () => string;
  readonly fetchFor: ToolServerFetchFactory;
  readonly states: ToolServerStates;
  readonly tokenFor?: (url: string, vaults: SessionVaults, refused?: Secret) => Promise<Secret | undefined>;
}
interface Reports {
  readonly fail: (server: FailedToolServer) => void;
  readonly leave: (tool: UnsupportedTool) => void;
}
interface ConnectedServers {
  readonly connections: Map<string, McpConnection>;
  readonly loaded: Set<string>;
}

export class ToolServers extends ServerComponent<Deps> implements AsyncDisposable {
  readonly #sandboxes = new Map<SandboxClient, ConnectedServers>();

  /** A failed server contributes no tools. */
  async of(client: SandboxClient, servers: readonly McpServer[], signal: AbortSignal): Promise<ToolServerTools> {
    const { connections, loaded } = await this.#connected(client, servers);
    const failed: FailedToolServer[] = [];
    const leftOut: UnsupportedTool[] = [];
    const leave = (tool: UnsupportedTool) => void leftOut.push(tool);
    const fail = (server: FailedToolServer) => void failed.push(server);
    const lists = await Promise.all(
      [...connections.values()].map((connection) => this.#listTools(connection, { signal, fail, leave })),
    );
    const all = lists.flat();
    if (all.length <= maxListed) return { declared: all, all, failed, leftOut };
    const search = createMcpSearchTool(all, (names) => {
      for (const name of names) loaded.add(name);
    });
    return {
      declared: [search, ...all.filter(({ name }) => loaded.has(name))],
      all: [search, ...all],
      failed,
      leftOut,
    };
  }

  release(client: SandboxClient): void {
    const connected = this.#sandboxes.get(client);
    this.#sandboxes.delete(client);
    for (const connection of connected?.connections.values() ?? []) void connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#sandboxes.values()].flatMap(({ connections }) => [...connections.values()]);
    this.#sandboxes.clear();
    await Promise.all(all.map((connection) => connection.close()));
  }

  async #listTools(
    connection: McpConnection,
    { signal, fail, leave }: { readonly signal: AbortSignal } & Reports,
  ): Promise<readonly Tool[]> {
    const { states } = this.deps;
    try {
      const listed = await connection.tools(signal);
      states.answered(connection.server, listed);
      for (const { name: tool, refused: reason } of listed)
        if (reason !== undefined) leave({ server: connection.server.name, tool, reason });
      return createMcpTools(connection, listed, this.deps.newName);
    } catch (thrown) {
      if (signal.aborted) return [];
      const { publicMessage } = toAppError(thrown);
      const { name } = connection.server;
      states.failed(connection.server, publicMessage);
      this.deps.warn({ server: name }, `no tools: ${publicMessage}`);
      fail({ name, message: publicMessage, isRefused: connection.isRefused });
      return [];
    }
  }

  /** Closes removed servers' connections first, because new servers may have the same names. */
  async #connected(client: SandboxClient, servers: readonly McpServer[]): Promise<ConnectedServers> {
    const { clock, fetchFor, tokenFor } = this.deps;
    const { connections, loaded } = this.#ofSandbox(client);
    const requested = new Map(servers.map((server) => [JSON.stringify(server), server]));
    const gone = [...connections].filter(([definition]) => !requested.has(definition));
    for (const [definition] of gone) connections.delete(definition);
    await Promise.all(gone.map(([, connection]) => connection.close()));
    const missing = () => [...requested].filter(([definition]) => !connections.has(definition));
    if (missing().length === 0) return { connections, loaded };
    const { createMcpConnection } = await import('./connect.ts');
    for (const [definition, server] of missing()) {
      connections.set(definition, createMcpConnection(server, { client, fetchFor, clock, tokenFor }));
    }
    return { connections, loaded };
  }

  #ofSandbox(client: SandboxClient): ConnectedServers {
    const known = this.#sandboxes.get(client);
    if (known) return known;
    const connectedServers: ConnectedServers = { connections: new Map(), loaded: new Set() };
    this.#sandboxes.set(client, connectedServers);
    client.trust.broken.addEventListener('abort', () => this.release(client), { once: true });
    return connectedServers;
  }
}
