import { z } from 'zod';
import { eitherReply, okReply, type ReplyDoc } from '../../http/routes/route-docs.ts';
import type { App, FacadeRoutes } from '../../http/routes/routes.ts';
import type { FacadeParts } from '../shared/facade.ts';
import { describeRoute } from './about.ts';
import { mountDocs } from './docs.ts';
import { mountHealth } from './health.ts';
import { mainPageHeaders, sendFile, wantsPage } from './page.ts';

interface ServerDeps
  extends Pick<FacadeParts, 'services' | 'drain' | 'metrics' | 'clock' | 'version' | 'table' | 'page'> {
  readonly frames: string;
}

const Root = z.object({ name: z.literal('corral'), version: z.string(), status: z.literal('running') });
const pageDoc: ReplyDoc = { description: '', content: { 'text/html': { schema: z.string() } } };
const measurements: ReplyDoc = {
  description: 'Success',
  content: {
    'text/plain': {
      schema: z.string(),
      example: '# TYPE corral_sessions gauge\ncorral_sessions{status="running"} 1\n',
    },
  },
};

export function serverRoutes({
  table,
  version,
  metrics,
  services,
  drain,
  clock,
  page,
  frames,
}: ServerDeps): FacadeRoutes {
  const headers = mainPageHeaders(frames);
  return {
    mount(app: App) {
      app.get(
        '/',
        describeRoute('root', 'Get the name and version of the server; browsers get the web client', {
          schema: {
            response: {
              200: eitherReply(okReply(Root, { name: 'corral', version: '0.1.0', status: 'running' }), pageDoc),
            },
          },
          config: { open: true, free: true },
        }),
        async (request, reply) =>
          wantsPage(request)
            ? sendFile(request, reply, { name: 'index.html', page, headers })
            : { name: 'corral' as const, version, status: 'running' as const },
      );
      mountHealth(app, { sessions: services.sessions, drain, clock, version });
      app.get(
        '/metrics',
        describeRoute('metrics', 'Measurements in Prometheus text format 0.0.4', {
          schema: { response: { 200: measurements } },
          config: { free: true, least: 'operator' },
          fails: [401],
        }),
        async (_request, reply) => reply.header('content-type', metrics.contentType).send(await metrics.text()),
      );
      mountDocs(app, { table, version, page });
    },
  };
}
