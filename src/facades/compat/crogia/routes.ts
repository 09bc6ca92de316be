import { healthInTime } from '../../../api/views/health.ts';
import type { App, FacadeRoutes } from '../../../http/routes/routes.ts';
import { about, type CrogiaDeps, iso } from './context.ts';
import { mountFiles, mountSearch } from './files.ts';
import { mountHistory } from './history.ts';
import { mountProcesses } from './processes.ts';
import * as replies from './replies.ts';
import { mountSessions } from './sessions.ts';
import { mountExec, mountShells } from './shells.ts';
import { mountTerminals } from './terminal-socket.ts';

/** Always answers 200, because clients read the body. */
function mountHealth(app: App, { sessions, clock }: Pick<CrogiaDeps, 'sessions' | 'clock'>): void {
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

/** Mounts `/api/sessions`, `/api/shells`, `/api/health` and `/ws/shells`; `/ws/{sid}` is shared with CambioML. */
export function crogia(deps: CrogiaDeps): FacadeRoutes {
  return {
    mount(app) {
      mountHealth(app, deps);
      mountSessions(app, deps);
      mountHistory(app, deps);
      mountProcesses(app, deps);
      mountFiles(app, deps);
      mountSearch(app, deps);
      mountShells(app, deps);
      mountExec(app, deps);
      mountTerminals(deps);
    },
  };
}
