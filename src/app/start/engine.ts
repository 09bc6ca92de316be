import { parseYaml } from '../../config/yaml-file.ts';
import { createCalendar } from '../../core/contracts/calendar.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { SessionRecord } from '../../core/model/records.ts';
import { minBudget, readBudgetSettings } from '../../core/model/runs/budget.ts';
import { logForOperator } from '../../observability/operator-log.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import { createSandboxClient, type SandboxAddress } from '../../sandboxes/client/http-client.ts';
import type { PullRequestService } from '../../sessions/api/repositories.ts';
import { BudgetAccountStore } from '../../sessions/budgets/account.ts';
import { readLoggedUsage } from '../../sessions/budgets/budgets.ts';
import { ConcurrencyLimiter, createStoredAmountReader } from '../../sessions/budgets/holdings.ts';
import { BudgetLedger } from '../../sessions/budgets/ledger.ts';
import { LiveConcurrencyTracker } from '../../sessions/budgets/live-holdings.ts';
import { createCluster } from '../../sessions/cluster/cluster.ts';
import { type ChildServices, Delegation } from '../../sessions/delegation/child-runs.ts';
import { describeMissingDesktop } from '../../sessions/desktop/desktop.ts';
import { createEngine, type Engine } from '../../sessions/engine/engine.ts';
import { Reconciler } from '../../sessions/engine/reconciler.ts';
import { removeSession } from '../../sessions/engine/removal.ts';
import { SessionFileCopier } from '../../sessions/forks/snapshots.ts';
import { WorkspaceCopier, workspaceArchiver } from '../../sessions/forks/workspace-archive.ts';
import { WorkspaceIntegrity } from '../../sessions/manifests/manifests.ts';
import { workspaceFileOps } from '../../sessions/manifests/workspace-files.ts';
import { createAgentMemory, formatNoteList, formatNotes } from '../../sessions/memory/agent-memory.ts';
import { MemoryFolderSync } from '../../sessions/memory/folders/memory-folders.ts';
import { createMemoryStoreService } from '../../sessions/memory/stores.ts';
import type { UploadService } from '../../sessions/projects/uploads.ts';
import { Checkpoints } from '../../sessions/repositories/checkpoints.ts';
import { RepositoryFetcher } from '../../sessions/repositories/fetches.ts';
import { RepositoryPreparer } from '../../sessions/repositories/preparation.ts';
import { PreparedFileStore } from '../../sessions/repositories/prepared-files.ts';
import { WorkspacePool } from '../../sessions/repositories/ready-workspaces.ts';
import { RepositoryFolders } from '../../sessions/repositories/repository-folders.ts';
import { createLogCompactor } from '../../sessions/retention/compaction.ts';
import type { UploadReader } from '../../sessions/run/context/attachments.ts';
import type { LiveSession } from '../../sessions/run/live-session.ts';
import { BaselineRecorder } from '../../sessions/run/snapshot/run-snapshots.ts';
import { deletePreviews } from '../../sessions/services/ports.ts';
import { SessionSetup } from '../../sessions/setup/session-setup.ts';
import { PullRequestOpenerFactory } from '../../sessions/shipping/pull-requests.ts';
import {
  createBudgetLimitsReader,
  restartPolicy,
  toCheckedApprovalPolicy,
  toRunPolicy,
  toSandboxPolicy,
} from '../parts/policies.ts';
import { createPrompts } from '../parts/prompts.ts';
import type { ServerWithAgents } from './agents.ts';
import { openVolumeServices } from './services/volumes.ts';
import { runInBackground } from './startup.ts';

/** An unreadable upload must not fail the turn. */
const attachedFiles = (uploads: Pick<UploadService, 'get' | 'open'>): UploadReader => ({
  find: (id) => uploads.get(id).catch(() => undefined),
  open: (id) => uploads.open(id),
});

interface AgentServices extends ChildServices {
  readonly pullRequests: Pick<PullRequestService, 'open'>;
}
export type ServerWithEngine = ServerWithAgents & Awaited<ReturnType<typeof openEngine>>;

/** Startup phase 4. Unfinished runs continue in the background. */
export async function openEngine(server: ServerWithAgents) {
  const { config, clock, ids, newId, logger, metrics, closing, projects } = server;
  const { store, records, events, log, replica, liveSessions, driver } = server;
  const connect = (link: SandboxAddress) => createSandboxClient(link, clock);
  await using stack = new AsyncDisposableStack();
  const warn = (err: unknown, text: string) => logger.warn({ err }, text);
  const policy = toSandboxPolicy(config.sandbox, driver);
  const startTimeoutMs = config.sandbox.startTimeoutSeconds * 1_000;
  const compact = createLogCompactor(events, { keepDroppable: 5_000, keepAll: config.maxEventsPerSession });
  const cluster = store.shared
    ? createCluster({
        ownership: replica.ownership,
        commands: store.commands,
        driver,
        clock,
        ids,
        warn,
        startTimeoutMs,
        connect,
        idleMs: policy.idlePauseMs ?? policy.idleStopMs,
      })
    : undefined;
  const { profileOf, copies: uploadCopies } = projects;
  const archive = workspaceArchiver;
  const snapshots = new SessionFileCopier({
    ...server,
    archive,
    // In-memory sandboxes lose their files when the server exits, so keep no snapshots.
    policy: driver.capabilities.isolation === 'fake' ? { ...config.snapshots, keep: 0 } : config.snapshots,
  });
  const manifests = new WorkspaceIntegrity({ ...server, snapshots, archive, files: workspaceFileOps });
  const leavesFiles = driver.capabilities.isolation !== 'fake' && driver.capabilities.pause !== 'none';
  const setup = new SessionSetup({ ...server, openUpload: (id) => projects.api.uploads.open(id) });
  const memoryFolders = new MemoryFolderSync({ ...server, stores: createMemoryStoreService(server) });
  const preparedFiles = new PreparedFileStore({
    ...server,
    archive,
    keep: config.repositories.keepPrepared,
    maxBytes: config.repositories.preparedBytes,
  });
  const ready = new WorkspacePool({
    ...server,
    // A prepared workspace waits in a stopped sandbox, which must keep its files.
    keep: leavesFiles && config.repositories.keepPrepared > 0 ? config.repositories.readyWorkspaces : 0,
    maxAgeMs: config.repositories.readyHours * 3_600_000,
    startTimeoutMs,
    files: preparedFiles,
    connect,
    admit: async () => await server.diskFloor?.admit(),
    ownership: replica.ownership,
    count: metrics.readyWorkspace,
  });
  const folders = new RepositoryFolders({ folders: config.repositories.folders, newId });
  const repositories = new RepositoryFetcher({
    ...server,
    author: { name: config.repositories.authorName, email: config.repositories.authorEmail },
    preparation: new RepositoryPreparer({ ...server, parseYaml, files: preparedFiles }),
    ready,
    folders,
    sessions: liveSessions,
  });
  const checkpoints = new Checkpoints({
    ...server,
    policy: driver.capabilities.isolation === 'fake' ? 'none' : config.repositories.checkpoints,
    keep: config.repositories.keepCheckpoints,
    sessions: liveSessions,
  });
  const calendar = createCalendar(config.budgetTimeZone);
  const accounts = new BudgetAccountStore({ records, clock, calendar });
  const limitsOf = createBudgetLimitsReader(server.live);
  const liveHoldings = new LiveConcurrencyTracker({
    sessions: liveSessions,
    sandboxOf(session) {
      const usual = server.settingsOf(session).config.sandbox;
      const { cpus, memory, disk } = { ...usual, ...session.sandbox };
      return { cpus, memoryBytes: memory, diskBytes: disk };
    },
    holdings: () => holdings,
  });
  const holdings: ConcurrencyLimiter = stack.use(
    new ConcurrencyLimiter({
      ...server,
      accounts,
      limitsOf,
      stored: createStoredAmountReader(records),
      live: () => liveHoldings.shares(),
      server: newId(),
    }),
  );
  log.onAppend(({ sessionId, facts }) => liveHoldings.onFacts(sessionId, facts));
  const ledger = stack.use(
    new BudgetLedger({
      ...server,
      accounts,
      limitsOf,
      logged: async (holder, now) => (await readLoggedUsage(store, calendar.startsAt(now)))(holder),
    }),
  );
  ledger.admitRun = (id, runId) => liveHoldings.admitRun(id, runId);
  const services = Promise.withResolvers<AgentServices>();
  const pullRequests = new PullRequestOpenerFactory(services.promise.then((all) => all.pullRequests));
  const sandboxCopies = new WorkspaceCopier({
    sandboxes: { use: (id, signal) => engine.sandboxes.use(id, signal) },
    archive,
    newId,
  });
  const delegation: Delegation = new Delegation({
    ...server,
    services: services.promise,
    copies: sandboxCopies,
    findTemplate: (name) => server.templates.find(name),
    budgets: ledger.children,
    readLimits: async (session) => {
      const usual = { ...readBudgetSettings(config.session), ...(await profileOf(session)).sessionBudget };
      return minBudget(usual, session.budget);
    },
  });
  const engine: Engine = stack.use(
    createEngine({
      ...server,
      cluster,
      policies: {
        run: toRunPolicy(config, Math.random),
        sandbox: policy,
        mostIdleSeconds: (session) => server.settingsOf(session).config.sandbox.idleSeconds,
        restart: restartPolicy,
        maxQueued: 100,
        limits: { run: config.maxRunningRuns, start: config.sandbox.maxStarting },
        passivateMs: config.session.passivateSeconds * 1_000,
      },
      agents: {
        profileOf,
        gate: server.screens.gate,
        desktop: server.desktop,
        external: server.toolServers,
        desktopFor(session) {
          const offer = server.desktopFor(session);
          return { isReady: offer.state === 'ready', advice: describeMissingDesktop(offer) };
        },
        kernels: server.kernels,
        loops: server.loops,
        snapshots: new BaselineRecorder(server),
        pullRequests: (id, ofSession) => pullRequests.createOpener(id, ofSession),
        children: delegation,
        skillsOf: (session) => server.sessionSkills.of(session),
        unreachedCredentials: (session) => server.credentials.findUnreached(session),
        memoryFolders,
        memoryOf: (session, runId) =>
          createAgentMemory(server.notes, session, {
            runId,
            onChange: (action) => metrics.memoryChange('agent', action),
          }),
        listNotes: formatNoteList,
        tellNotes: formatNotes,
        files: attachedFiles(projects.api.uploads),
        prompts: createPrompts(server.settingsOf, driver.capabilities.isolation),
        budget: readBudgetSettings(config.session),
        openBudgets: (turn) => ledger.open(turn),
        approvals: toCheckedApprovalPolicy(config.approvals, server.tools),
        toolTimeoutMs: config.toolTimeoutSeconds * 1_000,
      },
      sandboxes: {
        ...server,
        startTimeoutMs,
        holdings: liveHoldings,
        connect,
        async restore(session, client, signal) {
          await manifests.check(session, client, signal);
          await snapshots.restore(session, client, signal);
          if (!repositories.began(session)) return;
          // The sandbox stays in use until the hooks are done.
          void engine.sandboxes.use(session.id, closing).then(
            (used) => used[Symbol.asyncDispose](),
            () => {},
          );
        },
        ...(leavesFiles && {
          rest: (session: LiveSession, client: SandboxClient, signal: AbortSignal) =>
            manifests.write(session, client, signal),
        }),
      },
      hooks: [
        repositories,
        setup,
        checkpoints,
        snapshots,
        memoryFolders,
        {
          async beforeUse({ writer: { record } }, client, signal) {
            await server.sessionSkills.beforeUse(record, client, signal);
            await uploadCopies.sync(record, client, signal);
          },
        },
      ],
      onFact: (id, fact, seq) => {
        metrics.event(fact.type);
        logForOperator(logger, id, fact, liveSessions.get(id)?.sandboxFailure);
        if (fact.type === 'sandbox.phase') server.progress?.record(`sandbox ${id}`, fact.data);
        compact(id, fact, seq);
      },
      onRunEnd: (status) => metrics.runEnded(status),
    }),
  );
  stack.defer(server.ending('the sessions at work'));
  const { commands, supervisor, sandboxes, reports } = engine;
  const volumes = stack.use(await openVolumeServices(server, holdings));
  stack.defer(server.ending('the sandboxes of volumes'));
  const forget = async (id: SessionId) => {
    const stored = await records.get('session', id);
    if (stored) await volumes.ofSessions.release(id, SessionRecord.parse(stored.doc).sandbox?.volumes);
    await server.pictures.forget(id);
    await snapshots.forget(id);
    await deletePreviews(records, id);
  };
  const reconciler = new Reconciler({
    // `graceMs` is below `everyMs`, so a leftover is removed one sweep after it is first seen.
    ...server,
    supervisor,
    graceMs: 9_000,
    everyMs: 10_000,
    ownership: replica.ownership,
    isWithPeer: replica.isWithPeer,
    isReady: (id) => ready.has(id) || volumes.transfers.has(id),
    mayReap: replica.mayReap,
    remove: (id) => removeSession({ ...server, commands, forget }, id),
  });
  engine.start();
  replica.join({ closing, warn, inherit: (ids) => reconciler.inherit(ids, closing) });
  await reconciler.offer(closing);
  stack.use(runInBackground(closing, (signal) => reconciler.run(signal)));
  stack.defer(server.ending('the search for leftover sandboxes'));
  stack.use(runInBackground(closing, (signal) => ready.run(signal)));
  stack.defer(server.ending('the workspaces that are kept ready'));
  const held = stack.move();
  return {
    engine,
    commands,
    supervisor,
    sandboxes,
    reports,
    sandboxCopies,
    snapshots,
    manifests,
    repositories,
    ready,
    folders,
    checkpoints,
    delegation,
    /** Agents' calls wait until `offer` is called. */
    offer: (offered: AgentServices) => services.resolve(offered),
    ledger,
    accounts,
    holdings,
    volumes,
    forget,
    sandboxesUp: () => reconciler.up,
    [Symbol.asyncDispose]: (): PromiseLike<void> => held.disposeAsync(),
  };
}
