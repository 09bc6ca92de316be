import { router } from './base.ts';
import { portsRouter } from './ports.ts';
import { attemptsRouter } from './routers/attempts.ts';
import { automationsRouter } from './routers/automations.ts';
import { projectCredentialsRouter, serverCredentialsRouter, sessionCredentialsRouter } from './routers/credentials.ts';
import { desktopRouter } from './routers/desktop.ts';
import { egressRouter } from './routers/egress.ts';
import { eventsRouter } from './routers/events.ts';
import { filesRouter } from './routers/files.ts';
import { modelsRouter } from './routers/models.ts';
import { processesRouter } from './routers/processes.ts';
import { projectsRouter } from './routers/projects.ts';
import { checkpointsRouter } from './routers/repositories/checkpoints.ts';
import { pullRequestsRouter } from './routers/repositories/pull-requests.ts';
import { repositoriesRouter } from './routers/repositories/repositories.ts';
import { runsRouter } from './routers/runs.ts';
import { sandboxRouter } from './routers/sandbox.ts';
import { budgetsRouter } from './routers/server/budgets.ts';
import { keysRouter } from './routers/server/keys.ts';
import { memoryRouter } from './routers/server/memory.ts';
import { settingsRouter } from './routers/server/settings.ts';
import { templateBuildsRouter } from './routers/server/template-builds.ts';
import { toolServersRouter } from './routers/server/tool-servers.ts';
import { usageRouter } from './routers/server/usage.ts';
import { volumesRouter } from './routers/server/volumes.ts';
import { sessionsRouter } from './routers/sessions.ts';
import { sharesRouter } from './routers/shares.ts';
import { skillsRouter } from './routers/skills.ts';
import { snapshotsRouter } from './routers/snapshots.ts';
import { systemRouter } from './routers/system.ts';
import { templatesRouter } from './routers/templates.ts';
import { terminalsRouter } from './routers/terminals.ts';
import { webhooksRouter } from './routers/webhooks.ts';

export const appRouter = router({
  sessions: sessionsRouter,
  events: eventsRouter,
  runs: runsRouter,
  sandbox: sandboxRouter,
  egress: egressRouter,
  sessionCredentials: sessionCredentialsRouter,
  projectCredentials: projectCredentialsRouter,
  serverCredentials: serverCredentialsRouter,
  desktop: desktopRouter,
  files: filesRouter,
  repositories: repositoriesRouter,
  pullRequests: pullRequestsRouter,
  checkpoints: checkpointsRouter,
  processes: processesRouter,
  ports: portsRouter,
  terminals: terminalsRouter,
  projects: projectsRouter,
  shares: sharesRouter,
  snapshots: snapshotsRouter,
  volumes: volumesRouter,
  templates: templatesRouter,
  templateBuilds: templateBuildsRouter,
  attempts: attemptsRouter,
  automations: automationsRouter,
  webhooks: webhooksRouter,
  skills: skillsRouter,
  models: modelsRouter,
  toolServers: toolServersRouter,
  settings: settingsRouter,
  usage: usageRouter,
  budgets: budgetsRouter,
  memory: memoryRouter,
  keys: keysRouter,
  system: systemRouter,
});
export type AppRouter = typeof appRouter;
