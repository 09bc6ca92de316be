import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import type { SessionService } from '../../session/api/sessions.ts';
import { Checks, healthInTime, overallHealth } from '../shared/health.ts';
import type { App, RouteDoc } from '../shared/routes.ts';
import { failure } from './failure.ts';

const HealthReply = z.object({ status: z.enum(['healthy', 'unhealthy']) });
const DetailedReply = HealthReply.extend({
  timestamp: z.iso.datetime(),
  version: z.string(),
  uptime_seconds: z.number(),
  checks: Checks,
  sessions: z.object({ total: z.int(), running: z.int(), waiting: z.int() }),
});
const statuses = (schema: z.ZodType, healthy: object, unhealthy: object): RouteDoc['responses'] => ({
  200: { description: 'Healthy', content: { 'application/json': { schema, example: healthy } } },
  503: { description: 'Unhealthy', content: { 'application/json': { schema, example: unhealthy } } },
  default: failure,
});

const doc: RouteDoc = {
  operationId: 'health',
  tag: 'Server',
  summary: 'Whether the server works; answers within a second',
  responses: statuses(HealthReply, { status: 'healthy' }, { status: 'unhealthy' }),
};
const example = (status: 'healthy' | 'unhealthy') => ({
  status,
  timestamp: '2025-01-01T00:00:00.000Z',
  version: '0.1.0',
  uptime_seconds: 12.5,
  checks: { storage: { status }, sandbox: { status, driver: 'docker' }, model: { status: 'healthy', name: 'demo' } },
  sessions: { total: 3, running: 1, waiting: 0 },
});
const detailedDoc: RouteDoc = {
  operationId: 'healthDetailed',
  tag: 'Server',
  summary: 'Get the health of each part',
  responses: statuses(DetailedReply, example('healthy'), example('unhealthy')),
};

const aliveDoc: RouteDoc = {
  operationId: 'alive',
  tag: 'Server',
  summary: 'Whether the process answers; for the supervisor that restarts it',
  responses: {
    200: {
      description: 'Alive',
      content: {
        'application/json': { schema: z.object({ status: z.literal('alive') }), example: { status: 'alive' } },
      },
    },
    default: failure,
  },
};
const readyDoc: RouteDoc = {
  operationId: 'ready',
  tag: 'Server',
  summary: 'Whether this server can take requests; for load balancers',
  responses: statuses(HealthReply, { status: 'healthy' }, { status: 'unhealthy' }),
};

interface HealthDeps {
  readonly sessions: Pick<SessionService, 'health'>;
  readonly clock: Clock;
  readonly version: string;
}

export function mountHealth(app: App, { sessions, clock, version }: HealthDeps): void {
  const startedAt = clock.now();
  app.get('/health', { config: { doc, open: true, free: true } }, async (_request, reply) => {
    const status = overallHealth(await healthInTime(sessions, clock));
    return reply.code(status === 'healthy' ? 200 : 503).send({ status });
  });
  app.get('/healthz', { config: { doc: aliveDoc, open: true, free: true } }, async () => ({ status: 'alive' }));
  // Only storage counts: all servers share the sandbox driver's backend, and running sessions work on while it is away.
  app.get('/readyz', { config: { doc: readyDoc, open: true, free: true } }, async (_request, reply) => {
    const { status } = (await healthInTime(sessions, clock)).storage;
    return status === 'unhealthy' ? reply.code(503).send({ status }) : { status: 'healthy' };
  });
  app.get(
    '/health/detailed',
    { config: { doc: detailedDoc, free: true, least: 'operator' } },
    async (_request, reply) => {
      const { storage, sandbox, model, sessions: count } = await healthInTime(sessions, clock);
      const status = overallHealth({ storage, sandbox });
      const now = clock.now();
      return reply.code(status === 'healthy' ? 200 : 503).send({
        status,
        timestamp: new Date(now).toISOString(),
        version,
        uptime_seconds: (now - startedAt) / 1000,
        checks: { storage, sandbox, model },
        sessions: count,
      });
    },
  );
}
