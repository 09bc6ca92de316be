import type { IncomingMessage, Server, ServerOptions } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, onSendHookHandler } from 'fastify';
import fastify, { type FastifyServerOptions } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { type Clock, systemClock } from '../../core/contracts/clock.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import { createIdSource, type IdSource } from '../../core/model/ids.ts';
import { type ErrorStyle, findErrorStyle, InvalidRequestError, type ValidationIssue } from '../errors/error-style.ts';
import { handleClientError, installErrorHandlers, sendError } from '../errors/errors.ts';
import type { ClientResolver } from '../guard/clients.ts';
import { limitConnections } from '../guard/connection-limit.ts';
import { type GuardOptions, installGuard } from '../guard/guard.ts';
import { enforceBodyTimeouts } from '../transport/body-time.ts';
import { parseJsonBody } from '../transport/json-body.ts';
import { isSocketUpgrade } from '../transport/ws.ts';
import { type RequestInterceptor, rewriteRequest } from './host-router.ts';
import { type HttpLogger, type HttpMetrics, observeRequests } from './observe.ts';
import {
  type App,
  createRouteTable,
  type DocumentedReplies,
  findDocumentedReplies,
  type RouteTable,
} from './routes.ts';

export function validatorCompiler({ schema, httpPart }: { schema: unknown; httpPart?: string | undefined }) {
  return (data: unknown): { value: unknown } | { error: Error } => {
    const parsed = (schema as z.ZodType).safeParse(data);
    if (parsed.success) return { value: parsed.data };
    const place = httpPart === 'querystring' ? 'query' : httpPart === 'params' ? 'path' : (httpPart ?? 'body');
    const issues = parsed.error.issues.map((issue) => toIssue(issue, place));
    const text = issues.map(({ loc, msg }) => `${loc.slice(1).join('.') || place}: ${msg}`).join('; ');
    return { error: new InvalidRequestError(issues, text) };
  };
}

function toIssue({ code, path, message }: z.core.$ZodIssue, place: string): ValidationIssue {
  const loc = [place, ...path.map((key) => (typeof key === 'number' ? key : String(key)))];
  const missing = code === 'invalid_type' && message.endsWith('received undefined');
  return missing ? { type: 'missing', loc, msg: 'Field required' } : { type: code, loc, msg: message };
}

export interface AppOptions {
  readonly guard: GuardOptions;
  readonly styles: ReadonlyMap<string, ErrorStyle>;
  readonly maxBodyBytes: number;
  /** Undefined or 0 means no limit. */
  readonly maxConnectionsPerAddress?: number | undefined;
  readonly logger: HttpLogger;
  readonly metrics: HttpMetrics;
  readonly clients: ClientResolver;
  readonly closing: AbortSignal;
  readonly clock?: Clock;
  readonly ids?: Pick<IdSource, 'short'> | undefined;
  /** Slow, so for tests and development only. */
  readonly checkReplies?: boolean | undefined;
  readonly elsewhere?: readonly Pick<RequestInterceptor, 'rewrite'>[];
}

export const listenerOptions: ServerOptions = {
  maxHeaderSize: 16_384, // bytes, including the request line
  headersTimeout: 10_000,
  requestTimeout: 0, // `enforceBodyTimeouts` sets the limits, which differ between routes
  connectionsCheckingInterval: 1_000, // Node's default would let a slow request exceed its limit by 30 s
  requireHostHeader: false, // the guard sends a proper refusal
  shouldUpgradeCallback: isSocketUpgrade,
};

/** Keeps Fastify from loading its own validator and serializer, which take 1 MiB. */
const schemaController = {
  compilersFactory: { buildValidator: () => validatorCompiler, buildSerializer: () => () => JSON.stringify },
} as unknown as NonNullable<FastifyServerOptions['schemaController']>; // Fastify declares these with Ajv's types

export function createApp(options: AppOptions): { app: App; table: RouteTable } {
  const { styles, logger, closing } = options;
  const app = fastify({
    logger: false,
    rewriteUrl: (request) => {
      rewriteRequest(options.elsewhere ?? [], request as IncomingMessage);
      return request.url ?? '/';
    },
    genReqId: requestIds(options.ids ?? createIdSource()),
    bodyLimit: options.maxBodyBytes,
    http: listenerOptions,
    requestTimeout: 0,
    return503OnClosing: false,
    schemaController,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 16_384 },
    clientErrorHandler: handleClientError,
    frameworkErrors: (thrown, request, reply) => {
      const known =
        thrown.statusCode === 500 ? toAppError(thrown) : new AppError('invalid_request', 'The URL is malformed.');
      return sendError(known, request, reply, { styles, logger });
    },
  }).withTypeProvider<ZodTypeProvider>();
  // Node would silently drop excess headers, even Origin; the guard refuses such requests instead
  app.server.maxHeadersCount = 0;

  observeRequests(app, options);
  const clock = options.clock ?? systemClock;
  enforceBodyTimeouts(app, clock);
  const perAddress = options.maxConnectionsPerAddress ?? 0;
  if (perAddress > 0) limitConnections(app, { perAddress, clock, logger, clients: options.clients });
  installGuard(app, options.guard);
  readBodies(app);
  app.addHook('onSend', (request, reply, _payload, done) => {
    const { idHeader } = findErrorStyle(styles, request.url);
    if (idHeader !== undefined) reply.header(idHeader, request.id);
    if (closing.aborted) reply.header('connection', 'close');
    if (reply.statusCode >= 400) reply.header('x-request-id', request.id);
    done();
  });
  const unused = unusedConnections(app.server);
  app.addHook('preClose', async () => {
    for (const socket of unused) socket.destroy();
  });
  if (options.checkReplies) checkReplies(app, logger);
  const table = createRouteTable(app);
  installErrorHandlers(app, { styles, table, logger });
  return { app, table };
}

function requestIds(ids: Pick<IdSource, 'short'>): () => string {
  const life = ids.short();
  let count = 0;
  return () => `${life}-${++count}`;
}

/** Browsers open connections in advance, and Node would wait for them at shutdown. */
function unusedConnections(server: Server): ReadonlySet<Socket> {
  const unused = new Set<Socket>();
  server.on('connection', (socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  server.on('request', ({ socket }) => unused.delete(socket));
  return unused;
}

/** Ignores the Content-Type. A route without a body schema ignores the request body. */
function readBodies(app: App): void {
  app.decorateRequest('rawBody', undefined);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, bytes: Buffer, done) => {
    request.rawBody = bytes;
    const readsBody = !request.is404 && request.route.schema?.body !== undefined;
    try {
      done(null, readsBody ? parseJsonBody(bytes) : undefined);
    } catch (thrown) {
      done(toAppError(thrown));
    }
  });
  app.addHook('onRequest', ({ headers, method }, _reply, done) => {
    const encoding = headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      throw new AppError('invalid_request', 'Compressed request bodies are not accepted.');
    }
    delete headers['content-type']; // because Fastify refuses types that it cannot parse
    // Fastify responds with 400 to a QUERY without a content type.
    if (method === 'QUERY') headers['content-type'] = 'application/json';
    done();
  });
  app.addHook('preValidation', (request, _reply, done) => {
    if (request.body === undefined && request.route.schema?.body !== undefined) request.body = {};
    done();
  });
}

/** Only for tests and development. Call before registering routes. */
export function checkReplies(app: FastifyInstance, logger: Pick<HttpLogger, 'error'>): void {
  app.addHook('onRoute', (route) => {
    const replies = findDocumentedReplies(route);
    if (!replies || route.method === 'HEAD') return;
    const check: onSendHookHandler = (_request, reply, payload, done) => {
      const problem = findReplyMismatch(reply, payload, replies);
      if (problem === undefined) return done(null, payload);
      const detail = `${String(route.method)} ${route.url} sent a ${reply.statusCode} that its schema does not allow: ${problem}`;
      logger.error({ route: route.url }, detail);
      reply.code(500).removeHeader('content-length').type('application/json; charset=utf-8');
      done(null, JSON.stringify({ detail }));
    };
    route.onSend = [...[route.onSend ?? []].flat(), check];
  });
}

function findReplyMismatch(
  reply: Pick<FastifyReply, 'statusCode' | 'getHeader'>,
  payload: unknown,
  replies: DocumentedReplies,
): string | undefined {
  if (reply.statusCode === 304) return undefined;
  const doc = replies.get(String(reply.statusCode)) ?? replies.get('default');
  if (!doc) return 'the status is not documented';
  if (!doc.content) return undefined;
  const [type = ''] = String(reply.getHeader('content-type') ?? '').split(';', 1);
  if (reply.statusCode >= 400 && type === 'text/html') return undefined; // a browser gets a documented failure as a page
  const media = doc.content[type] ?? doc.content['*/*'];
  if (!media) return `its type is ${type || 'missing'}, not ${Object.keys(doc.content).join(' or ')}`;
  if (type !== 'application/json' || typeof payload !== 'string') return undefined;
  return mismatch(media.schema, JSON.parse(payload));
}

function mismatch(schema: z.ZodType, sent: unknown): string | undefined {
  const parsed = schema.safeParse(sent);
  if (parsed.success) return undocumented(sent, parsed.data, []);
  return parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the body'}: ${message}`).join('; ');
}

function undocumented(sent: unknown, known: unknown, path: readonly string[]): string | undefined {
  if (sent === known || typeof sent !== 'object' || sent === null) return undefined;
  const documented = known as Readonly<Record<string, unknown>>;
  for (const [key, value] of Object.entries(sent)) {
    const at = [...path, key];
    if (!(key in documented)) return `${at.join('.')}: the schema has no such field`;
    const deeper = undocumented(value, documented[key], at);
    if (deeper !== undefined) return deeper;
  }
  return undefined;
}
