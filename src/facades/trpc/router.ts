import { router } from './base.ts';
import { projectCredentialsRouter, sessionCredentialsRouter } from './credentials.ts';
import { desktopRouter } from './desktop.ts';
import { egressRouter } from './egress.ts';
import { eventsRouter } from './events.ts';
import { filesRouter } from './files.ts';
import { keysRouter } from './keys.ts';
import { processesRouter } from './processes.ts';
import { projectsRouter } from './projects.ts';
import { runsRouter } from './runs.ts';
import { sandboxRouter } from './sandbox.ts';
import { sessionsRouter } from './sessions.ts';
import { sharesRouter } from './shares.ts';
import { systemRouter } from './system.ts';
import { templatesRouter } from './templates.ts';
import { terminalsRouter } from './terminals.ts';

export const appRouter = router({
  sessions: sessionsRouter,
  events: eventsRouter,
  runs: runsRouter,
  sandbox: sandboxRouter,
  egress: egressRouter,
  sessionCredentials: sessionCredentialsRouter,
  projectCredentials: projectCredentialsRouter,
  desktop: desktopRouter,
  files: filesRouter,
  processes: processesRouter,
  terminals: terminalsRouter,
  projects: projectsRouter,
  shares: sharesRouter,
  templates: templatesRouter,
  keys: keysRouter,
  system: systemRouter,
});
export type AppRouter = typeof appRouter;
