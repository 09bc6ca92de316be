import { Agent, request as ask, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

// Passes requests on to programs in sandboxes, over a connection to their port.

interface RelayedRequest {
  readonly connection: Duplex;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  /** The headers that the program gets. */
  readonly headers: OutgoingHttpHeaders;
  readonly signal: AbortSignal;
  /** Changes the raw headers of the program's answer; by default only those of one connection are left out. */
  readonly changed?: (raw: readonly string[]) => string[];
  /** Answers when the program closed the connection before it answered. */
  failed(): void;
}

/** Passes one request on, and its answer back, as they come. */
export async function relay(relayed: RelayedRequest): Promise<void> {
  const { connection, request, response, path, headers, signal, changed = withoutHops, failed } = relayed;
  const over = Promise.withResolvers<void>();
  const leave = () => void connection.destroy();
  signal.addEventListener('abort', leave, { once: true });
  const isChunked = request.headers['transfer-encoding'] !== undefined;
  const agent = new Agent();
  agent.createConnection = () => connection;
  const outgoing = ask({
    agent,
    method: request.method,
    path,
    headers: { ...headers, connection: 'close', ...(isChunked && { 'transfer-encoding': 'chunked' }) },
    maxHeaderSize: 64 * 1024,
  });
  outgoing.once('response', (answer) => {
    for (const name of response.getHeaderNames()) response.removeHeader(name); // the program's answer stays as it is
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, changed(answer.rawHeaders));
    answer.once('error', () => response.destroy());
    answer.pipe(response);
  });
  outgoing.once('upgrade', (_answer, socket: Duplex) => {
    socket.destroy(); // nobody asked for it
    response.destroy();
  });
  outgoing.once('error', () => {
    if (response.headersSent) return void response.destroy();
    failed();
  });
  request.once('error', leave);
  request.pipe(outgoing);
  response.once('close', over.resolve);
  await over.promise;
  signal.removeEventListener('abort', leave);
  connection.destroy();
}

const hops = new Set(['connection', 'keep-alive', 'transfer-encoding']);
export function withoutHops(raw: readonly string[], without: ReadonlySet<string> = new Set()): string[] {
  const kept: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? '';
    const key = name.toLowerCase();
    if (!hops.has(key) && !without.has(key)) kept.push(name, raw[at + 1] ?? '');
  }
  return kept;
}

/** The head of an upgrade, as the program behind the port gets it. */
export function upgradeHead(method: string, path: string, headers: OutgoingHttpHeaders): string {
  const lines = Object.entries({ ...headers, connection: 'Upgrade' }).flatMap(([name, value]) =>
    [value ?? []].flat().map((one) => `${name}: ${one}`),
  );
  return `${[`${method} ${path} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`;
}

/** Joins two connections until one of them closes. */
export function joined(client: Duplex, inside: Duplex): void {
  for (const [from, to] of [
    [client, inside],
    [inside, client],
  ] as const) {
    from.pipe(to);
    from.on('error', () => {}); // `close` follows and handles it
    from.once('close', () => to.destroy());
  }
}

/** Closes the connection when the signal fires. */
export function breaking(signal: AbortSignal, connection: { destroy(): unknown }): Disposable {
  const stop = () => void connection.destroy();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  return { [Symbol.dispose]: () => signal.removeEventListener('abort', stop) };
}
