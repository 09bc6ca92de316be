import {
  Client,
  type JsonSchemaValidator,
  type Progress,
  ProtocolError,
  SdkError,
  SdkErrorCode,
  SdkHttpError,
  type Transport,
} from '@modelcontextprotocol/client';
import { z } from 'zod';
import { throwIfAborted } from '../../core/concurrency/cancel.ts';
import { type Clock, systemClock } from '../../core/contracts/clock.ts';
import { readErrorText } from '../../core/errors/error-text.ts';
import { AppError, type ErrorCode } from '../../core/errors/errors.ts';
import type { McpServer } from '../../core/model/tool-server.ts';
import { compileGlob } from '../../core/text/glob.ts';
import { truncateEnd } from '../../core/text/text.ts';
import { parseParameters } from '../tools/outside/portable-schema.ts';
import type { McpTool } from './server.ts';

export interface ToolServerTransport {
  readonly transport: Transport;
  ended(): string | undefined;
  /** Whether the last response was 401. Absent for a program in the sandbox. */
  refused?(): boolean;
}

const connectMs = 60_000;
const listMs = 20_000;
const restMs = 30_000;
const maxTools = 500;
const maxPages = 20;
const descriptionChars = 2_000;
const messageChars = 1_000;

export interface McpCallOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (text: string) => void;
}

/** Connects on first use, and again after the connection ends. */
export class McpConnection {
  readonly server: McpServer;
  readonly #open: () => ToolServerTransport;
  readonly #clock: Clock;
  #client: Promise<{ client: Client; way: ToolServerTransport }> | undefined;
  #tools: readonly McpTool[] | undefined;
  #isRefused = false;
  #failed: { readonly at: number; readonly error: AppError } | undefined;

  constructor(server: McpServer, open: () => ToolServerTransport, clock: Clock = systemClock) {
    this.server = server;
    this.#open = open;
    this.#clock = clock;
  }

  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** Filtered by the globs in the server's definition. Rejects as `call` does. */
  async tools(signal: AbortSignal): Promise<readonly McpTool[]> {
    if (this.#tools) return this.#tools;
    const listed = await this.#within(signal, (client) => this.#listed(client, signal));
    this.#tools ??= listed;
    return listed;
  }

  /** Rejects with cancelled, deadline_exceeded, unsupported, or the sandbox's own error. */
  async call(name: string, args: object, { signal, onProgress }: McpCallOptions): Promise<McpCallResult> {
    const { timeoutMs } = this.server;
    const request = { method: 'tools/call', params: { name, arguments: args as Record<string, unknown> } };
    const options = {
      signal,
      timeout: timeoutMs,
      maxTotalTimeout: timeoutMs,
      onprogress: ({ progress, total, message }: Progress) => onProgress(progressText({ progress, total, message })),
    };
    return await this.#within(signal, (client) => client.request(request, CallAnswer, options));
  }

  /** Retries once if the server does not know the session, because in that case it has not executed the request. */
  async #within<Done>(signal: AbortSignal, work: (client: Client) => Promise<Done>): Promise<Done> {
    for (let isFirst = true; ; isFirst = false) {
      const { client, way } = await this.#connected();
      try {
        return await work(client);
      } catch (thrown) {
        throwIfAborted(signal);
        if (!isFirst || !isForgotten(thrown)) throw this.#toAppError(thrown, way);
        await this.#lost(client); // not closed, because that would fail the client's other calls, which are retried too
      }
    }
  }

  async close(): Promise<void> {
    const open = this.#client;
    this.#client = undefined;
    this.#tools = undefined;
    await open?.then(({ client }) => client.close()).catch(() => {});
  }

  async #connected() {
    if (this.#failed && this.#clock.now() - this.#failed.at < restMs) throw this.#failed.error;
    this.#client ??= this.#connect();
    return await this.#client;
  }

  async #connect() {
    const way = this.#open();
    // No capabilities, so that the client refuses the server's own requests, such as sampling.
    const client = new Client(
      { name: 'corral', version: '1' },
      {
        capabilities: {},
        jsonSchemaValidator: trusting,
        listMaxPages: maxPages,
      },
    );
    client.setNotificationHandler('notifications/tools/list_changed', () => {
      this.#tools = undefined;
    });
    client.onclose = () => void this.#lost(client);
    try {
      await client.connect(way.transport, { timeout: connectMs });
      const opened = { client, way };
      this.#failed = undefined;
      return opened;
    } catch (thrown) {
      const error = this.#toAppError(thrown, way);
      this.#failed = { at: this.#clock.now(), error };
      this.#client = undefined;
      await client.close().catch(() => {});
      throw error;
    }
  }

  async #lost(client: Client): Promise<void> {
    await this.#client?.then(
      (open) => {
        if (open.client !== client) return;
        this.#client = undefined;
        this.#tools = undefined;
      },
      () => {},
    );
  }

  async #listed(client: Client, signal: AbortSignal): Promise<McpTool[]> {
    const allowed = this.server.tools.map(compileGlob);
    const tools = await listedTools(client, { signal, timeout: listMs });
    const fits = ({ name }: { name: string }) => allowed.some((glob) => glob(name));
    return tools.filter(fits).slice(0, maxTools).map(described);
  }

  /** Shortens the tool server's own text and names its source. */
  #toAppError(thrown: unknown, way: ToolServerTransport): AppError {
    this.#isRefused = way.refused?.() ?? false;
    if (thrown instanceof AppError && kept.has(thrown.code)) return thrown;
    const { name, timeoutMs } = this.server;
    const ended = way.ended();
    if (thrown instanceof SdkError && thrown.code === SdkErrorCode.RequestTimeout) {
      const seconds = Math.round(timeoutMs / 1_000);
      return new AppError('deadline_exceeded', `The tool server ${name} did not answer within ${seconds} s.`);
    }
    if (thrown instanceof ProtocolError) {
      return failed(
        `The tool server ${name} answered with an error: ${truncateEnd(thrown.message, messageChars)}`,
        thrown,
      );
    }
    if (ended !== undefined || (thrown instanceof SdkError && thrown.code === SdkErrorCode.ConnectionClosed)) {
      const why = truncateEnd(ended ?? 'its connection was interrupted', messageChars);
      return failed(`The tool server ${name} stopped: ${why}. The next call starts it again.`, thrown);
    }
    const message = truncateEnd(describeError(thrown), messageChars);
    const advice = 'url' in this.server ? adviceFor(thrown) : undefined;
    const text = `The tool server ${name} cannot be used: ${message}`;
    return failed(advice === undefined ? text : `${text.replace(/\.$/, '')}. ${advice}`, thrown);
  }
}

const kept: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'cancelled',
  'deadline_exceeded',
  'sandbox_lost',
  'sandbox_unresponsive',
  'sandbox_untrusted',
]);

/** The protocol requires 404. Older servers send 400 with a message about the session. */
const isForgotten = (thrown: unknown): boolean =>
  thrown instanceof SdkHttpError &&
  (thrown.status === 404 || (thrown.status === 400 && /session/i.test(String(thrown.data.text))));

function describeError(thrown: unknown): string {
  if (thrown instanceof AppError) return thrown.publicMessage;
  if (thrown instanceof z.core.$ZodError) return 'its answer is not a message of the protocol (JSON-RPC 2.0).';
  const { message } = thrown as Error;
  if (!(thrown instanceof SdkHttpError)) return message;
  return `it answered ${thrown.status}: ${readErrorText(message.replace('Error POSTing to endpoint: ', '')) || 'without a reason'}`;
}

const ownAdvice: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['forbidden', 'unauthorized', 'invalid_request']);

/** Undefined: the message already says what to do. */
function adviceFor(thrown: unknown): string | undefined {
  if (thrown instanceof AppError && ownAdvice.has(thrown.code)) return undefined;
  const status = thrown instanceof SdkHttpError ? (thrown.status ?? 0) : 0;
  if (status === 401 || status === 403) return 'Check the access that it needs.';
  return status >= 500 ? 'Its own log may say why.' : 'Check its address and that it is running.';
}

const failed = (text: string, cause: unknown) => new AppError('unsupported', text, { cause });

/** Never compiles the server's schemas, because no code here depends on a result's shape. */
const trusting = {
  getValidator:
    <Value>(): JsonSchemaValidator<Value> =>
    (input) => ({ valid: true, data: input as Value, errorMessage: undefined }),
};

/** One field that deviates from the protocol must not invalidate the whole result. */
const CallAnswer = z.looseObject({}).transform(({ content, structuredContent, isError, _meta, ...others }) => ({
  structuredContent,
  others,
  content: [content ?? []].flat() as unknown[],
  isError: isError === true || isError === 'true',
}));
export type McpCallResult = z.output<typeof CallAnswer>;

const text = z.string().optional().catch(undefined);
const ListedTool = z.object({ name: z.string(), title: text, description: text, inputSchema: z.unknown() });
type ListedTool = z.output<typeof ListedTool>;
const ToolPage = z.object({ tools: z.array(z.unknown()), nextCursor: text });

/** A tool that the MCP SDK rejects must not affect the others. */
async function listedTools(client: Client, options: { signal: AbortSignal; timeout: number }): Promise<ListedTool[]> {
  try {
    return (await client.listTools(undefined, options)).tools.map((tool) => ListedTool.parse(tool));
  } catch (thrown) {
    if (!(thrown instanceof SdkError && thrown.code === SdkErrorCode.InvalidResult)) throw thrown;
  }
  const all: ListedTool[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < maxPages; page++) {
    const request = { method: 'tools/list', params: cursor === undefined ? {} : { cursor } };
    const found = await client.request(request, ToolPage, options);
    all.push(...found.tools.flatMap((tool) => ListedTool.safeParse(tool).data ?? []));
    cursor = found.nextCursor;
    if (cursor === undefined) break;
  }
  return all;
}

function described({ name, title, description, inputSchema }: ListedTool): McpTool {
  return {
    name: truncateEnd(name, 200),
    title: title === undefined ? undefined : truncateEnd(title, 80),
    description: truncateEnd(description ?? '', descriptionChars),
    ...parseParameters(inputSchema),
  };
}

const progressText = ({
  progress,
  total,
  message,
}: {
  progress: number;
  total: number | undefined;
  message?: string | undefined;
}): string => {
  const share = total === undefined ? `${progress}` : `${progress}/${total}`;
  return `${truncateEnd(message === undefined ? share : `${share} ${message}`, 500)}\n`;
};
