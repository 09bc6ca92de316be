import type { Server, ServerOptions } from 'node:http';
import type { Socket } from 'node:net';
import fastify from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { type Clock, systemClock } from '../../core/clock.ts';
import { AppError, toAppError } from '../../core/errors.ts';
import { type IdSource, randomIds } from '../../core/ids.ts';
import { limitBodyTime } from './body-time.ts';
import { limitConnections } from './connection-limit.ts';
import type { ErrorStyle } from './error-style.ts';
import { answer, answerBrokenRequest, answerErrors } from './errors.ts';
import { type GuardOptions, guard } from './guard.ts';
import { parseJsonBody } from './json-body.ts';
import { type HttpLogger, type HttpMetrics, observeRequests } from './observe.ts';
import { type App, type RouteTable, routeTable, validatorCompiler } from './routes.ts';
import { isSocketUpgrade } from './ws.ts';

export interface AppOptions {
  readonly guard: GuardOptions;
  readonly styles: ReadonlyMap<string, ErrorStyle>;
  readonly maxBodyBytes: number;
  /** Undefined or 0: no limit. */
  readonly maxConnectionsPerAddress?: number | undefined;
  readonly logger: HttpLogger;
  readonly metrics: HttpMetrics;
  readonly closing: AbortSignal;
  readonly clock?: Clock;
  readonly ids?: Pick<IdSource, 'short'> | undefined;
}

/** For every listener of this server. */
export const transport: ServerOptions = {
  maxHeaderSize: 16_384, // of request line and headers together
  headersTimeout: 10_000,
  requestTimeout: 0, // `limitBodyTime` has the limits, which are not the same for all routes
  connectionsCheckingInterval: 1_000, // Node looks every 30 s otherwise, and a slow request lives that much longer
  requireHostHeader: false, // the guard refuses it, with a proper answer
  shouldUpgradeCallback: isSocketUpgrade,
};

/** An HTTP server with everything that is the same for all dialects, and no route yet. */
export function createApp(options: AppOptions): { app: App; table: RouteTable } {
  const { styles, logger, closing } = options;
  const app = fastify({
    logger: false,
    genReqId: requestIds(options.ids ?? randomIds()),
    bodyLimit: options.maxBodyBytes,
    http: transport,
    requestTimeout: 0,
    return503OnClosing: false,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 16_384 },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (thrown, request, reply) => {
      const known =
        thrown.statusCode === 500 ? toAppError(thrown) : new AppError('invalid_request', 'The URL is malformed.');
      return answer(known, request, reply, { styles, logger });
    },
  }).withTypeProvider<ZodTypeProvider>();
  app.server.maxHeadersCount = 0; // Node would drop what is too many in silence, Origin included; the guard refuses it

  app.setValidatorCompiler(validatorCompiler);
  observeRequests(app, logger, options.metrics);
  const clock = options.clock ?? systemClock;
  limitBodyTime(app, clock);
  const perAddress = options.maxConnectionsPerAddress ?? 0;
  if (perAddress > 0) limitConnections(app, { perAddress, clock, logger });
  guard(app, options.guard);
  readBodies(app);
  app.addHook('onSend', (request, reply, _payload, done) => {
    if (closing.aborted) reply.header('connection', 'close');
    if (reply.statusCode >= 400) reply.header('x-request-id', request.id); // to be quoted: the logs have it too
    done();
  });
  const unused = unusedConnections(app.server);
  app.addHook('preClose', async () => {
    for (const socket of unused) socket.destroy();
  });
  const table = routeTable(app);
  answerErrors(app, { styles, table, logger });
  return { app, table };
}

/** Unique among all servers and their lives, and cheap to make. */
function requestIds(ids: Pick<IdSource, 'short'>): () => string {
  const life = ids.short();
  let count = 0;
  return () => `${life}-${++count}`;
}

/** Those without a request yet, as browsers open them ahead: Node takes them for busy and would wait for them for ever. */
function unusedConnections(server: Server): ReadonlySet<Socket> {
  const unused = new Set<Socket>();
  server.on('connection', (socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  server.on('request', ({ socket }) => unused.delete(socket));
  return unused;
}

/** A body is JSON whatever its Content-Type says; a route without a body schema takes none and ignores what comes. */
function readBodies(app: App): void {
  app.decorateRequest('rawBody', undefined);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, bytes: Buffer, done) => {
    request.rawBody = bytes;
    const wanted = !request.is404 && request.route.schema?.body !== undefined;
    try {
      done(null, wanted ? parseJsonBody(bytes) : undefined);
    } catch (thrown) {
      done(toAppError(thrown));
    }
  });
  app.addHook('onRequest', ({ headers, method }, _reply, done) => {
    const encoding = headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      throw new AppError('invalid_request', 'Compressed request bodies are not accepted.');
    }
    delete headers['content-type']; // else one that Fastify cannot parse would be refused
    if (method === 'QUERY') headers['content-type'] = 'application/json'; // Fastify answers 400 itself where it has none
    done();
  });
  app.addHook('preValidation', (request, _reply, done) => {
    if (request.body === undefined && request.route.schema?.body !== undefined) request.body = {};
    done();
  });
}
