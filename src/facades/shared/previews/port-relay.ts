import {
  Agent,
  request as ask,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Duplex } from 'node:stream';
import { limitInterimResponses } from '../../../core/concurrency/interim-answers.ts';
import { isValidReasonPhrase } from '../../../core/text/text.ts';
import { withoutPreviewCookies } from './cookies.ts';

interface RelayedRequest {
  readonly connection: Duplex;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly signal: AbortSignal;
  /** Changes the response's raw headers. Default: `withoutHopByHopHeaders`. */
  readonly changed?: (raw: readonly string[]) => string[];
  /** Must send an error response. */
  failed(how: RelayFailure): void;
}
export type RelayFailure = 'closed' | 'invalid';
/** An error without a code also means invalid HTTP. */
const failureOf = ({ code = 'HPE_' }: NodeJS.ErrnoException): RelayFailure =>
  code.startsWith('HPE_') ? 'invalid' : 'closed';
type RelayedUpgrade = Pick<RelayedRequest, 'connection' | 'path' | 'headers' | 'changed' | 'failed'> & {
  readonly client: Duplex;
};

function toHead(answer: IncomingMessage, changed: (raw: readonly string[]) => string[], isUpgrade = false) {
  const { statusCode: status = 0, statusMessage = '', rawHeaders, headers } = answer;
  const { 'transfer-encoding': coding = '' } = headers;
  if (status < 200 && !isUpgrade) return undefined;
  // `transfer-encoding` is not passed on, so the client could not decode any coding other than `chunked`
  if (!/^(chunked|identity)?$/i.test(coding)) return undefined;
  const reason = isValidReasonPhrase(statusMessage) ? statusMessage : (STATUS_CODES[status] ?? '');
  return { status, reason, headers: changed(rawHeaders) };
}

export async function relayRequest(relayed: RelayedRequest): Promise<void> {
  const { connection, request, response, path, headers, signal, changed = withoutHopByHopHeaders, failed } = relayed;
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
  limitInterimResponses(outgoing);
  let isWhole = () => false;
  outgoing.once('response', (answer) => {
    isWhole = () => answer.complete;
    answer.once('error', () => response.destroy());
    const head = toHead(answer, changed);
    if (!head) return void outgoing.destroy(new Error('no valid answer'));
    for (const name of response.getHeaderNames()) response.removeHeader(name);
    response.writeHead(head.status, head.reason, head.headers);
    answer.pipe(response);
  });
  outgoing.once('upgrade', (_answer, socket: Duplex) => {
    socket.destroy();
    failed('invalid');
  });
  outgoing.once('error', (error) => {
    if (response.headersSent && isWhole()) return; // the response is complete; the error concerns extra bytes after it
    if (response.headersSent) return void response.destroy();
    failed(failureOf(error));
  });
  request.once('error', leave);
  request.pipe(outgoing);
  response.once('close', over.resolve);
  await over.promise;
  signal.removeEventListener('abort', leave);
  connection.destroy();
}

/** Hop-by-hop headers, and headers that affect other hosts, such as `clear-site-data`. */
const hops = new Set([
  ...['connection', 'keep-alive', 'transfer-encoding', 'proxy-authenticate', 'proxy-connection', 'trailer'],
  ...['clear-site-data', 'alt-svc', 'nel', 'report-to'],
]);
export function withoutHopByHopHeaders(raw: readonly string[], without: ReadonlySet<string> = new Set()): string[] {
  const kept: string[] = [];
  const named = raw.flatMap((name, at) =>
    at % 2 === 0 && name.toLowerCase() === 'connection' ? parseConnectionHeader(raw[at + 1]) : [],
  );
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? '';
    const key = name.toLowerCase();
    if (!hops.has(key) && !without.has(key) && !named.includes(key)) kept.push(name, raw[at + 1] ?? '');
  }
  return kept;
}

/** Omits `upgrade`, because upgrades are relayed. */
export const parseConnectionHeader = (connection = ''): string[] =>
  connection
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== 'upgrade');

export function rewriteHeaders(
  raw: readonly string[],
  change: (name: string, value: string) => string | undefined,
): string[] {
  const kept: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? '';
    const value = change(name.toLowerCase(), raw[at + 1] ?? '');
    if (value !== undefined) kept.push(name, value);
  }
  return kept;
}

/** Joins the two connections until one closes. Removes cookies from the response. */
export async function relayUpgrade(relayed: RelayedUpgrade): Promise<void> {
  const { connection, client, path, headers, changed = withoutHopByHopHeaders, failed } = relayed;
  const over = Promise.withResolvers<void>();
  const agent = new Agent();
  agent.createConnection = () => connection;
  const outgoing = ask({ agent, path, headers: { ...headers, connection: 'Upgrade' }, maxHeaderSize: 64 * 1024 });
  limitInterimResponses(outgoing);
  let isAnswered = false;
  const begin = (answer: IncomingMessage, ending: 'Upgrade' | 'close') => {
    const head = toHead(answer, (raw) => withoutHopByHopHeaders(changed(raw), cookies), ending === 'Upgrade');
    if (!head) return void outgoing.destroy(new Error('no valid answer'));
    isAnswered = true;
    const lines = [`HTTP/1.1 ${head.status} ${head.reason}`];
    for (let at = 0; at < head.headers.length; at += 2) lines.push(`${head.headers[at]}: ${head.headers[at + 1]}`);
    client.write(`${[...lines, `Connection: ${ending}`].join('\r\n')}\r\n\r\n`, 'latin1');
    return true;
  };
  outgoing.once('upgrade', (answer, inside: Duplex, first: Buffer) => {
    if (!begin(answer, 'Upgrade')) return;
    if (first.length > 0) inside.unshift(first);
    joined(client, inside);
  });
  outgoing.once('response', (answer) => {
    answer.once('error', () => client.destroy());
    if (begin(answer, 'close')) answer.pipe(client);
  });
  outgoing.once('error', (error) => {
    if (isAnswered) return void client.destroy();
    failed(failureOf(error));
  });
  client.on('error', () => {});
  client.once('close', over.resolve);
  if (client.destroyed) over.resolve();
  outgoing.end();
  await over.promise;
  connection.destroy();
}
const cookies = new Set(['set-cookie', 'set-cookie2']);

function joined(client: Duplex, inside: Duplex): void {
  for (const [from, to] of [
    [client, inside],
    [inside, client],
  ] as const) {
    from.pipe(to);
    from.on('error', () => {});
    from.once('close', () => to.destroy());
  }
}

interface Addressed {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}
/** Removes this server's credentials, which a sandbox must not get. Keeps the program's own. */
export function withoutCallerCredentials<Request extends Addressed>(
  request: Request,
  isOurs: (text: string) => boolean,
) {
  const hasOurs = (value: string) => listWords(value).some(isOurs);
  const headers: IncomingHttpHeaders = {};
  for (const [name, value] of Object.entries(request.headers)) {
    const kept = name === 'cookie' ? withoutPreviewCookies(String(value ?? ''), hasOurs) : value;
    if (kept === undefined || (name !== 'cookie' && [kept].flat().some(hasOurs))) continue;
    headers[name] = kept;
  }
  const [path = '', query] = request.url.split(/\?(.*)/s, 2);
  const kept = query?.split('&').filter((pair) => !hasOurs(pair.slice(pair.indexOf('=') + 1)));
  return {
    ...request,
    headers,
    url: kept === undefined || (query !== '' && kept.length === 0) ? path : `${path}?${kept.join('&')}`,
  };
}

/** Lists every part that can be a credential, as sent and decoded. */
function listWords(value: string): string[] {
  const words = value.split(/[\s,;]+/).flatMap((word) => {
    const bare = (text: string) => text.replace(/^"|"$/g, '');
    return [bare(word), bare(word.replace(/^[\w.-]*=/, '')), unescaped(word)];
  });
  const [, basic] = /^basic\s+(\S+)/i.exec(value) ?? [];
  const pair = Buffer.from(basic ?? '', 'base64').toString();
  const carried = words.flatMap((word) => /^corral\.bearer\.(.+)$/.exec(word)?.[1] ?? []);
  return [
    ...words,
    ...(basic ? [pair.slice(0, Math.max(0, pair.indexOf(':'))), pair.slice(pair.indexOf(':') + 1)] : []),
    ...carried.map((text) => Buffer.from(text, 'base64url').toString()),
  ].filter((word) => word !== '');
}
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function destroyOnAbort(signal: AbortSignal, connection: { destroy(): unknown }): Disposable {
  const stop = () => void connection.destroy();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  return { [Symbol.dispose]: () => signal.removeEventListener('abort', stop) };
}
