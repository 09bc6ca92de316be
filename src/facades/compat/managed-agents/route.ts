import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { App } from '../../../http/routes/routes.ts';
import { withBodyStreams } from '../../shared/uploads.ts';
import { Query } from './wire.ts';

/** One request, as the handlers of this facade see it. */
export interface ApiRequest {
  readonly params: Readonly<Record<string, string | undefined>>;
  readonly query: Query;
  readonly body: unknown;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}
/** A route of the API. Its path is below the prefix of the facade. */
export interface Route {
  /** Method and path, such as `GET /v1/agents/:id`. */
  readonly door: string;
  /** `create`: it makes something, so a key that only reads is refused. */
  readonly least?: 'create';
  /** The answer is a stream. */
  readonly stream?: true;
  /** Only the handler reads the body. */
  readonly body?: 'stream';
  run(asked: ApiRequest): Promise<unknown>;
}
const anything = z.unknown(); // each handler checks its own
export const prefix = '/anthropic';

/** Mounts the routes of an area. */
export function mountRoutes(app: App, routes: readonly Route[]): void {
  const streamed = routes.filter(({ body }) => body === 'stream');
  for (const route of routes) if (route.body === undefined) mountRoute(app, route);
  if (streamed.length > 0)
    withBodyStreams(app, (scope) => {
      for (const route of streamed) mountRoute(scope, route);
    });
}

function mountRoute(app: App, { door, run, stream, least, body: kind }: Route): void {
  const [method = '', path = ''] = door.split(' ');
  app.route({
    method: method as 'GET',
    url: `${prefix}${path}`,
    exposeHeadRoute: false,
    config: {
      ...(stream && { stream }),
      ...(least && { least: 'user' as const }),
      ...(kind && { upload: true as const }),
    },
    ...(method === 'POST' && kind === undefined && { schema: { body: anything } }),
    async handler(request, reply) {
      const { params, url, body } = request;
      const answer = await run({ params: params as ApiRequest['params'], query: new Query(url), body, request, reply });
      return reply.sent || stream ? reply : answer;
    },
  });
}
