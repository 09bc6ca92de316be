import { type ClientRequest, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { Transform } from 'node:stream';
import type { Client } from './client.ts';
import { type Credential, placeholderIn } from './credentials/credential.ts';
import { withhold } from './credentials/withhold.ts';
import type { OpenUpstream } from './open-upstream.ts';
import { type Passing, pour } from './pour.ts';
import { Refusal } from './refusal.ts';
import { authorityOf, parseAuthority, type Target } from './target.ts';

const hopByHop = new Set([
  'connection',
  'expect', // answered by the proxy
  'host', // written again from the checked target
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Forwards one plain HTTP request: decides on it alone and sends it over a connection of its own. */
export async function forward(
  { client, open, credentials }: { client: Client; open: OpenUpstream; credentials: readonly Credential[] },
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  client.active();
  client.count(headBytes(req));
  const wish = wishOf(client, req);
  if (wish instanceof Refusal) return refuse(res, wish);
  const misplaced = placeholderIn(req, credentials);
  if (misplaced) return refuse(res, misplacedRefusal(client, wish.target, misplaced));
  const opened = await open(client, wish.target);
  if (opened.kind === 'refused') return refuse(res, opened.refusal);

  const { upstream } = opened;
  const outgoing = request({
    createConnection: () => upstream,
    setHost: false,
    method: req.method ?? 'GET',
    path: wish.path,
    headers: requestHeaders(req, wish.target),
  });
  const answered = answer(outgoing, { client, target: wish.target, res });
  req.on('data', (chunk: Buffer) => client.count(chunk.length));
  if (credentials.length === 0) req.pipe(outgoing);
  else {
    const guard = guardOf(credentials, (credential) => {
      outgoing.destroy();
      refuse(res, misplacedRefusal(client, wish.target, credential));
    });
    req.pipe(guard).pipe(outgoing);
  }
  await answered;
  upstream.destroy();
  // The server answered before it had the whole request; the rest of the request has no receiver.
  if (!req.complete) client.farewell(new Uint8Array());
}

/** Ends bytes that have the placeholder of a credential. */
export function guardOf(credentials: readonly Credential[], found: (credential: Credential) => void): Transform {
  const texts = credentials.map(({ placeholder }) => Buffer.from(placeholder));
  return withhold(texts, (which) => found(credentials[which] as Credential));
}

/** Reports that a placeholder was sent to a host that its credential is not bound to. */
export function misplacedRefusal(client: Client, target: Target, { name }: Credential): Refusal {
  client.tell(target, 'refused', `credential: ${name} is not bound to this host`);
  const advice = 'Send it only to the hosts of the credential.';
  return Refusal.of(target, `the request has the placeholder of the credential '${name}', which is not for it`, advice);
}

interface Answering {
  readonly client: Client;
  readonly target: Target;
  readonly res: ServerResponse;
  /** Checks the answer's body on its way. */
  readonly through?: Passing;
  /** Texts that no header of the answer may carry. */
  readonly secrets?: readonly Buffer[];
}

/** Passes the answer to a request on. Resolves when it has left, or the sandbox has. */
export function answer(
  outgoing: ClientRequest,
  { client, target, res, through, secrets = [] }: Answering,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  res.once('close', resolve);
  let complete = () => false;
  const broken = (error: Error) => {
    if (complete()) return; // the server answered, and hung up on the rest of the upload
    if (!res.headersSent)
      refuse(res, Refusal.failed(target, `the server's answer broke off (${error.message})`, false));
    else client.socket.destroy(); // a truncated answer must not look like a complete one
  };
  outgoing.on('error', broken);
  outgoing.once('response', (incoming) => {
    client.count(headBytes(incoming));
    complete = () => incoming.complete;
    incoming.on('error', broken);
    const headers = endToEnd(incoming);
    if (secrets.some((secret) => headers.some((value) => value.includes(secret.toString())))) {
      client.tell(target, 'refused', 'credential: the answer repeats it');
      client.socket.destroy();
      return;
    }
    res.writeHead(incoming.statusCode ?? 502, incoming.statusMessage, headers);
    incoming.on('data', (chunk: Buffer) => client.count(chunk.length));
    pour(incoming, res, through);
  });
  return promise;
}

/** The target and path of a request: from its absolute URL, or from the tunnel that carries it. */
function wishOf(client: Client, req: IncomingMessage): { target: Target; path: string } | Refusal {
  const url = req.url ?? '';
  if (client.pinned) {
    const asked = parseAuthority(req.headers.host ?? '', client.pinned.port);
    if (asked?.host === client.pinned.host && asked.port === client.pinned.port && /^[/*]/.test(url)) {
      return { target: client.pinned, path: url };
    }
    const host = req.headers.host ?? 'none';
    client.tell(client.pinned, 'refused', 'HTTP Host differs');
    return Refusal.of(
      client.pinned,
      `its tunnel carries a request for another host (${host})`,
      'Open one tunnel per host.',
    );
  }
  const match = /^http:\/\/([^/?#]+)([^#]*)/i.exec(url);
  const target = parseAuthority(match?.[1] ?? '', 80);
  if (!match || !target) {
    const advice = 'Use CONNECT host:port for TLS, an absolute http:// URL for plain HTTP, or SOCKS5.';
    return new Refusal(400, `this is a proxy and does not understand that request. ${advice}`);
  }
  const rest = match[2] ?? '';
  return { target, path: rest.startsWith('/') ? rest : `/${rest}` };
}

function requestHeaders(req: IncomingMessage, target: Target): string[] {
  const host = target.port === 80 ? authorityOf(target).replace(/:80$/, '') : authorityOf(target);
  const headers = ['Host', host, ...endToEnd(req), 'Connection', 'close'];
  if (req.headers['transfer-encoding'] !== undefined) return [...headers, 'Transfer-Encoding', 'chunked'];
  const mayHaveBody = !['GET', 'HEAD', 'OPTIONS', 'DELETE', 'TRACE'].includes(req.method ?? '');
  if (req.headers['content-length'] === undefined && mayHaveBody) headers.push('Content-Length', '0');
  return headers;
}

/** The headers that are not hop-by-hop, in their original spelling. */
export function endToEnd({ rawHeaders, headers }: IncomingMessage): string[] {
  const named = (headers.connection ?? '').toLowerCase().split(',');
  const drop = new Set([...hopByHop, ...named.map((name) => name.trim())]);
  drop.delete('content-length'); // Connection must not hide a body's length
  const kept: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    if (!drop.has(name.toLowerCase())) kept.push(name, rawHeaders[at + 1] ?? '');
  }
  return kept;
}

export function refuse(res: ServerResponse, refusal: Refusal): void {
  if (res.destroyed || res.headersSent) return;
  res.writeHead(refusal.status, refusal.reason, { 'Content-Type': 'text/plain; charset=utf-8' });
  res.end(`${refusal.text}\n`);
}

export const headBytes = ({ rawHeaders, url }: IncomingMessage): number =>
  rawHeaders.reduce((sum, text) => sum + text.length + 2, url?.length ?? 0);
