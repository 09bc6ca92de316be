import { healthInTime } from '../../../api/views/health.ts';
import type { App } from '../../../http/routes/routes.ts';
import { about, type CrogiaDeps, iso } from './context.ts';
import * as replies from './replies.ts';

/** Always answers 200, because clients read the body. */
export function mountHealth(app: App, { sessions, clock }: Pick<CrogiaDeps, 'sessions' | 'clock'>): void {
  app.get(
    '/api/health',
    {
      schema: { response: { 200: replies.health } },
      config: { doc: about('Health', 'Report whether sandboxes can start; always 200'), open: true, free: true },
    },
    async () => {
      const { sandbox, sessions: count } = await healthInTime(sessions, clock);
      const works = sandbox.status !== 'unhealthy';
      return {
        status: works ? ('healthy' as const) : ('unhealthy' as const),
        timestamp: iso(clock.now()),
        active_sessions: count.total,
        docker_available: works && sandbox.driver === 'docker',
        sandbox_driver: sandbox.driver,
        ...(!works && { error: sandbox.detail ?? 'No sandbox driver works.' }),
      };
    },
  );
}
