import { adoptsSandboxes } from '../../../drivers/driver.ts';
import { requireProviderAccess } from '../../agents/models/registry.ts';
import { AutomationPrograms } from '../../automations/programs.ts';
import { combineSignals } from '../../core/concurrency/cancel.ts';
import { AppError } from '../../core/errors/errors.ts';
import { SessionId } from '../../core/model/ids.ts';
import { adminPrincipal } from '../../core/model/principal.ts';
import type { SandboxOptions, SessionRecord } from '../../core/model/records.ts';
import { parsePolicyEntry } from '../../sandboxes/egress/policy.ts';
import type { OperationServices, Services } from '../../sessions/api/services.ts';
import { createDesktopService } from '../../sessions/desktop/desktop.ts';
import { countSessionsByStatus } from '../../sessions/engine/unfinished-sessions.ts';
import { ForkCreator } from '../../sessions/forks/fork.ts';
import { NamedSnapshotStore } from '../../sessions/forks/named-snapshots.ts';
import { workspaceArchiver } from '../../sessions/forks/workspace-archive.ts';
import { createMemoryStoreService } from '../../sessions/memory/stores.ts';
import { createServerCredentials } from '../../sessions/projects/credentials.ts';
import { createCheckpointService } from '../../sessions/repositories/checkpoint-service.ts';
import { computeSessionCost } from '../../sessions/services/costs.ts';
import { createEgressService } from '../../sessions/services/egress.ts';
import { createFileService } from '../../sessions/services/files.ts';
import { createPortService } from '../../sessions/services/ports.ts';
import { createProcessService } from '../../sessions/services/processes.ts';
import { createSandboxHandleService } from '../../sessions/services/sandbox-interior.ts';
import { createSandboxService } from '../../sessions/services/sandboxes.ts';
import { DrainController } from '../../sessions/services/sessions/drain.ts';
import { SessionNames } from '../../sessions/services/sessions/names.ts';
import { createSessionService } from '../../sessions/services/sessions.ts';
import { createStreamService } from '../../sessions/services/streams/streams.ts';
import { createTerminalService } from '../../sessions/services/terminals.ts';
import { createShareService } from '../../sessions/shares/shares.ts';
import { createVaultService } from '../../sessions/vaults/vault-service.ts';
import { createWorkspaceService } from '../../sessions/workspaces/workspaces.ts';
import { toServerLimits } from '../parts/policies.ts';
import type { SandboxSettingsSource } from '../parts/session-configs.ts';
import type { ServerWithEngine } from './engine.ts';
import { TemplateAvailabilityChecker } from './runnable-templates.ts';
import { checkSandboxOptions } from './sandbox-choice.ts';
import { egressProxyPort } from './sandboxes.ts';
import { openAccounting } from './services/accounting.ts';
import { openAdministration } from './services/administration.ts';
import { openAttemptServices } from './services/attempts.ts';
import { openAutomationServices } from './services/automations.ts';
import { openMemoryService } from './services/memory.ts';
import { openAuthServices } from './services/owners.ts';
import { openRepositoryServices } from './services/repositories.ts';
import { openRetention } from './services/retention.ts';
import { openServerSettings } from './services/server-settings.ts';
import { createTemplateResolver } from './services/session-templates.ts';
import { openTemplateBuilds } from './services/template-builds.ts';
import { openWebhooks } from './services/webhooks.ts';
import { openWorkQueue } from './services/work-queue.ts';
import { requiresStartToken } from './start-token.ts';
import { runInBackground } from './startup.ts';

const adoptionMs = 15_000;
const maxProjects = 10_000;

/** Startup phase 5. These services do not check permissions. */
export async function openFacadeServices(server: ServerWithEngine) {
  const { config, clock, closing, commands, copies, driver, log, metrics, model, news } = server;
  const { projects, records, shared, templates, warn } = server;
  await using stack = new AsyncDisposableStack();
  const { volumes, ofSessions } = server.volumes;
  const forks = new ForkCreator({ ...server, volumes: ofSessions });
  const collect = async (before: number, signal: AbortSignal) =>
    (await server.collectBlobs(before, signal)) +
    (await forks.collect(before)) +
    (await copies.collect(before)) +
    (await volumes.collect(before, signal)) +
    (await builds.collect(before)) +
    (await names.collect(before)) +
    (await work.deleteExpiredFiles());
  // If no other server uses the store, unfinished forks are leftovers.
  if (!shared)
    await forks.collect(clock.now()).catch((err: unknown) => warn({ err }, 'unfinished forks were not removed'));
  const named = new NamedSnapshotStore({
    ...server,
    policy: config.snapshots,
    archive: workspaceArchiver,
    sessions: () => sessions,
  });
  const builds = openTemplateBuilds(server);
  // On a shared store, an unfinished build may belong to another server.
  if (!shared) await builds.adopt().catch((err: unknown) => warn({ err }, 'unfinished builds were not removed'));
  const runnable = new TemplateAvailabilityChecker({
    ...server,
    driver: driver.name,
    async secretVariables() {
      const held = [...config.egress.credentials, ...(await projects.credentials.heldByAll())];
      return new Set(held.flatMap(({ env }) => env));
    },
  });
  async function checkModel(ref: string): Promise<void> {
    await requireProviderAccess(ref, { models: await projects.directory.config(), storedKey: projects.api.keys.use });
    server.realModels.check(ref);
  }
  const templateFor = createTemplateResolver(server, runnable);
  const names = new SessionNames({ ...server, get: (id) => sessions.get(id) });
  const checkSandbox = (choice: SandboxOptions, session: SandboxSettingsSource) => {
    checkSandboxOptions(choice, { config: server.settingsOf(session).config, driver });
    server.checkServices({ ...session, sandbox: choice });
  };
  async function checkAdoption(named: string): Promise<void> {
    if (!adoptsSandboxes(driver))
      throw new AppError('unsupported', `adopt: the driver ${driver.name} cannot adopt sandboxes; kubernetes can.`);
    await driver.checkAdoption(named, { signal: combineSignals([closing, AbortSignal.timeout(adoptionMs)]) });
  }
  const attempts = openAttemptServices(server, { checkModel });
  const drain = new DrainController(server);
  stack.use(runInBackground(closing, drain.run));
  const sessions = createSessionService({
    ...server,
    admit: () => drain.admit(),
    names,
    projects: {
      async workerIn(project, named) {
        const found = workingOwner(await directory.findPerson(named), project)?.owner;
        if (found !== undefined) return found;
        throw new AppError('not_found', 'This person cannot work in the project. Add the person as a member first.');
      },
      departed: (id) => ofProjects.departed(id),
    },
    resume: (id) => power.start(id, closing),
    forks,
    mostIdleSeconds: (session) => server.settingsOf(session).config.sandbox.idleSeconds,
    profileOf: projects.profileOf,
    children: attempts.children,
    skillsOf: (session) => server.sessionSkills.of(session),
    checkSkills: (skills, holder) => server.sessionSkills.check(skills, holder),
    checkModel,
    usualModel: async () => {
      const { model: chosen } = await projects.directory.stored();
      return config.sources?.model === undefined ? (chosen ?? model.name) : model.name;
    },
    templateFor,
    handFiles: (from, to) => named.hand(from, to),
    volumes: ofSessions,
    checkSandbox,
    checkAdoption,
    checkRepository: (url) => server.folders.check(url),
    limits: toServerLimits(config, server.tools),
  });
  metrics.countSessions(() => countSessionsByStatus(records));
  const { retention } = stack.use(openRetention(server, { sessions, collect }));
  const known = (id: SessionId) => sessions.get(id);
  const shares = createShareService({ ...server, sessions });
  const power = createSandboxService({ ...server, sessions, forgetFiles: (id) => server.manifests.forget(id) });
  const { keys, signIns, tokens, memberships, directory, people, owners, workingOwner, isPerson } = stack.use(
    await openAuthServices(server),
  );
  const memoryStores = news.memoryStores(createMemoryStoreService(server));
  const vaults = news.vaults(
    createVaultService({ ...server, credentials: projects.vaultCredentials, tokens: server.mcpTokens }),
  );
  const ofProjects = projects.service(sessions, directory, {
    moved: () => ({ automation: automations.service, webhook: webhooks.service }),
    held: () => [
      automations.service,
      webhooks.service,
      server.skills,
      { list: named.service.list, delete: named.service.remove },
      { list: builds.service.list, delete: builds.service.remove },
      { list: volumes.service.list, delete: (id) => volumes.service.remove(id, AbortSignal.timeout(60_000)) },
      projects.secrets,
      vaults,
      memoryStores,
      ...(['agent', 'environment', 'file'] as const).map((kind) => ({
        list: (owner: string, parents: readonly string[]) => work.documents.list(kind, owner, parents),
        delete: work.documents.delete,
      })),
    ],
  });
  const portRules = {
    isOwnMachine: driver.capabilities.isolation === 'none',
    closedPorts: new Set([egressProxyPort, ...(driver.capabilities.daemonPorts ?? [])]),
  };
  const withoutKeys = {
    shares,
    snapshots: named.service,
    volumes: volumes.service,
    templateBuilds: builds.service,
    sessions,
    files: createFileService({ ...server, hydrate: (id) => commands.change(id, {}), known }),
    ...openRepositoryServices(server, { sessions, power, checkSandbox }),
    checkpoints: createCheckpointService({ ...server, known }),
    processes: createProcessService({ ...server, known }),
    sandboxes: power,
    egress: createEgressService({
      ...server,
      sessions,
      rulesOf: server.readEgress,
      isEntry: (text) => parsePolicyEntry(text) !== undefined,
      change: (id, change) => commands.change(id, change),
      checkSandbox,
      isEgressFixed: driver.capabilities.isEgressFixed === true,
    }),
    sessionCredentials: projects.credentials.createService((id: SessionId) => sessions.get(id)),
    projectCredentials: projects.credentials.createService((id: string) => ofProjects.get(id)),
    serverCredentials: createServerCredentials({
      ring: projects.credentials,
      settings: config.egress.credentials,
      setBy: config.sources?.['egress.credentials'] ?? 'egress.credentials in corral.yaml',
    }),
    terminals: createTerminalService({ ...server, known }),
    streams: createStreamService({ ...server, known }),
    inside: createSandboxHandleService({
      ...server,
      codeOf: (client) => server.kernels.of(client),
      known,
      ...portRules,
    }),
    ports: createPortService({ ...server, known, ...portRules }),
    desktop: createDesktopService({
      ...server,
      known,
      offerFor: server.desktopFor,
      power,
      isAtWork: async (id) => (await sessions.activeRun(id)) !== undefined,
    }),
    projects: ofProjects,
    secrets: projects.secrets,
    skills: server.skills,
    templates: { list: templates.list, whyNot: (template) => runnable.whyNot(template) },
  } satisfies Partial<Services>;
  server.offer({ sessions, files: withoutKeys.files, pullRequests: withoutKeys.pullRequests });
  log.onAppend(({ sessionId, puts = [] }) => {
    for (const { kind, doc } of puts) {
      if (kind === 'session') server.recheckEgress(sessionId, doc as SessionRecord);
    }
  });
  log.onAppend(({ sessionId, facts }) => {
    if (!facts.some(({ type }) => type === 'run.end')) return;
    server.delegation
      .stopChildren(sessionId, 'delegated')
      .catch((err: unknown) => warn({ err, session: sessionId }, 'the children of an ended run were not stopped'));
    attempts.wake();
  });
  const ofAttempts = stack.use(attempts.begin(sessions));
  stack.use(runInBackground(closing, (signal) => server.delegation.adopt(signal)));
  const workspaces = stack.use(
    await createWorkspaceService({
      ...server,
      ...withoutKeys,
      graceMs: config.workspaceGraceSeconds * 1_000,
    }),
  );
  server.ledger.mayWork = ({ owner, projectId }) =>
    owner === undefined || workingOwner(owner, projectId) !== undefined || (projectId === null && !isPerson(owner));
  const projectNames = async () => {
    const { projects: all } = await ofProjects.list({ skip: 0, limit: maxProjects });
    return new Map(all.map(({ id, name }) => [id, name]));
  };
  const memory = stack.use(openMemoryService(server, { people: owners, projects: projectNames }));
  const accounting = stack.use(
    openAccounting(server, { sessions, people, projects: projectNames, project: (id) => ofProjects.get(id) }),
  );
  const work = stack.use(openWorkQueue(server, sessions));
  const isOwned = (owner: string, projectId: string | null) => workingOwner(owner, projectId) !== undefined;
  const programs = new AutomationPrograms({
    principalOf: (owner) => (owner === undefined ? adminPrincipal : workingOwner(owner)),
  });
  const webhooks = stack.use(
    openWebhooks(server, {
      isOwned,
      projectExists: (id) => ofProjects.get(id),
      readCost: async (id) => (await computeSessionCost(sessions.history(id))).total.cost,
    }),
  );
  const automations = stack.use(
    openAutomationServices(server, {
      sessions,
      power,
      async check({ template, model: ref, projectId, after, repositories, skills }, owner) {
        for (const { url } of repositories) server.folders.check(url);
        if (template !== null) templates.get(template);
        if (projectId !== null) await ofProjects.get(projectId);
        if (ref !== null) await checkModel(ref);
        if (skills.length > 0) await server.sessionSkills.check(skills, { owner, projectId });
        if (after?.of === 'session') await sessions.get(SessionId.parse(after.id));
        if (after?.of === 'project') await ofProjects.get(after.id);
      },
      isOwned,
      programs,
    }),
  );
  const needsCredential = () =>
    keys.any || signIns !== undefined || requiresStartToken(driver.capabilities.isolation, config);
  const services: Services & OperationServices = {
    ...withoutKeys,
    ...openServerSettings(server, needsCredential),
    attempts: ofAttempts.service,
    automations: automations.service,
    usage: accounting.usage,
    budgets: accounting.budgets,
    webhooks: webhooks.service,
    drain,
    administration: openAdministration(server),
    memory: memory.service,
    documents: work.documents,
    workQueue: work.queue.service,
    memoryStores,
    vaults,
  };
  const held = stack.move();
  return {
    services,
    shared: shares,
    opencodex: projects.api,
    workspaces,
    keys,
    signIns,
    memberships,
    tokens,
    workers: work.queue,
    programs,
    retention,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
