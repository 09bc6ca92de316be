import { z } from 'zod';
import { computeOverallHealth, HealthChecks, readHealthWithTimeout } from '../../api/views/health.ts';
import { jsonReply, negotiatedReply, okReply, type ReplyDoc } from '../../http/routes/route-docs.ts';
import type { App, FacadeRoutes } from '../../http/routes/routes.ts';
import type { FacadeParts } from '../shared/facade.ts';
import { describeRoute } from './about.ts';
import { mountApiDocs } from './docs.ts';
import { acceptsHtml, createMainPageHeaders, sendPageFile } from './page.ts';

const HealthReply = z.object({ status: z.enum(['healthy', 'unhealthy']) });
const DetailedReply = HealthReply.extend({
  timestamp: z.iso.datetime(),
  version: z.string(),
  uptime_seconds: z.number(),
  checks: HealthChecks,
  draining: z.boolean(),
  sessions: z.object({ total: z.int(), running: z.int(), waiting: z.int() }),
});
type DetailedReply = z.output<typeof DetailedReply>;

const example = (status: 'healthy' | 'unhealthy'): DetailedReply => ({
  status,
  timestamp: '2025-01-01T00:00:00.000Z',
  version: '0.1.0',
  uptime_seconds: 12.5,
  checks: { storage: { status }, sandbox: { status, driver: 'docker' }, model: { status: 'healthy', name: 'demo' } },
  draining: false,
  sessions: { total: 3, running: 1, waiting: 0 },
});
const replies = {
  200: jsonReply('Healthy', HealthReply, { status: 'healthy' }),
  503: jsonReply('Unhealthy', HealthReply, { status: 'unhealthy' }),
};
const detailedReplies = {
  200: jsonReply('Healthy', DetailedReply, example('healthy')),
  503: jsonReply('Unhealthy', DetailedReply, example('unhealthy')),
};
const alive = jsonReply('Alive', z.object({ status: z.literal('alive'), draining: z.boolean() }), {
  status: 'alive',
  draining: false,
});

type HealthDeps = Pick<FacadeParts, 'drain' | 'clock' | 'version'> & Pick<FacadeParts['services'], 'sessions'>;

function mountHealth(app: App, { sessions, drain, clock, version }: HealthDeps): void {
  const startedAt = clock.now();
  const free = { open: true, free: true } as const;
  app.get(
    '/health',
    describeRoute('health', 'Whether the server works; answers within a second', {
      schema: { response: replies },
      config: free,
    }),
    async (_request, reply) => {
      const status = computeOverallHealth(await readHealthWithTimeout(sessions, clock));
      return reply.code(status === 'healthy' ? 200 : 503).send({ status });
    },
  );
  app.get(
    '/healthz',
    describeRoute('alive', 'Whether the process answers; for the supervisor that restarts it', {
      schema: { response: { 200: alive } },
      config: free,
    }),
    async () => ({ status: 'alive' as const, draining: drain.state().draining }),
  );
  // Readiness depends on storage only: all servers share the sandbox driver's backend, and running sessions continue while it is
  // unreachable.
  app.get(
    '/readyz',
    describeRoute('ready', 'Whether this server can take requests; for load balancers', {
      schema: { response: replies },
      config: free,
    }),
    async (_request, reply) => {
      const { status } = (await readHealthWithTimeout(sessions, clock)).storage;
      return status === 'unhealthy' ? reply.code(503).send({ status }) : { status: 'healthy' as const };
    },
  );
  app.get(
    '/health/detailed',
    describeRoute('healthDetailed', 'Get the health of each part', {
      schema: { response: detailedReplies },
      config: { free: true, least: 'operator' },
    }),
    async (_request, reply) => {
      const { storage, sandbox, model, sessions: count } = await readHealthWithTimeout(sessions, clock);
      const status = computeOverallHealth({ storage, sandbox });
      const now = clock.now();
      return reply.code(status === 'healthy' ? 200 : 503).send({
        status,
        timestamp: new Date(now).toISOString(),
        version,
        uptime_seconds: (now - startedAt) / 1000,
        checks: { storage, sandbox, model },
        draining: drain.state().draining,
        sessions: count,
      });
    },
  );
}

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

export function createServerRoutes({
  table,
  version,
  metrics,
  services,
  drain,
  clock,
  page,
  frames,
}: ServerDeps): FacadeRoutes {
  const headers = createMainPageHeaders(frames);
  return {
    mount(app: App) {
      app.get(
        '/',
        describeRoute('root', 'Get the name and version of the server; browsers get the web client', {
          schema: {
            response: {
              200: negotiatedReply(okReply(Root, { name: 'corral', version: '0.1.0', status: 'running' }), pageDoc),
            },
          },
          config: { open: true, free: true },
        }),
        async (request, reply) =>
          acceptsHtml(request)
            ? sendPageFile(request, reply, { name: 'index.html', page, headers })
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
      mountApiDocs(app, { table, version, page });
    },
  };
}
