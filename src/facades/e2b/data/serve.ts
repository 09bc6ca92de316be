import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../../core/clock.ts';
import type { AppError } from '../../../core/errors.ts';
import type { Inside } from '../../../session/api/inside.ts';
import type { RateLimiter } from '../../shared/rate-limit.ts';
import { headerOf } from '../headers.ts';
import type { Sandboxes } from '../sandboxes.ts';
import { agentPort, codePort, type Target } from '../target.ts';
import { type Given, same, signatureOf, type Tokens } from '../tokens.ts';
import { callPath, failCall, serveAgent } from './agent.ts';
import type { Call } from './call.ts';
import { interpret } from './code.ts';
import { ConnectError } from './connect.ts';
import { joined, passOn, upgradeHead } from './ports.ts';
import { answerJson, type Refusal, refusals, refuse } from './refusals.ts';

export interface DataDeps {
  readonly sandboxes: Sandboxes;
  readonly tokens: Tokens;
  readonly maxUploadBytes: number;
  readonly root: 'alias' | 'refuse';
  /** Limits requests that name no sandbox. */
  readonly unnamed: RateLimiter;
  readonly clock: Clock;
  /** Fires when the server shuts down. */
  readonly closing: AbortSignal;
}
const workdirs = new Map<string, string>();
const maxHomes = 10_000;

/** Serves a request to a port of a sandbox. */
export async function serveData(target: Target, request: IncomingMessage, response: ServerResponse, deps: DataDeps) {
  const url = new URL(target.url, 'http://sandbox');
  if (target.sid === undefined && deps.unnamed.take(request.socket.remoteAddress ?? '').exceeded) {
    response.setHeader('retry-after', '1');
    return refuse(response, 429, 'Too many signed URLs from this address in one second.');
  }
  const sid = target.sid ?? (await signedSandbox(url, request.method, deps));
  if (sid === undefined) return refuse(response, 401, 'invalid signature');
  const opened = await open(target, sid, { path: url.pathname, url, method: request.method }, deps);
  if ('refusal' in opened) {
    const { code, body } = opened.refusal;
    if (code !== 401 || !callPath.test(url.pathname)) return answerJson(response, code, body);
    return failCall({ request, response }, url.pathname, new ConnectError('unauthenticated', body.message));
  }
  const left = new AbortController();
  response.once('close', () => left.abort());
  const { cut, env, enter, portHost } = opened;
  const signal = AbortSignal.any([left.signal, cut, deps.closing]);
  using _ = breaking(AbortSignal.any([cut, deps.closing]), response);
  const call: Call = {
    ...{ sid, target, request, response, url, signal, cut, env },
    enter: (until = signal) => enter(until),
    home: (inside) => homeOf(sid, inside, signal),
    sample: () => deps.sandboxes.sample(sid, signal),
  };
  if (target.port === agentPort) await serveAgent(call, deps);
  else if (target.port === codePort) await interpret(call);
  else await passOn(call, portHost);
}

/** Serves an upgrade to a port, such as a WebSocket. */
export async function upgradeData(target: Target, request: IncomingMessage, socket: Duplex, deps: DataDeps) {
  const { sid = '', port } = target;
  const url = new URL(target.url, 'http://sandbox');
  const opened = await open(target, sid, { path: url.pathname, url, method: request.method }, deps);
  if ('refusal' in opened) return void endUpgrade(socket, opened.refusal);
  if (port === agentPort || port === codePort) return void endUpgrade(socket, refusals.token(sid));
  const until = AbortSignal.any([opened.cut, deps.closing]);
  await using inside = await opened.enter(until);
  const connection = await inside.ports.connect(port, until).catch(() => undefined);
  if (!connection) return void endUpgrade(socket, refusals.closed(sid, port));
  connection.write(upgradeHead(request, target, opened.portHost));
  using _ = breaking(until, socket);
  joined(socket, connection);
  await new Promise<void>((resolve) => socket.once('close', resolve));
}
function endUpgrade(socket: Duplex, { code, body }: Refusal): void {
  const text = JSON.stringify(body);
  const headers = `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close`;
  socket.end(`HTTP/1.1 ${code} ${STATUS_CODES[code]}\r\n${headers}\r\n\r\n${text}`);
}

function breaking(signal: AbortSignal, connection: Duplex | ServerResponse): Disposable {
  const stop = () => void connection.destroy();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  return { [Symbol.dispose]: () => signal.removeEventListener('abort', stop) };
}

interface Asked {
  readonly path: string;
  readonly url: URL;
  readonly method: string | undefined;
}

/** The sandbox, if the request may use it and it runs. */
async function open(target: Target, sid: string, asked: Asked, deps: DataDeps) {
  const { sandboxes } = deps;
  const isHealth = target.port === agentPort && asked.path === '/health';
  const found = await sandboxes.reach(sid, isHealth ? 'look' : 'use');
  if (!found) return { refusal: refusals.gone(sid) };
  const refusal = isHealth ? undefined : judged(target, sid, asked, { ...deps, isPrivate: found.isPrivate });
  if (refusal) return { refusal };
  await found.wake();
  return found;
}

function judged(
  { port, byHost, headers, sid: named }: Target,
  sid: string,
  { path, url, method }: Asked,
  { tokens, clock, isPrivate }: DataDeps & { readonly isPrivate: boolean },
): Refusal | undefined {
  const given: Given = {
    access: headerOf(headers, 'x-access-token'),
    traffic: headerOf(headers, 'e2b-traffic-access-token'),
  };
  if (port !== agentPort) {
    if (byHost && !isPrivate && port !== codePort) return undefined;
    return tokens.opensPorts(sid, given) ? undefined : refusals.token(sid);
  }
  if (named === undefined) return expired(url, clock); // the signature named the sandbox
  if (given.access !== undefined && tokens.opensAgent(sid, given)) return undefined;
  if (given.access === undefined && path === '/files' && url.searchParams.has('signature')) {
    return isSigned(url, method, tokens.access(sid)) ? expired(url, clock) : unauthorized('invalid signature');
  }
  return unauthorized('the access token of the sandbox is missing or wrong');
}

const unauthorized = (message: string): Refusal => ({ code: 401, body: { code: 401, message } });

function isSigned({ searchParams }: URL, method: string | undefined, token: string): boolean {
  const signed = {
    path: searchParams.get('path') ?? '',
    operation: method === 'GET' ? ('read' as const) : ('write' as const),
    username: searchParams.get('username') ?? '',
    expiration: searchParams.get('signature_expiration') ?? undefined,
  };
  return same(searchParams.get('signature') ?? '', signatureOf(signed, token));
}
function expired({ searchParams }: URL, clock: Clock): Refusal | undefined {
  const until = searchParams.get('signature_expiration');
  if (until === null || Number(until) * 1_000 > clock.now()) return undefined;
  return unauthorized('signature is already expired');
}

/** A signed URL names no sandbox: the one whose token gives this signature is meant. */
async function signedSandbox(url: URL, method: string | undefined, { sandboxes, tokens }: DataDeps) {
  for (const sid of await sandboxes.live()) if (isSigned(url, method, tokens.access(sid))) return sid;
  return undefined;
}

const home = '/home/user';
/** The workspace under the name that programs of this dialect expect, where the sandbox has it. */
async function homeOf(sid: string, inside: Inside, signal: AbortSignal): Promise<string> {
  const known = workdirs.get(sid);
  if (known !== undefined) return known;
  const found = await inside.paths.stat(home, signal).catch((thrown: AppError) => {
    if (thrown.code !== 'file_not_found') throw thrown;
  });
  // In a sandbox of an earlier version it is a link. Any other folder there is not the sandbox's: without isolation it can be
  // that of a person with this name.
  const isHome = found?.workspace || (found?.isLink && found.target === inside.workdir);
  const own = isHome ? home : inside.workdir;
  if (workdirs.size >= maxHomes) workdirs.clear();
  workdirs.set(sid, own);
  return own;
}
