import { type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { combineSignals } from '../../../../core/concurrency/cancel.ts';
import type { Clock } from '../../../../core/contracts/clock.ts';
import { AppError, ignoreFileNotFound } from '../../../../core/errors/errors.ts';
import { nobodyPrincipal, type Principal } from '../../../../core/model/principal.ts';
import type { ClientResolver } from '../../../../http/guard/clients.ts';
import { type CallerCredentialRegistry, findOwnerProjects } from '../../../../http/guard/credentials.ts';
import type { RateLimiter } from '../../../../http/guard/rate-limit.ts';
import type { SandboxHandle } from '../../../../sessions/api/sandbox-interior.ts';
import { restrictCookieToHost } from '../../../shared/previews/cookies.ts';
import {
  destroyOnAbort,
  parseConnectionHeader,
  relayRequest,
  relayUpgrade,
  rewriteHeaders,
  withoutCallerCredentials,
  withoutHopByHopHeaders,
} from '../../../shared/previews/port-relay.ts';
import type { DataPlaneSandboxes, RunningSandbox } from '../sandboxes.ts';
import { codeInterpreterPort, type DataPlaneTarget, envdPort, readHeader } from '../target.ts';
import { computeFileSignature, isSameToken, type PresentedTokens, type SandboxTokenService } from '../tokens.ts';
import { envdCallPathPattern, failCall, serveEnvdCall } from './agent.ts';
import type { DataPlaneCall } from './call.ts';
import { serveCodeInterpreter } from './code.ts';
import { ConnectError } from './connect.ts';
import {
  type DataPlaneErrorResponse,
  dataPlaneErrors,
  destroyConnection,
  sendErrorResponse,
  sendJson,
} from './refusals.ts';

const own = new Set([
  ...['e2b-sandbox-id', 'e2b-sandbox-port', 'x-access-token', 'e2b-traffic-access-token'],
  ...['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'te', 'host', 'x-forwarded-host'],
]);

export function createForwardedHeaders(
  { headers, port }: Pick<DataPlaneTarget, 'headers' | 'port'>,
  mask?: string,
): OutgoingHttpHeaders {
  const hops = parseConnectionHeader(headers.connection);
  const kept = Object.entries(headers).filter(([name]) => !own.has(name) && !hops.includes(name));
  const host = mask?.replaceAll(['$', '{PORT}'].join(''), String(port)) ?? headers.host ?? 'localhost';
  // Programs may look up the header as `Host`, the spelling that HTTP clients use.
  return { ...Object.fromEntries(kept), Host: host, 'x-forwarded-host': headers.host };
}

/** Confines cookies to the program's host name. */
function forProgram(
  target: Pick<DataPlaneTarget, 'headers' | 'port' | 'url'>,
  mask: string | undefined,
  isOurs: (text: string) => boolean,
) {
  const kept = withoutCallerCredentials(target, isOurs);
  return {
    path: kept.url,
    headers: createForwardedHeaders(kept, mask),
    changed: (raw: readonly string[]) =>
      rewriteHeaders(withoutHopByHopHeaders(raw), (name, value) =>
        name === 'set-cookie' ? restrictCookieToHost(value) : value,
      ),
  };
}

const unreachable = (sid: string, port: number) => (thrown: unknown) => {
  if (thrown instanceof AppError && thrown.code === 'not_found') return dataPlaneErrors.closed(sid, port);
  if (thrown instanceof AppError && thrown.code === 'forbidden')
    return dataPlaneErrors.never(sid, thrown.publicMessage);
  throw thrown;
};

async function forwardRequest(
  call: DataPlaneCall,
  mask: string | undefined,
  isOurs: (text: string) => boolean,
): Promise<void> {
  const { sid, target, request, response, signal } = call;
  await using inside = await call.enter();
  const connection = await inside.ports.connect(target.port, signal).catch(unreachable(sid, target.port));
  if ('body' in connection) return sendJson(response, connection.code, connection.body);
  const failed = () => {
    const { code, body } = dataPlaneErrors.closed(sid, target.port);
    sendJson(response, code, body);
  };
  await relayRequest({ connection, request, response, signal, ...forProgram(target, mask, isOurs), failed });
}

export interface DataPlaneDeps {
  readonly sandboxes: DataPlaneSandboxes;
  readonly tokens: SandboxTokenService;
  readonly maxUploadBytes: number;
  readonly root: 'alias' | 'refuse';
  readonly credentials: CallerCredentialRegistry;
  readonly clients: ClientResolver;
  readonly unnamed: { readonly requests: RateLimiter; readonly hashes: RateLimiter };
  readonly clock: Clock;
  readonly closing: AbortSignal;
}
const workdirs = new Map<string, string>();
const maxHomes = 10_000;

export async function serveDataPlane(
  target: DataPlaneTarget,
  request: IncomingMessage,
  response: ServerResponse,
  deps: DataPlaneDeps,
) {
  const url = new URL(target.url, 'http://sandbox');
  const dataRequest: DataRequest = {
    path: url.pathname,
    url,
    method: request.method,
    address: deps.clients.of(request).address,
  };
  const sid = target.sid ?? (await namedBySignature(dataRequest, deps));
  if (typeof sid !== 'string') {
    if (sid.retryAfterSeconds !== undefined) response.setHeader('retry-after', sid.retryAfterSeconds);
    return sendErrorResponse(response, sid.code, sid.body.message);
  }
  const opened = await open(target, sid, dataRequest, deps);
  if ('refusal' in opened) {
    const { code, body, retryAfterSeconds }: DataPlaneErrorResponse = opened.refusal;
    if (retryAfterSeconds !== undefined) response.setHeader('retry-after', retryAfterSeconds);
    if ((code !== 401 && code !== 429) || !envdCallPathPattern.test(url.pathname))
      return sendJson(response, code, body);
    return failCall(
      { request, response },
      url.pathname,
      new ConnectError(code === 401 ? 'unauthenticated' : 'resource_exhausted', body.message),
    );
  }
  const left = new AbortController();
  response.once('close', () => left.abort());
  const { env, enter, portHost, principal } = opened;
  const cut = cutOf(opened);
  const signal = combineSignals([left.signal, cut, deps.closing]);
  using _ = destroyOnAbort(combineSignals([cut, deps.closing]), { destroy: () => destroyConnection(response) });
  const call: DataPlaneCall = {
    sid,
    target,
    request,
    response,
    url,
    signal,
    cut,
    closing: deps.closing,
    clock: deps.clock,
    env,
    enter: (until = signal) => enter(principal, until),
    audit: (action, outcome) => deps.credentials.audit({ principal, action, target: sid, outcome }),
    home: (inside) => findHome(sid, inside, signal),
    sample: () => deps.sandboxes.sample(sid, signal),
  };
  if (target.port === envdPort) await serveEnvdCall(call, deps);
  else if (target.port === codeInterpreterPort) await serveCodeInterpreter(call);
  else await forwardRequest(call, portHost, deps.credentials.isOurs);
}

export async function serveDataPlaneUpgrade(
  target: DataPlaneTarget,
  request: IncomingMessage,
  socket: Duplex,
  deps: DataPlaneDeps,
) {
  const { sid = '', port } = target;
  const url = new URL(target.url, 'http://sandbox');
  const { address } = deps.clients.of(request);
  const opened = await open(target, sid, { path: url.pathname, url, method: request.method, address }, deps);
  if ('refusal' in opened) return void endUpgrade(socket, opened.refusal);
  if (port === envdPort || port === codeInterpreterPort) return void endUpgrade(socket, dataPlaneErrors.token(sid));
  const until = combineSignals([cutOf(opened), deps.closing]);
  await using inside = await opened.enter(opened.principal, until);
  const dialled = inside.ports.connect(port, until).catch(unreachable(sid, port));
  const connection = await dialled.catch(() => dataPlaneErrors.closed(sid, port));
  if ('body' in connection) return void endUpgrade(socket, connection);
  using _ = destroyOnAbort(until, socket);
  await relayUpgrade({
    connection,
    client: socket,
    ...forProgram(target, opened.portHost, deps.credentials.isOurs),
    failed: () => endUpgrade(socket, dataPlaneErrors.closed(sid, port)),
  });
}
function endUpgrade(socket: Duplex, { code, body }: DataPlaneErrorResponse): void {
  const text = JSON.stringify(body);
  const headers = `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close`;
  socket.end(`HTTP/1.1 ${code} ${STATUS_CODES[code]}\r\n${headers}\r\n\r\n${text}`);
}

const cutOf = ({ cut, principal }: { readonly cut: AbortSignal; readonly principal: Principal }) =>
  principal.ended ? combineSignals([cut, principal.ended]) : cut;

interface DataRequest {
  readonly address: string;
  readonly path: string;
  readonly url: URL;
  readonly method: string | undefined;
}

const anonymousPrincipals = new WeakMap<AbortSignal, Principal>();
/** A caller without a token, for one sandbox's health check and public ports. */
export function getAnonymousPrincipal(
  { record: { id, owner }, cut }: Pick<RunningSandbox, 'record' | 'cut'>,
  credentials: Pick<CallerCredentialRegistry, 'principals'>,
): Principal {
  const known = anonymousPrincipals.get(cut);
  if (known) return known;
  const principal: Principal = {
    role: 'user',
    ...(owner !== undefined && { owner }),
    get projects() {
      return findOwnerProjects(credentials, owner);
    },
    session: id,
    by: 'nobody',
  };
  anonymousPrincipals.set(cut, principal);
  return principal;
}

async function open(target: DataPlaneTarget, sid: string, dataRequest: DataRequest, deps: DataPlaneDeps) {
  const { sandboxes, credentials } = deps;
  const isHealth = target.port === envdPort && dataRequest.path === '/health';
  const found = await sandboxes.reach(sid, isHealth ? 'look' : 'use');
  if (!found)
    return {
      refusal: credentials.count(undefined, dataRequest.address)?.exceeded ? tooMany : dataPlaneErrors.gone(sid),
    };
  const judged = isHealth
    ? getAnonymousPrincipal(found, credentials)
    : judge(target, { ...dataRequest, ...found }, deps);
  const refusal = 'code' in judged ? judged : undefined;
  const principal = 'code' in judged ? undefined : judged;
  const allowance = credentials.count(principal?.by === 'nobody' ? undefined : principal, dataRequest.address);
  if (allowance?.exceeded) return { refusal: { ...tooMany, retryAfterSeconds: allowance.resetSeconds } };
  if (!principal || refusal) return { refusal: refusal ?? dataPlaneErrors.token(sid) };
  await found.wake(principal);
  return { ...found, principal };
}
const tooMany: DataPlaneErrorResponse = {
  code: 429,
  body: { code: 429, message: 'Too many requests. Try again in a minute.' },
};

/** A wrong token or signature counts as a wrong key. */
function judge(
  target: DataPlaneTarget,
  requested: DataRequest & Pick<RunningSandbox, 'record' | 'cut' | 'isPrivate'>,
  { tokens, clock, credentials }: DataPlaneDeps,
): Principal | DataPlaneErrorResponse {
  const { path, url, method, address, record } = requested;
  const sid = record.id;
  const presentedTokens: PresentedTokens = {
    access: readHeader(target.headers, 'x-access-token'),
    traffic: readHeader(target.headers, 'e2b-traffic-access-token'),
  };
  const isShown = presentedTokens.access !== undefined || presentedTokens.traffic !== undefined;
  const wrong = (refusal: DataPlaneErrorResponse) => {
    const lock = credentials.failed(address);
    if (lock > 0) return { ...tooMany, retryAfterSeconds: Math.ceil(lock / 1_000) };
    credentials.audit({ principal: nobodyPrincipal, action: 'sandbox.enter', target: sid, outcome: 'unauthorized' });
    return refusal;
  };
  const isSigning = path === '/files' && url.searchParams.has('signature') && presentedTokens.access === undefined;
  if (target.port !== envdPort) {
    const isPublic = target.byHost && !requested.isPrivate && target.port !== codeInterpreterPort;
    return (
      tokens.opensPorts(record, presentedTokens) ??
      (isPublic
        ? getAnonymousPrincipal(requested, credentials)
        : isShown
          ? wrong(dataPlaneErrors.token(sid))
          : dataPlaneErrors.token(sid))
    );
  }
  if (isSigning) {
    const maker = tokens.makers(record.owner).find((one) => isSigned(url, method, tokens.access(record, one)));
    return maker ? (expired(url, clock) ?? maker) : wrong(unauthorized('invalid signature'));
  }
  const refusal = unauthorized('the access token of the sandbox is missing or wrong');
  return tokens.opensAgent(record, presentedTokens) ?? (isShown ? wrong(refusal) : refusal);
}

const unauthorized = (message: string): DataPlaneErrorResponse => ({ code: 401, body: { code: 401, message } });

function isSigned({ searchParams }: URL, method: string | undefined, token: string): boolean {
  const signed = {
    path: searchParams.get('path') ?? '',
    operation: method === 'GET' ? ('read' as const) : ('write' as const),
    username: searchParams.get('username') ?? '',
    expiration: searchParams.get('signature_expiration') ?? undefined,
  };
  return isSameToken(searchParams.get('signature') ?? '', computeFileSignature(signed, token));
}
function expired({ searchParams }: URL, clock: Clock): DataPlaneErrorResponse | undefined {
  const until = searchParams.get('signature_expiration');
  if (until === null || Number(until) * 1_000 > clock.now()) return undefined;
  return unauthorized('signature is already expired');
}

const hashesInOneTurn = 500;

/**
 * Tries all sandboxes, because a signed URL names none. Wrong signatures cost many hashes and are rate-limited by
 * address.
 */
async function namedBySignature(
  dataRequest: DataRequest,
  deps: DataPlaneDeps,
): Promise<string | DataPlaneErrorResponse> {
  const { sandboxes, tokens, unnamed, credentials } = deps;
  const { address, url, method } = dataRequest;
  const limits = [unnamed.requests.take(address), unnamed.hashes.take(address, 0)];
  const passed = limits.find(({ exceeded }) => exceeded);
  if (passed) return { ...tooMany, retryAfterSeconds: passed.resetSeconds };
  let hashes = 0;
  for (const record of sandboxes.live()) {
    for (const maker of tokens.makers(record.owner)) {
      if (isSigned(url, method, tokens.access(record, maker))) return record.id;
      hashes += 1;
      if (hashes % hashesInOneTurn === 0) await nextTurn();
    }
  }
  unnamed.hashes.take(address, hashes);
  credentials.failed(address);
  return unauthorized('invalid signature');
}

const home = '/home/user';
async function findHome(sid: string, inside: SandboxHandle, signal: AbortSignal): Promise<string> {
  const known = workdirs.get(sid);
  if (known !== undefined) return known;
  const found = await inside.paths.stat(home, signal).catch(ignoreFileNotFound);
  // Earlier versions linked the folder to the workspace. Without isolation, it can belong to a host user named `user`.
  const isHome = found?.workspace || (found?.isLink && found.target === inside.workdir);
  const own = isHome ? home : inside.workdir;
  if (workdirs.size >= maxHomes) workdirs.clear();
  workdirs.set(sid, own);
  return own;
}
