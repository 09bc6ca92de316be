import { keysRouter } from './access/keys.ts';
import { peopleRouter } from './access/people.ts';
import { personalKeysRouter } from './access/personal-keys.ts';
import { projectAccountsRouter } from './access/project-accounts.ts';
import { administrationRouter, drainRouter } from './administration.ts';
import { automationsRouter } from './automations.ts';
import { budgetsRouter } from './budgets.ts';
import { projectCredentialsRouter, serverCredentialsRouter, sessionCredentialsRouter } from './credentials.ts';
import { memoryRouter } from './memory.ts';
import { modelsRouter } from './models.ts';
import { router } from './procedure/procedure.ts';
import { projectsRouter } from './projects.ts';
import { attemptsRouter } from './session/attempts.ts';
import { checkpointsRouter } from './session/checkpoints.ts';
import { desktopRouter } from './session/desktop.ts';
import { egressRouter } from './session/egress.ts';
import { eventsRouter } from './session/events.ts';
import { filesRouter } from './session/files.ts';
import { portsRouter } from './session/ports.ts';
import { processesRouter } from './session/processes.ts';
import { pullRequestsRouter } from './session/pull-requests.ts';
import { repositoriesRouter } from './session/repositories.ts';
import { runsRouter } from './session/runs.ts';
import { sandboxRouter } from './session/sandbox.ts';
import { sessionsRouter } from './session/sessions.ts';
import { sharesRouter } from './session/shares.ts';
import { terminalsRouter } from './session/terminals.ts';
import { settingsRouter } from './settings.ts';
import { skillsRouter } from './skills.ts';
import { snapshotsRouter } from './snapshots.ts';
import { systemRouter } from './system.ts';
import { templateBuildsRouter } from './template-builds.ts';
import { templatesRouter } from './templates.ts';
import { toolServersRouter } from './tool-servers.ts';
import { uploadsRouter } from './uploads.ts';
import { usageRouter } from './usage.ts';
import { volumesRouter } from './volumes.ts';
import { webhooksRouter } from './webhooks.ts';

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
  uploads: uploadsRouter,
  keys: keysRouter,
  people: peopleRouter,
  personalKeys: personalKeysRouter,
  projectAccounts: projectAccountsRouter,
  drain: drainRouter,
  administration: administrationRouter,
  system: systemRouter,
});
export type AppRouter = typeof appRouter;
