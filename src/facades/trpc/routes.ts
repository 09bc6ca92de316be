import { trpcErrors } from '../../api/procedure/errors.ts';
import type { FacadeRoutes } from '../../http/routes/routes.ts';
import type { TrpcDeps } from './deps.ts';
import { mountHttp } from './http.ts';
import { mountSocket } from './socket.ts';

/** One typed router, over HTTP with batches, over SSE and over a WebSocket. */
export function trpc(deps: TrpcDeps): FacadeRoutes {
  return {
    errors: { prefix: '/trpc', style: trpcErrors },
    mount(app) {
      mountHttp(app, deps);
      mountSocket(deps);
    },
  };
}
