import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import type { SessionService } from '../../session/api/sessions.ts';
import type { HttpMetrics } from '../shared/observe.ts';
import type { App, Dialect, RouteDoc, RouteTable } from '../shared/routes.ts';
import { mountDocs } from './docs.ts';
import { failure } from './failure.ts';
import { mountHealth } from './health.ts';
import { mountPage, sendPage, wantsPage } from './page.ts';

interface ServerDeps {
  readonly sessions: Pick<SessionService, 'health'>;
  readonly metrics: HttpMetrics;
  readonly clock: Clock;
  readonly version: string;
  readonly table: RouteTable;
}

const rootDoc: RouteDoc = {
  operationId: 'root',
  tag: 'Server',
  summary: 'Get the name and version of the server; browsers get the web client',
  responses: {
    200: {
      description: 'Success',
      content: {
        'application/json': {
          schema: z.object({ name: z.literal('corral'), version: z.string(), status: z.literal('running') }),
          example: { name: 'corral', version: '0.1.0', status: 'running' },
        },
        'text/html': { schema: z.string() },
      },
    },
    default: failure,
  },
};
const metricsDoc: RouteDoc = {
  operationId: 'metrics',
  tag: 'Server',
  summary: 'Measurements in Prometheus text format 0.0.4',
  responses: {
    200: {
      description: 'Success',
      content: {
        'text/plain': {
          schema: z.string(),
          example: '# TYPE corral_sessions gauge\ncorral_sessions{status="running"} 1\n',
        },
      },
    },
    401: { ...failure, description: 'Unauthorized' },
    default: failure,
  },
};

/** The routes that belong to the server and to no dialect. */
export function serverRoutes({ table, version, metrics, ...deps }: ServerDeps): Dialect {
  return {
    mount(app: App) {
      app.get('/', { config: { doc: rootDoc, open: true, free: true } }, async (request, reply) =>
        wantsPage(request) ? sendPage(reply) : { name: 'corral', version, status: 'running' },
      );
      mountHealth(app, { ...deps, version });
      app.get('/metrics', { config: { doc: metricsDoc, free: true, least: 'operator' } }, async (_request, reply) =>
        reply.header('content-type', metrics.contentType).send(await metrics.text()),
      );
      mountDocs(app, table, version);
      mountPage(app);
    },
  };
}
