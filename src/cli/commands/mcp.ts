import { createInterface } from 'node:readline';
import { combineSignals } from '../../core/concurrency/cancel.ts';
import { type JsonLimits, parseJsonWithinLimits } from '../../core/text/json.ts';
import { parseServerSentEvents } from '../../core/text/server-sent-events.ts';
import { type CliCommand, exitCodes } from '../command.ts';
import { writeWithBackpressure } from '../io.ts';

export const mcpCommand: CliCommand = {
  name: 'mcp',
  args: [],
  about: 'speaks the Model Context Protocol on standard input and output, so that an assistant can use the server',
  options: [],
  examples: ['corral mcp', 'claude mcp add corral -- corral mcp'],
  async run({ io, corral }) {
    const server = corral();
    await relayMcp({
      send: (body, headers, signal) => server.fetch('/mcp', { method: 'POST', body, headers, signal }),
      input: io.stdin,
      print: (line) => writeWithBackpressure(io.stdout, Buffer.from(`${line}\n`)),
      signal: io.signal,
    });
    return io.signal.aborted ? exitCodes.interrupted.code : exitCodes.ok.code;
  },
};

interface McpMessage {
  readonly id?: string | number | null;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message?: string };
}
const rpcErrors = { parse: -32_700, server: -32_000 } as const;

const failure = (id: McpMessage['id'], code: number, message: string) =>
  JSON.stringify({ jsonrpc: '2.0', id: id ?? null, error: { code, message } });

const named: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
};

function requestHeaders({ method = '', params }: McpMessage, version: string | undefined): Record<string, string> {
  const meta = params?._meta as Readonly<Record<string, unknown>> | undefined;
  const claimed = meta?.['io.modelcontextprotocol/protocolVersion'];
  const spoken = typeof claimed === 'string' ? claimed : version;
  const about = params?.[named[method] ?? ''];
  return {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...(spoken !== undefined && { 'mcp-protocol-version': spoken }),
    ...(method !== '' && { 'mcp-method': asHeader(method) }),
    ...(typeof about === 'string' && { 'mcp-name': asHeader(about) }),
  };
}

/** The protocol encodes header values in base64 unless they consist of printable ASCII. */
const asHeader = (text: string) =>
  /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !text.startsWith('=?')
    ? text
    : `=?base64?${Buffer.from(text).toString('base64')}?=`;

async function* readMessages(response: Response): AsyncGenerator<string> {
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
    const text = await response.text();
    if (text !== '') yield text;
    return;
  }
  if (!response.body) return;
  // The client expects each message on one line.
  for await (const { data } of parseServerSentEvents(response.body)) if (data) yield data.replaceAll('\n', '');
}

interface RelayParts {
  /** Rejects if no server answers. */
  readonly send: (body: string, headers: Record<string, string>, signal: AbortSignal) => Promise<Response>;
  readonly input: NodeJS.ReadableStream;
  readonly print: (line: string) => Promise<void> | undefined;
  readonly signal: AbortSignal;
}
/** Maximum requests in progress. Further requests wait, which limits memory. */
const maxOpen = 64;
const messageLimits: JsonLimits = { maxBytes: 64 * 1024 * 1024, maxDepth: 64, maxValues: 1_000_000 };
const drainMs = 5_000;

/** After the input closes, waits at most `drainMs` for pending requests. */
async function relayMcp({ send, input, print, signal }: RelayParts): Promise<void> {
  const open = new Map<McpMessage['id'], AbortController>();
  const left = new AbortController();
  const work = new Set<Promise<void>>();
  let version: string | undefined;

  async function pass(line: string, message: McpMessage): Promise<void> {
    const stop = new AbortController();
    if (message.id != null) open.set(message.id, stop);
    const until = combineSignals([signal, left.signal, stop.signal]);
    try {
      const response = await send(line, requestHeaders(message, version), until);
      for await (const text of readMessages(response)) {
        const reply = toClientLine(message, text, response);
        if (reply === undefined) continue;
        if (message.method === 'initialize') version = readVersion(reply) ?? version;
        await print(reply);
      }
    } catch (thrown) {
      if (until.aborted || message.id == null) return;
      await print(failure(message.id, rpcErrors.server, (thrown as Error).message));
    } finally {
      if (open.get(message.id) === stop) open.delete(message.id);
    }
  }

  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  const leave = () => lines.close();
  signal.addEventListener('abort', leave, { once: true });
  for await (const line of lines) {
    if (line.trim() === '') continue;
    const message = parsed(line);
    if (!message) {
      await print(failure(null, rpcErrors.parse, 'The line is not a JSON-RPC message.'));
      continue;
    }
    if (message.method === 'notifications/cancelled') {
      open.get(message.params?.requestId as McpMessage['id'])?.abort(); // closing the connection cancels the request
      continue;
    }
    if (message.method === undefined) continue;
    while (work.size >= maxOpen) await Promise.race(work);
    const passed = pass(line, message).finally(() => work.delete(passed));
    work.add(passed);
  }
  signal.removeEventListener('abort', leave);
  const late = setTimeout(() => left.abort(), drainMs);
  await Promise.all(work);
  clearTimeout(late);
}

function parsed(line: string): McpMessage | undefined {
  const value = parseJsonWithinLimits(line, messageLimits);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as McpMessage) : undefined;
}

/** Without the request's id, an error response would leave the client waiting forever. */
function toClientLine({ id }: McpMessage, text: string, { status }: Response): string | undefined {
  if (id == null) return undefined;
  if (status < 400) return text;
  const reply = parsed(text);
  if (reply?.error === undefined) return failure(id, rpcErrors.server, `The server answers ${status}.`);
  return JSON.stringify({ ...reply, id: reply.id ?? id });
}

function readVersion(text: string): string | undefined {
  const version = parsed(text)?.result?.protocolVersion;
  return typeof version === 'string' ? version : undefined;
}
