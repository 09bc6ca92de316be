import type { FastifyInstance } from 'fastify';
import { maskUrlTokens } from '../../auth/token.ts';
import type { ClientResolver } from '../guard/clients.ts';

export interface HttpLogger {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

export interface HttpMetrics {
  readonly contentType: string;
  /** Prometheus text format 0.0.4. */
  text(): Promise<string>;
  /** `route` is a pattern without ids. */
  httpRequest(request: { method: string; route: string; status: number; seconds: number }): void;
  streamOpened(transport: 'sse' | 'websocket'): Disposable;
}

interface Observers {
  readonly logger: HttpLogger;
  readonly metrics: HttpMetrics;
  readonly clients: ClientResolver;
}

/** Install first, to include refused requests. */
export function observeRequests(app: FastifyInstance, { logger, metrics, clients }: Observers): void {
  app.decorateRequest('route');
  app.decorateRequest('client');
  // Not async, because a promise would cost more than the hook's work.
  app.addHook('onRequest', (request, reply, done) => {
    const started = performance.now();
    request.route = request.routeOptions;
    request.client = clients.of(request.raw);
    reply.raw.once('close', () => {
      const { method } = request;
      const route = request.route.url ?? 'unknown';
      const status = reply.raw.statusCode;
      const ms = Math.round((performance.now() - started) * 10) / 10;
      const cut = status !== 101 && !reply.raw.writableFinished; // a WebSocket ends with a frame, not with a finished response
      const session = (request.params as { sid?: string } | undefined)?.sid;
      metrics.httpRequest({ method, route, status, seconds: ms / 1000 });
      logger.info(
        {
          request: request.id,
          method,
          route,
          url: maskUrlTokens(request.url),
          status,
          ms,
          ...(session && { session }),
          ...(request.principal?.key !== undefined && { key: request.principal.key }),
          ...(cut && { cut }),
          // the address lets the log rate-limit these lines; all other requests are rate-limited themselves
          ...((status >= 400 || request.route.config?.free) && { address: request.client.address }),
        },
        'request',
      );
    });
    done();
  });
}
