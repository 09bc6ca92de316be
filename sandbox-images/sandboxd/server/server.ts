import { createHash, createPublicKey, verify } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import { AppError, type ErrorCode, toAppError } from '../../../src/core/errors/errors.ts';
import { type Daemon, daemonLimits } from '../daemon.ts';
import { acceptUpgrade, rejectUpgrade, streamProtocol } from './http-upgrade.ts';
import type { PathParameters, Route, RouteReply, StreamedBody } from './route.ts';
import { daemonRoutes } from './routes.ts';

const statuses: Partial<Record<ErrorCode, number>> = {
  invalid_request: 400,
  unauthorized: 401,
  path_outside: 403,
  not_found: 404,
  file_not_found: 404,
  shell_not_found: 404,
  conflict: 409,
  file_changed: 412,
  fenced: 409,
  payload_too_large: 413,
  unsupported: 501,
  quota: 507,
};

export function createDaemonServer(daemon: Daemon, token: string): Server {
  const admit = newestOwner();
  const server = createServer({ maxHeaderSize: 16 * 1024 }, (request, response) => {
    answer(daemon, { token, admit }, request, response).catch((thrown) => void sendError(response, toAppError(thrown)));
  });
  server.on('upgrade', (request, socket, head) => {
    if (head.length > 0) socket.unshift(head);
    socket.on('error', () => {});
    upgraded(daemon, { token, admit }, request, socket).catch((thrown) => {
      const error = toAppError(thrown);
      rejectUpgrade(socket, statuses[error.code] ?? 500, error);
    });
  });
  // No timeouts, because idle connections wait for the Corral server's next request.
  server.keepAliveTimeout = 0;
  server.headersTimeout = 0;
  server.requestTimeout = 0;
  server.on('clientError', (_error, socket) => void socket.destroy());
  return server;
}

interface ServerAccess {
  readonly token: string;
  /** Throws `fenced` if a later owner has sent a request. */
  readonly admit: (epoch: string | string[] | undefined) => void;
}

/** Each server that takes over a session gets a higher epoch than the previous one. */
function newestOwner(): ServerAccess['admit'] {
  let newest = 0;
  return (reply) => {
    const epoch = Number(reply ?? newest);
    if (!(epoch >= newest)) throw new AppError('fenced', 'Another server has taken over this session and its sandbox.');
    newest = epoch;
  };
}

function taken(daemon: Daemon, { token, admit }: ServerAccess, request: IncomingMessage) {
  if (!hasValidToken(request.headers.authorization, token)) {
    throw new AppError('unauthorized', 'The token of this sandbox is missing or wrong.');
  }
  admit(request.headers['corral-epoch']);
  const url = URL.parse(request.url ?? '', 'http://sandbox');
  if (!url) throw new AppError('invalid_request', 'The URL is not valid.');
  const found = findRoute(request.method ?? '', url.pathname);
  if (!found) throw new AppError('not_found', `There is no ${request.method} ${url.pathname} here.`);
  if (!found.route.quiet) daemon.touch();
  return { ...found, query: url.searchParams };
}

async function upgraded(daemon: Daemon, door: ServerAccess, request: IncomingMessage, connection: Duplex) {
  const { route, params } = taken(daemon, door, request);
  if (!route.stream || request.headers.upgrade !== streamProtocol) {
    throw new AppError('invalid_request', `The protocol ${request.headers.upgrade} is not supported here.`);
  }
  acceptUpgrade(connection, await route.stream(daemon, params), () => daemon.touch());
}

async function answer(daemon: Daemon, door: ServerAccess, request: IncomingMessage, response: ServerResponse) {
  const { route, params, query } = taken(daemon, door, request);
  const hangUp = new AbortController();
  // Each abort creates an error object, so abort only incomplete responses.
  response.once('close', () => {
    if (!response.writableFinished) hangUp.abort();
  });
  const reply = await route.handle({
    daemon,
    params,
    query,
    json: () => readJson(request),
    raw: request,
    signal: hangUp.signal,
  });
  await sendReply(response, reply, hangUp.signal);
}

async function sendReply(response: ServerResponse, reply: RouteReply, signal: AbortSignal): Promise<void> {
  if (reply === undefined) {
    response.writeHead(204).end();
  } else if ('chunks' in reply) {
    await sendChunks(response, reply, signal);
  } else {
    const body = JSON.stringify(reply.json);
    if (Buffer.byteLength(body) > daemonLimits.answerBytes) {
      throw new AppError('payload_too_large', 'The response is larger than 16 MiB. Request less at a time.');
    }
    response
      .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
      .end(body);
  }
}

async function sendChunks(response: ServerResponse, { chunks, size, trailer }: StreamedBody, signal: AbortSignal) {
  response.writeHead(200, {
    'content-type': 'application/octet-stream',
    ...(size === undefined ? {} : { 'content-length': size }),
    ...(trailer === undefined ? {} : { trailer: trailer.name }),
  });
  response.flushHeaders();
  for await (const chunk of chunks) {
    if (signal.aborted) return;
    await written(response, chunk);
  }
  if (trailer) response.addTrailers({ [trailer.name]: trailer.value() });
  response.end();
}

async function written(response: ServerResponse, chunk: Uint8Array): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = () => resolve();
  response.once('close', done);
  response.write(chunk, done);
  await promise;
  response.off('close', done);
}

async function sendError(response: ServerResponse, error: AppError): Promise<void> {
  if (error.code === 'internal') process.stderr.write(`sandboxd: ${inspectable(error)}\n`);
  // After the first byte, only a broken connection can signal an error.
  if (response.headersSent) return void response.destroy();
  const body = JSON.stringify({ error: { code: error.code, message: error.publicMessage } });
  const { req } = response;
  await discardRest(req);
  // Close the connection if the body has unread data, which would be parsed as the next request.
  const rest = req.complete ? {} : { connection: 'close' };
  response.writeHead(statuses[error.code] ?? 500, { 'content-type': 'application/json', ...rest }).end(body);
  if (!req.complete) req.resume();
}

const restMs = 200;
/** A client that is still writing when the connection closes may miss the response. */
async function discardRest(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return;
  request.resume();
  await finished(request, { signal: AbortSignal.timeout(restMs), cleanup: true }).catch(() => {});
}

const inspectable = (error: AppError) => (error.cause instanceof Error ? error.cause.stack : String(error.cause));

function findRoute(method: string, pathname: string): { route: Route; params: PathParameters } | undefined {
  const parts = pathname.split('/');
  for (const route of daemonRoutes) {
    if (route.method !== method) continue;
    const params = matchPath(route.path.split('/'), parts);
    if (params) return { route, params };
  }
  return undefined;
}

function matchPath(pattern: readonly string[], parts: readonly string[]): PathParameters | undefined {
  if (pattern.length !== parts.length) return undefined;
  const params: PathParameters & Record<string, string> = { id: '', pid: '', port: '' };
  for (const [index, want] of pattern.entries()) {
    const got = parts[index] ?? '';
    if (want.startsWith('{')) {
      try {
        params[want.slice(1, -1)] = decodeURIComponent(got);
      } catch {
        return undefined;
      }
    } else if (want !== got) return undefined;
  }
  return params;
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > daemonLimits.jsonBytes) throw new AppError('payload_too_large', 'The body is larger than 10 MiB.');
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString());
  } catch (cause) {
    throw new AppError('invalid_request', 'The body is not JSON.', { cause });
  }
}

/**
 * `token`: the token, `sha256:<hash>` or `ed25519:<public key>:<uid>`. Only the last two are safe in an environment
 * that other processes can read.
 */
export function hasValidToken(authorization = '', token: string): boolean {
  const [kind, key = '', uid = ''] = token.split(':');
  const value = authorization.startsWith('Bearer ') ? authorization.slice('Bearer '.length) : '';
  if (kind === 'ed25519') return isSigned(value, key, uid);
  if (kind !== 'sha256') return sameText(authorization, `Bearer ${token}`);
  return sameText(`sha256:${createHash('sha256').update(value).digest('hex')}`, token);
}

let accepted: string | undefined;
function isSigned(signature: string, x: string, uid: string): boolean {
  const whole = `${x} ${uid} ${signature}`;
  if (accepted !== undefined && sameText(whole, accepted)) return true;
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  const isRight = verify(null, Buffer.from(`corral daemon ${uid}`), key, Buffer.from(signature, 'base64url'));
  if (isRight) accepted = whole;
  return isRight;
}

/** Constant time. */
function sameText(value: string, expected: string): boolean {
  let difference = value.length ^ expected.length;
  for (let at = 0; at < expected.length; at++) difference |= expected.charCodeAt(at) ^ (value.charCodeAt(at) || 0);
  return difference === 0;
}
