import type { FacadeRoutes } from '../../../http/routes/routes.ts';
import type { CrogiaDeps } from './context.ts';
import { mountFiles, mountSearch } from './files.ts';
import { mountHealth } from './health.ts';
import { mountHistory } from './history.ts';
import { mountProcesses } from './processes.ts';
import { mountSessions } from './sessions.ts';
import { mountExec, mountShells } from './shells.ts';
import { mountTerminals } from './terminal-socket.ts';

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
