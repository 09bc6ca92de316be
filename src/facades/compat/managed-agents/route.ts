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
  readonly worker?: WorkerIdentity | undefined;
}
export type WorkerCredentialKind = 'environment' | 'session';
export interface ApiRoute {
  /** `create`: read-only keys are refused. */
  readonly least?: 'create';
  readonly stream?: true;
  /** The handler reads the body itself. */
  readonly body?: 'stream';
  /** Also accepted: an environment's key (`environment`) or a work item's token (`session`). */
  readonly worker?: readonly WorkerCredentialKind[];
  readonly run: ApiHandler;
}
type ApiHandler = (apiRequest: ApiRequest) => Promise<unknown>;
/** Paths are relative to `managedAgentsPrefix`, as in `GET /v1/agents/:id`. */
export type ApiRoutes = Readonly<Record<string, ApiRoute | ApiHandler>>;
export const toApiRoute = (route: ApiRoute | ApiHandler): ApiRoute =>
  typeof route === 'function' ? { run: route } : route;
export const createDeleteHandler =
  (type: string, remove: (id: string) => Promise<unknown>): ApiHandler =>
  async ({ params: { id = '' } }) => {
    await remove(id);
    return { id, type };
  };
export interface RouteGuard {
  run(endpoint: string, route: ApiRoute, apiRequest: ApiRequest): Promise<unknown>;
}
const anything = z.unknown(); // each handler validates its own input
export const managedAgentsPrefix = '/anthropic';

export function mountRoutes(app: App, routes: ApiRoutes, access: RouteGuard): void {
  const mount = (scope: App, kind: ApiRoute['body']) => {
    for (const [endpoint, route] of Object.entries(routes))
      if (toApiRoute(route).body === kind) mountRoute(scope, endpoint, toApiRoute(route), access);
  };
  mount(app, undefined);
  mountRawBodyRoutes(app, (scope) => mount(scope, 'stream'));
}

function mountRoute(app: App, endpoint: string, route: ApiRoute, access: RouteGuard): void {
  const { stream, least, body: kind, worker } = route;
  const [method = '', path = ''] = endpoint.split(' ');
  app.route({
    method: method as 'GET',
    url: `${managedAgentsPrefix}${path}`,
    exposeHeadRoute: false,
    config: {
      ...(stream && { stream }),
      // The server's guard admits everyone; the handler refuses callers without a valid credential.
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
      const answer = await access.run(endpoint, route, requested);
      return reply.sent || stream ? reply : answer;
    },
  });
}
