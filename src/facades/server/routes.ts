import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import type { SessionService } from '../../session/api/sessions.ts';
import type { HttpMetrics } from '../shared/observe.ts';
import { either, ok, type ReplyDoc } from '../shared/route-docs.ts';
import type { App, Dialect, RouteTable } from '../shared/routes.ts';
import { about } from './about.ts';
import { mountDocs } from './docs.ts';
import { mountHealth } from './health.ts';
import { sendPage, wantsPage } from './page.ts';

interface ServerDeps {
  readonly sessions: Pick<SessionService, 'health'>;
  readonly metrics: HttpMetrics;
  readonly clock: Clock;
  readonly version: string;
  readonly table: RouteTable;
}

const Root = z.object({ name: z.literal('corral'), version: z.string(), status: z.literal('running') });
const page: ReplyDoc = { description: '', content: { 'text/html': { schema: z.string() } } };
const measurements: ReplyDoc = {
  description: 'Success',
  content: {
    'text/plain': {
      schema: z.string(),
      example: '# TYPE corral_sessions gauge\ncorral_sessions{status="running"} 1\n',
    },
  },
};

/** The routes that belong to the server and to no dialect. */
export function serverRoutes({ table, version, metrics, ...deps }: ServerDeps): Dialect {
  return {
    mount(app: App) {
      app.get(
        '/',
        {
          schema: {
            response: { 200: either(ok(Root, { name: 'corral', version: '0.1.0', status: 'running' }), page) },
          },
          config: {
            doc: about('root', 'Get the name and version of the server; browsers get the web client'),
            ...{ open: true, free: true },
          },
        },
        async (request, reply) =>
          wantsPage(request) ? sendPage(reply) : { name: 'corral' as const, version, status: 'running' as const },
      );
      mountHealth(app, { ...deps, version });
      app.get(
        '/metrics',
        {
          schema: { response: { 200: measurements } },
          config: {
            doc: about('metrics', 'Measurements in Prometheus text format 0.0.4', { fails: [401] }),
            ...{ free: true, least: 'operator' },
          },
        },
        async (_request, reply) => reply.header('content-type', metrics.contentType).send(await metrics.text()),
      );
      mountDocs(app, table, version);
    },
  };
}
