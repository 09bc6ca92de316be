import type { FastifyInstance } from 'fastify';
import { maskToken } from '../../auth/token.ts';

export interface HttpLogger {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

/** As much of the metrics as HTTP needs. */
export interface HttpMetrics {
  readonly contentType: string;
  /** Prometheus text 0.0.4. */
  text(): Promise<string>;
  /** `route` is a template, never a path with ids. */
  httpRequest(request: { method: string; route: string; status: number; seconds: number }): void;
  streamOpened(transport: 'sse' | 'websocket'): Disposable;
}

/** One log line and one measurement for each request, however it ends. Added first, so that it sees every refusal. */
export function observeRequests(app: FastifyInstance, logger: HttpLogger, metrics: HttpMetrics): void {
  app.decorateRequest('route');
  // None of our hooks for every request is async: a promise each costs more than what they do.
  app.addHook('onRequest', (request, reply, done) => {
    const started = performance.now();
    request.route = request.routeOptions;
    reply.raw.once('close', () => {
      const { method } = request;
      const route = request.route.url ?? 'unknown';
      const status = reply.raw.statusCode;
      const ms = Math.round((performance.now() - started) * 10) / 10;
      const cut = status !== 101 && !reply.raw.writableFinished; // a WebSocket ends in frames
      const session = (request.params as { sid?: string } | undefined)?.sid;
      metrics.httpRequest({ method, route, status, seconds: ms / 1000 });
      logger.info(
        {
          request: request.id,
          method,
          route,
          url: maskToken(request.url),
          status,
          ms,
          ...(session && { session }),
          ...(request.actor?.key !== undefined && { key: request.actor.key }),
          ...(cut && { cut }),
          ...((status >= 400 || request.route.config?.free) && { address: request.ip }), // it is limited by that
        },
        'request',
      );
    });
    done();
  });
}
