import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { App } from '../../../http/routes/routes.ts';
import type { WorkerIdentity } from '../../../sessions/api/server/work-queue.ts';
import { mountRawBodyRoutes } from '../../shared/uploads.ts';
import { QueryParameters } from './wire.ts';

export interface ApiRequest {
  readonly params: Readonly<Record<string, string | undefined>>;
  readonly query: QueryParameters;
  readonly body: unknown;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** The worker that sent the request; undefined: any other caller. */
  readonly worker?: WorkerIdentity | undefined;
}
export type WorkerCredentialKind = 'environment' | 'session';
/** Paths are relative to `managedAgentsPrefix`. */
export interface ApiRoute {
  /** Method and path, such as `GET /v1/agents/:id`. */
  readonly endpoint: string;
  /** `create`: the route creates something, so a read-only key is refused. */
  readonly least?: 'create';
  readonly stream?: true;
  /** The handler reads the body itself. */
  readonly body?: 'stream';
  /** Kinds of worker credentials that also open the route: an environment's key, the token of a session's work item. */
  readonly worker?: readonly WorkerCredentialKind[];
  run(apiRequest: ApiRequest): Promise<unknown>;
}
export const createDeleteRoute = (
  endpoint: string,
  type: string,
  remove: (id: string) => Promise<unknown>,
): ApiRoute => ({
  endpoint,
  async run({ params: { id = '' } }) {
    await remove(id);
    return { id, type };
  },
});
export interface RouteGuard {
  run(route: ApiRoute, apiRequest: ApiRequest, work: ApiRoute['run']): Promise<unknown>;
}
const anything = z.unknown(); // each handler validates its own input
export const managedAgentsPrefix = '/anthropic';

export function mountRoutes(app: App, routes: readonly ApiRoute[], access: RouteGuard): void {
  const streamed = routes.filter(({ body }) => body === 'stream');
  for (const route of routes) if (route.body === undefined) mountRoute(app, route, access);
  if (streamed.length > 0)
    mountRawBodyRoutes(app, (scope) => {
      for (const route of streamed) mountRoute(scope, route, access);
    });
}

function mountRoute(app: App, route: ApiRoute, access: RouteGuard): void {
  const { endpoint, run, stream, least, body: kind, worker } = route;
  const [method = '', path = ''] = endpoint.split(' ');
  app.route({
    method: method as 'GET',
    url: `${managedAgentsPrefix}${path}`,
    exposeHeadRoute: false,
    config: {
      ...(stream && { stream }),
      // The server's guard lets everyone through; the handler refuses unknown callers without a worker's credential.
      ...(worker && { open: true as const }),
      ...(least && { least: 'user' as const }),
      ...(kind && { upload: true as const }),
    },
    ...(method === 'POST' && kind === undefined && { schema: { body: anything } }),
    async handler(request, reply) {
      const { params, url, body } = request;
      const requested = {
        params: params as ApiRequest['params'],
        query: new QueryParameters(url),
        body,
        request,
        reply,
      };
      const answer = await access.run(route, requested, run);
      return reply.sent || stream ? reply : answer;
    },
  });
}
