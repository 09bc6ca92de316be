import {
  deserializeMessage,
  type FetchLike,
  type JSONRPCMessage,
  serializeMessage,
  type Transport,
} from '@modelcontextprotocol/client';
import type { Clock } from '../../core/contracts/clock.ts';
import { AppError, ignoreNotFound } from '../../core/errors/errors.ts';
import type { McpServer, RemoteToolServer, SessionVaults } from '../../core/model/tool-server.ts';
import { createBoundedTextDecoder } from '../../core/text/arriving-text.ts';
import { findExceededJsonLimit } from '../../core/text/json.ts';
import type { Secret } from '../../core/text/secret.ts';
import { truncateStart } from '../../core/text/text.ts';
import type { ProgramClient, ProgramPipes, ProgramSpec, SandboxClient } from '../../sandboxes/client/client.ts';
import { McpConnection, type ToolServerTransport } from './connection.ts';
import { createHttpTransport } from './http-transport.ts';
import { createLineSplitter, findResponseId, type ParsedLine } from './lines.ts';
import { createTokenFetch } from './token-fetch.ts';

interface McpTransport {
  readonly client: SandboxClient;
  readonly fetchFor: ToolServerFetchFactory;
  readonly clock: Clock;
  readonly tokenFor?:
    | ((url: string, vaults: SessionVaults, refused?: Secret) => Promise<Secret | undefined>)
    | undefined;
}

/** The returned fetch reaches only the networks allowed for the tool server. */
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

const errorsChars = 1_000;
const startMs = 60_000;
const endMs = 10_000;
const limits = { maxDepth: 200, maxValues: 200_000 };

export class ProgramTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #programs: ProgramClient;
  readonly #program: ProgramSpec;
  #pipes: ProgramPipes | undefined;
  readonly #errors = createBoundedTextDecoder(errorsChars, truncateStart);
  #ended: string | undefined;
  #isClosed = false;

  constructor(programs: ProgramClient, program: ProgramSpec) {
    this.#programs = programs;
    this.#program = program;
  }

  readonly ended = (): string | undefined => this.#ended;

  get transport(): this {
    return this;
  }

  /** Starts a new program, because one that is already running may be in the middle of a conversation. */
  async start(): Promise<void> {
    const signal = AbortSignal.timeout(startMs);
    await this.#programs.close(this.#program.id, signal).catch(ignoreNotFound);
    await this.#programs.open(this.#program, signal);
    const split = createLineSplitter();
    const reader = {
      onOutput: async (chunk: Buffer) => {
        for (const line of split(chunk)) this.#hear(line);
        await new Promise(setImmediate);
      },
      onErrors: this.#errors.add,
    };
    const pipes = await this.#programs.attach(this.#program.id, reader, signal);
    this.#pipes = pipes;
    void this.#follow(pipes);
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (!this.#pipes || this.#isClosed) throw new Error('the program has ended');
    await this.#pipes.write(Buffer.from(serializeMessage(message)));
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#pipes?.detach();
    this.onclose?.();
    await this.#programs.close(this.#program.id, AbortSignal.timeout(endMs)).catch(() => {});
  }

  async #follow(pipes: ProgramPipes): Promise<void> {
    try {
      const { exitCode } = await pipes.ended;
      const text = this.#errors.text();
      this.#ended = `it ended with exit code ${exitCode}${text === '' ? '' : `, after it printed: ${text}`}`;
    } catch (thrown) {
      this.#ended = thrown instanceof AppError ? thrown.publicMessage : 'its connection was interrupted';
    }
    await this.close();
  }

  #hear(line: ParsedLine): void {
    if (line.kind === 'too_long') {
      this.#refuse(line);
      return;
    }
    const bytes = Buffer.from(line.text);
    // Some servers also print other text.
    if (!line.text.startsWith('{') || findExceededJsonLimit(bytes, limits) !== undefined) return;
    try {
      this.onmessage?.(deserializeMessage(line.text));
    } catch (thrown) {
      this.onerror?.(thrown as Error);
    }
  }

  #refuse(line: Extract<ParsedLine, { kind: 'too_long' }>): void {
    const id = findResponseId(line);
    if (id === undefined) {
      this.#ended = 'it sent a message larger than 4 MiB';
      void this.close();
    } else {
      const error = { code: -32_000, message: 'the answer is larger than 4 MiB' };
      this.onmessage?.({ jsonrpc: '2.0', id, error });
    }
  }
}
