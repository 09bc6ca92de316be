import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { classifyRequestOrigin, isHostAllowed, isOriginAllowed } from '../../auth/browser-headers.ts';
import type { PrincipalResolver } from '../../auth/key-ring.ts';
import { type Lockout, lockedOutError } from '../../auth/lockout.ts';
import { parseSignatureSubject, type SignedUrlRight, type SignedUrls } from '../../auth/signed-url.ts';
import { readPresentedTokens, type TokenVerifier } from '../../auth/token.ts';
import { AppError } from '../../core/errors/errors.ts';
import {
  adminPrincipal,
  forbiddenRoleError,
  hasRole,
  nobodyPrincipal,
  type Principal,
} from '../../core/model/principal.ts';
import { getCurrentRequestInfo, runAsCaller } from './caller.ts';
import type { RateLimiter } from './rate-limit.ts';
import type { BrowserAuthenticator } from './visitors.ts';

export interface GuardOptions {
  /** Whether the `Host` header must name this machine, an allowed host, or a facade's host. */
  readonly loopback: boolean;
  readonly allowedHosts: readonly string[];
  readonly isOwnName?: (request: IncomingMessage) => boolean;
  readonly isForProgram?: (request: IncomingMessage) => boolean;
  /** Default: development servers' origins, read-only if the server requires no credentials. */
  readonly corsOrigins: readonly string[] | undefined;
  readonly gate: TokenVerifier;
  readonly keys?: PrincipalResolver | undefined;
  readonly visitors?: BrowserAuthenticator | undefined;
  readonly signed?: SignedUrls;
  readonly lockout?: Lockout;
  readonly limiter: RateLimiter | undefined;
}

const exposed = 'RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, Idempotency-Replayed, Link';
const maxHeaders = 200;
const harmless = new Set(['GET', 'HEAD', 'OPTIONS']);

/** The order of the checks decides which error a client gets. */
export function installGuard(app: FastifyInstance, options: GuardOptions): void {
  app.decorateRequest('caller', '');
  app.decorateRequest('known', false);
  app.decorateRequest('right', undefined);
  app.decorateRequest('principal', null as never);
  const readerAt = readers(options);
  const { visitors, keys } = options;
  app.addHook('onRequest', (request, reply, done) => {
    const prepared = options.isForProgram?.(request.raw)
      ? undefined
      : (keys?.prepare(credentials(request)) ?? visitors?.prepare(request, reply));
    if (prepared) prepared.then(() => done(), done);
    else done();
  });
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('vary', 'Origin').header('x-content-type-options', 'nosniff').header('referrer-policy', 'no-referrer');
    if (request.raw.rawHeaders.length > 2 * maxHeaders) {
      throw new AppError('invalid_request', `The request has more than ${maxHeaders} headers.`);
    }
    const isOurs = isHostAllowed(request.headers.host, options.allowedHosts) || options.isOwnName?.(request.raw);
    if (options.loopback && !isOurs) {
      throw new AppError(
        'forbidden',
        'This server does not accept that Host header. Add the host to CORRAL_ALLOWED_HOSTS.',
      );
    }
    if (request.method === 'OPTIONS' && !options.isForProgram?.(request.raw)) {
      answerOptions(request, reply, options);
      return;
    }
    allowOrigin(request, reply, options);

    const shown = credentials(request);
    const signature = readSignature(request);
    const isRequired = options.gate.required || !!options.keys?.any;
    const isJudged = signature !== undefined || (shown.length > 0 && isRequired);
    const isLater = isRequired && shown.length === 0 && mayShowLater(request);
    const page = classifyRequestOrigin(request.headers, options.corsOrigins);
    const isVisit = visitors && shown.length === 0 && !options.isForProgram?.(request.raw);
    const visitor = isVisit ? visitors.find(request, page) : undefined;
    const known = visitor ?? (page === 'default' && !isRequired ? readerAt(request) : findPrincipal(shown, options));
    const opened = signature === undefined ? undefined : opens(request, signature, options);
    if (isJudged && (signature === undefined ? !known : !opened)) countWrong(request.client.address, options);
    request.known = known !== undefined;
    request.principal = opened?.principal ?? known ?? nobodyPrincipal;
    visitors?.follow(request.principal, reply);
    request.caller = callerName(known, isRequired) ?? request.client.address;
    countRequest(request, reply, options);
    if (page === 'foreign') refuseForeign(request);
    if (opened) request.right = opened.right;
    else if (signature !== undefined) {
      throw new AppError('unauthorized', 'This link is no longer valid. Request a new one.');
    } else if (!known && !request.route.config.open && !isLater) {
      throw new AppError('unauthorized', 'A valid token is needed.');
    }
    if (request.principal.role === 'reader' && !isHarmless(request)) throw forbiddenRoleError(request.principal);
    refuseWeak(request);
    runAsCaller({ principal: request.principal, address: request.client.address, request: request.id }, done);
  });
  // Body parsing runs outside the caller's async context, so the caller is set again.
  app.addHook('preValidation', ({ principal, client, id }, _reply, done) => {
    if (getCurrentRequestInfo().request === id) done();
    else runAsCaller({ principal, address: client.address, request: id }, done);
  });
}

/** One object per origin, because streams and caches compare principals by identity. */
function readers({ keys }: GuardOptions): (request: FastifyRequest) => Principal {
  const known = new Map<string, Principal>();
  return ({ headers: { origin = '' } }) => {
    const reader = known.get(origin) ?? { role: 'reader', origin, ...(keys && { ended: keys.anonymous.ended }) };
    known.set(origin, reader);
    return reader;
  };
}

export function findPrincipal(shown: readonly string[], { gate, keys }: Pick<GuardOptions, 'gate' | 'keys'>) {
  if (gate.acceptsLocal(shown)) return adminPrincipal;
  if (gate.required && gate.accepts(shown)) return adminPrincipal;
  if (!gate.required && !keys?.any) return keys?.anonymous ?? adminPrincipal;
  return keys?.find(shown);
}
function callerName(principal: Principal | undefined, isRequired: boolean): string | undefined {
  if (principal?.key !== undefined) return `key ${principal.key}`;
  return principal && isRequired ? 'token' : undefined;
}

function refuseWeak({ principal, route: { config } }: FastifyRequest): void {
  if (!config.least || hasRole(principal, config.least)) return;
  throw forbiddenRoleError(principal);
}

interface Query {
  readonly token?: unknown;
  readonly signature?: unknown;
  readonly connectionParams?: unknown;
}

function credentials(request: FastifyRequest): string[] {
  const { token, connectionParams } = (request.query ?? {}) as Query;
  return readPresentedTokens({
    authorization: request.headers.authorization,
    query: token,
    protocols: isUpgrade(request) ? request.headers['sec-websocket-protocol'] : undefined,
    connectionParams: request.route.config.connectionParams ? connectionParams : undefined,
  });
}

/** A signature takes precedence over a valid token. */
function readSignature(request: FastifyRequest): string | undefined {
  const { signature } = (request.query ?? {}) as Query;
  if (signature === undefined || !request.route.config.signed) return undefined;
  return String(signature);
}
function opens(request: FastifyRequest, signature: string, { signed, keys }: GuardOptions): SignedAccess | undefined {
  const { signed: purpose } = request.route.config;
  if (!signed || !purpose) return undefined;
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const right = signed.accepts({ method, path: request.url.split('?', 1)[0] ?? '', purpose }, signature);
  const subject = parseSignatureSubject(signature);
  const principal = subject === undefined ? adminPrincipal : keys?.live(subject);
  return right && principal && { right, principal };
}
interface SignedAccess {
  readonly right: SignedUrlRight;
  readonly principal: Principal;
}
function countWrong(address: string, { lockout }: GuardOptions): void {
  const retryAfterMs = lockout?.judge(address) ?? 0;
  if (retryAfterMs > 0) throw lockedOutError(retryAfterMs);
}

function mayShowLater(request: FastifyRequest): boolean {
  const { connectionParams } = (request.query ?? {}) as Query;
  return !!request.route.config.connectionParams && isUpgrade(request) && connectionParams === '1';
}

const isUpgrade = ({ headers }: FastifyRequest) => headers.upgrade?.toLowerCase() === 'websocket';

function allowOrigin({ headers }: FastifyRequest, reply: FastifyReply, { corsOrigins }: GuardOptions): void {
  if (!isOriginAllowed(headers.origin, corsOrigins)) return;
  reply.header('access-control-allow-origin', headers.origin).header('access-control-expose-headers', exposed);
}

function answerOptions(request: FastifyRequest, reply: FastifyReply, options: GuardOptions): void {
  if (
    request.headers['access-control-request-method'] &&
    isOriginAllowed(request.headers.origin, options.corsOrigins)
  ) {
    allowOrigin(request, reply, options);
    reply
      .header('access-control-allow-methods', 'GET, POST, PUT, PATCH, DELETE')
      .header('access-control-allow-headers', 'Authorization, Content-Type, Last-Event-ID, Idempotency-Key')
      .header('access-control-max-age', '600');
  }
  reply.code(204).send();
}

function countRequest(request: FastifyRequest, reply: FastifyReply, { limiter }: GuardOptions): void {
  if (!limiter || request.route.config.free) return;
  const { limit, remaining, resetSeconds, exceeded } = limiter.take(request.caller);
  reply
    .header('ratelimit-limit', limit)
    .header('ratelimit-remaining', remaining)
    .header('ratelimit-reset', resetSeconds);
  if (!exceeded) return;
  throw new AppError('rate_limited', `More than ${limit} requests in a minute. Try again in ${resetSeconds} s.`, {
    retryAfterMs: resetSeconds * 1000,
  });
}

/** Includes WebSocket upgrades, whose procedures check the principal again. */
const isHarmless = ({ method, route }: FastifyRequest) => harmless.has(method) || route.config.reads === true;

/** The main defence against cross-site requests, because a body's content type is not checked. */
function refuseForeign(request: FastifyRequest): void {
  const matters = !harmless.has(request.method) || isUpgrade(request) || request.route.config.stream;
  if (!matters) return;
  throw new AppError('forbidden', `${describeOrigin(request)} cannot do this. Add the origin to CORRAL_CORS_ORIGINS.`);
}

/** The result becomes part of the response, so only a valid origin is included. */
function describeOrigin({ headers: { origin = '' } }: FastifyRequest): string {
  return /^https?:\/\/[a-z0-9.[\]:-]{1,260}$/i.test(origin) ? `Pages of ${origin}` : 'Pages of another origin';
}
