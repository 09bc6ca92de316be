import type { SandboxInfo } from '../../../drivers/driver.ts';
import { parseYaml } from '../../config/yaml-file.ts';
import { createCalendar } from '../../core/contracts/calendar.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { SessionRecord } from '../../core/model/records.ts';
import { minBudget, readOwnBudget } from '../../core/model/runs/budget.ts';
import { logForOperator } from '../../observability/operator-log.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import { type SandboxAddress, sandboxClient } from '../../sandboxes/client/http-client.ts';
import type { PullRequestService } from '../../sessions/api/repositories.ts';
import { Accounts } from '../../sessions/budgets/accounts.ts';
import { Holdings } from '../../sessions/budgets/holdings.ts';
import { Ledger } from '../../sessions/budgets/ledger.ts';
import { LiveHoldings } from '../../sessions/budgets/live-holdings.ts';
import { readLoggedUsage } from '../../sessions/budgets/logged-usage.ts';
import { storedAmounts } from '../../sessions/budgets/stored-amounts.ts';
import { createCluster } from '../../sessions/cluster/cluster.ts';
import { type ChildServices, Delegation } from '../../sessions/delegation/child-runs.ts';
import { describeMissingDesktop } from '../../sessions/desktop/offer.ts';
import { createEngine, type Engine } from '../../sessions/engine/engine.ts';
import { Reconciler } from '../../sessions/engine/reconciler.ts';
import { removeSession } from '../../sessions/engine/removal.ts';
import { SandboxCopies } from '../../sessions/forks/sandbox-copies.ts';
import { Snapshots } from '../../sessions/forks/snapshots.ts';
import { workspaceArchive } from '../../sessions/forks/workspace-archive.ts';
import { Manifests } from '../../sessions/manifests/manifests.ts';
import { workspaceFiles } from '../../sessions/manifests/workspace-files.ts';
import { agentMemory, describeNotes, listNotes } from '../../sessions/memory/agent-memory.ts';
import { MemoryFolders } from '../../sessions/memory/folders/memory-folders.ts';
import { memoryStoreService } from '../../sessions/memory/stores.ts';
import type { UploadService } from '../../sessions/projects/uploads.ts';
import { Checkpoints } from '../../sessions/repositories/checkpoints.ts';
import { RepositoryFetches } from '../../sessions/repositories/fetches.ts';
import { Preparation } from '../../sessions/repositories/preparation.ts';
import { PreparedFiles } from '../../sessions/repositories/prepared-files.ts';
import { ReadyWorkspaces } from '../../sessions/repositories/ready-workspaces.ts';
import { RepositoryFolders } from '../../sessions/repositories/repository-folders.ts';
import { createRunCompaction } from '../../sessions/retention/compaction.ts';
import type { AttachedFiles } from '../../sessions/run/context/attachments.ts';
import type { LiveSession } from '../../sessions/run/live-session.ts';
import { RunSnapshots } from '../../sessions/run/snapshot/run-snapshots.ts';
import { forgetPreviews } from '../../sessions/services/ports.ts';
import { SessionSetup } from '../../sessions/setup/session-setup.ts';
import { AgentPullRequests } from '../../sessions/shipping/agent-pull-requests.ts';
import { limitsIn, restartPolicy, runPolicy, sandboxPolicy, toApprovals } from '../parts/policies.ts';
import { createPrompts } from '../parts/prompts.ts';
import type { Agents } from './agents.ts';
import type { Sandboxes } from './sandboxes.ts';
import { type OpenVolumes, openVolumes } from './services/volumes.ts';
import { runInBackground, type Startup } from './startup.ts';
import type { Storage } from './storage.ts';

/** Uploads as a run sees them. An unreadable upload is skipped, and the turn continues. */
const attachedFiles = (uploads: Pick<UploadService, 'get' | 'open'>): AttachedFiles => ({
  find: (id) => uploads.get(id).catch(() => undefined),
  open: (id) => uploads.open(id),
});

interface AgentServices extends ChildServices {
  readonly pullRequests: Pick<PullRequestService, 'open'>;
}
/** The fourth phase of the start: the engine that runs sessions. */
export interface RunningEngine extends AsyncDisposable {
  readonly engine: Engine;
  readonly sandboxCopies: SandboxCopies;
  readonly snapshots: Snapshots;
  readonly manifests: Manifests;
  readonly repositories: RepositoryFetches;
  /** Workspaces prepared for future sessions. */
  readonly ready: ReadyWorkspaces;
  readonly folders: RepositoryFolders;
  readonly checkpoints: Checkpoints;
  readonly delegation: Delegation;
  /** Gives agents the services that the next phase builds on the engine. Their calls wait until then. */
  readonly offer: (services: AgentServices) => void;
  /** The accounts of people and projects, from which model requests reserve. */
  readonly ledger: Ledger;
  readonly accounts: Accounts;
  /** Current use by people, projects and the server, and its limits. */
  readonly holdings: Holdings;
  /** Volumes, and the sessions that have them. */
  readonly volumes: OpenVolumes;
  /** Removes a deleted session's data that is stored outside of its log. */
  readonly forget: (id: SessionId) => Promise<void>;
  /** The sandboxes that were running when the driver last listed them. */
  readonly sandboxesUp: () => readonly SandboxInfo[];
}
interface EngineDeps {
  readonly storage: Storage;
  readonly sandboxes: Sandboxes;
  readonly agents: Agents;
}

/** Starts the engine. Sessions with a running sandbox adopt it, and unfinished runs continue in the background. */
export async function openEngine(startup: Startup, { storage, sandboxes, agents }: EngineDeps): Promise<RunningEngine> {
  const { config, clock, ids, logger, metrics, closing } = startup;
  const { store, copies, log, watchers, replica, liveSessions } = storage;
  const { driver } = sandboxes;
  const connect = (link: SandboxAddress) => sandboxClient(link, clock);
  await using stack = new AsyncDisposableStack();
  const warn = (err: unknown, text: string) => logger.warn({ err }, text);
  const policy = sandboxPolicy(config.sandbox, driver);
  const startTimeoutMs = config.sandbox.startTimeoutSeconds * 1_000;
  const compact = createRunCompaction(store.events, { keepDroppable: 5_000, keepAll: config.maxEventsPerSession });
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
  const { spec, prepare, workdir, diskFloor, facts } = sandboxes;
  const { profileOf, copies: uploadCopies } = agents.projects;
  const snapshots = new Snapshots({
    records: store.records,
    events: store.events,
    copies,
    clock,
    newId: () => ids.short(),
    // The files of a sandbox in memory end with the process.
    policy: driver.capabilities.isolation === 'fake' ? { ...config.snapshots, keep: 0 } : config.snapshots,
    archive: workspaceArchive,
    warn: (about, text) => logger.warn(about, text),
  });
  const manifests = new Manifests({
    records: store.records,
    copies,
    snapshots,
    archive: workspaceArchive,
    files: workspaceFiles,
    clock,
    newId: () => ids.short(),
    warn: (about, text) => logger.warn(about, text),
  });
  const leavesFiles = driver.capabilities.isolation !== 'fake' && driver.capabilities.pause !== 'none';
  const setup = new SessionSetup({
    clock,
    closing,
    openUpload: (id) => agents.projects.api.uploads.open(id),
    warn: (about, text) => logger.warn(about, text),
  });
  const memoryFolders = new MemoryFolders({
    stores: memoryStoreService({ records: store.records, clock, ids }),
    closing,
    newId: () => ids.short(),
    warn: (about, text) => logger.warn(about, text),
  });
  const preparedFiles = new PreparedFiles({
    keep: config.repositories.keepPrepared,
    maxBytes: config.repositories.preparedBytes,
    records: store.records,
    copies,
    archive: workspaceArchive,
    clock,
    newId: () => ids.short(),
  });
  const ready = new ReadyWorkspaces({
    // A prepared workspace waits in a stopped sandbox, so the driver must keep files across a stop.
    keep: leavesFiles && config.repositories.keepPrepared > 0 ? config.repositories.readyWorkspaces : 0,
    maxAgeMs: config.repositories.readyHours * 3_600_000,
    startTimeoutMs,
    driver,
    files: preparedFiles,
    spec,
    connect,
    admit: async () => await diskFloor?.admit(),
    ownership: replica.ownership,
    clock,
    ids,
    count: metrics.readyWorkspace,
    warn: (about, text) => logger.warn(about, text),
  });
  const folders = new RepositoryFolders({ folders: config.repositories.folders, newId: () => ids.short() });
  const repositories = new RepositoryFetches({
    author: { name: config.repositories.authorName, email: config.repositories.authorEmail },
    preparation: new Preparation({
      parseYaml,
      files: preparedFiles,
      warn: (about, text) => logger.warn(about, text),
    }),
    ready,
    folders,
    sessions: liveSessions,
    closing,
    warn: (about, text) => logger.warn(about, text),
  });
  const checkpoints = new Checkpoints({
    policy: driver.capabilities.isolation === 'fake' ? 'none' : config.repositories.checkpoints,
    keep: config.repositories.keepCheckpoints,
    sessions: liveSessions,
    records: store.records,
    clock,
    closing,
    warn: (about, text) => logger.warn(about, text),
  });
  const calendar = createCalendar(config.budgetTimeZone);
  const accounts = new Accounts({ records: store.records, clock, calendar });
  const limitsOf = limitsIn(storage.live);
  const liveHoldings = new LiveHoldings({
    sessions: liveSessions,
    sandboxOf(session) {
      const usual = sandboxes.settingsOf(session).config.sandbox;
      const { cpus, memory, disk } = { ...usual, ...session.sandbox };
      return { cpus, memoryBytes: memory, diskBytes: disk };
    },
    holdings: () => holdings,
  });
  const holdings: Holdings = stack.use(
    new Holdings({
      accounts,
      limitsOf,
      stored: storedAmounts(store.records),
      live: () => liveHoldings.shares(),
      shared: store.shared,
      server: ids.short(),
      clock,
      warn: (about, text) => logger.warn(about, text),
    }),
  );
  log.onAppend(({ sessionId, facts }) => liveHoldings.onFacts(sessionId, facts));
  const ledger = stack.use(
    new Ledger({
      records: store.records,
      events: store.events,
      accounts,
      clock,
      newId: () => ids.short(),
      shared: store.shared,
      limitsOf,
      logged: async (holder, now) => (await readLoggedUsage(store, calendar.startsAt(now)))(holder),
      warn: (about, text) => logger.warn(about, text),
    }),
  );
  ledger.admitRun = (id, runId) => liveHoldings.admitRun(id, runId);
  const services = Promise.withResolvers<AgentServices>();
  const pullRequests = new AgentPullRequests(services.promise.then((all) => all.pullRequests));
  const sandboxCopies = new SandboxCopies({
    sandboxes: { use: (id, signal) => engine.sandboxes.use(id, signal) },
    archive: workspaceArchive,
    newId: () => ids.short(),
  });
  const delegation: Delegation = new Delegation({
    services: services.promise,
    records: store.records,
    events: store.events,
    copies: sandboxCopies,
    findTemplate: (name) => agents.templates.find(name),
    budgets: ledger.children,
    limitsOf: async (session) => {
      const usual = { ...readOwnBudget(config.session), ...(await profileOf(session)).sessionBudget };
      return minBudget(usual, session.budget);
    },
    clock,
    warn: (about, text) => logger.warn(about, text),
  });
  const engine: Engine = stack.use(
    createEngine({
      store,
      log,
      clock,
      ids,
      logger,
      watchers,
      facts,
      cluster,
      liveSessions,
      policies: {
        run: runPolicy(config, Math.random),
        sandbox: policy,
        mostIdleSeconds: (session) => sandboxes.settingsOf(session).config.sandbox.idleSeconds,
        restart: restartPolicy,
        maxQueued: 100,
        limits: { run: config.maxRunningRuns, start: config.sandbox.maxStarting },
        passivateMs: config.session.passivateSeconds * 1_000,
      },
      agents: {
        profileOf,
        gate: agents.screens.gate,
        desktop: agents.desktop,
        external: agents.toolServers,
        desktopFor(session) {
          const offer = sandboxes.desktopFor(session);
          return { isReady: offer.state === 'ready', advice: describeMissingDesktop(offer) };
        },
        kernels: agents.kernels,
        loops: agents.loops,
        snapshots: new RunSnapshots({ clock, warn: (about, text) => logger.warn(about, text) }),
        pullRequests: (id, ofSession) => pullRequests.openerOf(id, ofSession),
        children: delegation,
        skillsOf: (session) => agents.sessionSkills.of(session),
        unreachedCredentials: (session) => sandboxes.credentials.unreachedOf(session),
        memoryFolders,
        memoryOf: (session, runId) =>
          agentMemory(agents.notes, session, { runId, onChange: (action) => metrics.memoryChange('agent', action) }),
        listNotes,
        tellNotes: describeNotes,
        files: attachedFiles(agents.projects.api.uploads),
        prompts: createPrompts(sandboxes.settingsOf, driver.capabilities.isolation),
        budget: readOwnBudget(config.session),
        openBudgets: (turn) => ledger.open(turn),
        approvals: toApprovals(config.approvals, agents.tools),
        toolTimeoutMs: config.toolTimeoutSeconds * 1_000,
      },
      sandboxes: {
        driver,
        startTimeoutMs,
        spec,
        prepare,
        workdir,
        diskFloor,
        holdings: liveHoldings,
        connect,
        async restore(session, client, signal) {
          await manifests.check(session, client, signal);
          await snapshots.restore(session, client, signal);
          if (!repositories.began(session)) return;
          // The sandbox stays in use until the hooks are done. After a failure, the next use tries again.
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
            await agents.sessionSkills.beforeUse(record, client, signal);
            await uploadCopies.sync(record, client, signal);
          },
        },
      ],
      onFact: (id, fact, seq) => {
        metrics.event(fact.type);
        logForOperator(logger, id, fact, liveSessions.get(id)?.sandboxFailure);
        if (fact.type === 'sandbox.phase') startup.progress?.record(`sandbox ${id}`, fact.data);
        compact(id, fact, seq);
      },
      onRunEnd: (status) => metrics.runEnded(status),
    }),
  );
  stack.defer(startup.ending('the sessions at work'));
  const { commands, supervisor } = engine;
  const volumes = stack.use(
    await openVolumes(startup, { store, driver, spec: sandboxes.transferSpec, replica, holdings }),
  );
  stack.defer(startup.ending('the sandboxes of volumes'));
  const forget = async (id: SessionId) => {
    const stored = await store.records.get('session', id);
    if (stored) await volumes.ofSessions.release(id, SessionRecord.parse(stored.doc).sandbox?.volumes);
    await agents.pictures.forget(id);
    await snapshots.forget(id);
    await forgetPreviews(store.records, id);
  };
  const reconciler = new Reconciler({
    // The grace is shorter than the interval between sweeps, so the second sweep that sees a leftover removes it,
    // within 30 s.
    driver,
    store,
    supervisor,
    liveSessions,
    clock,
    logger,
    graceMs: 9_000,
    everyMs: 10_000,
    ownership: replica.ownership,
    isWithPeer: replica.isWithPeer,
    isReady: (id) => ready.has(id) || volumes.transfers.has(id),
    mayReap: replica.mayReap,
    remove: (id) => removeSession({ commands, watchers, store, ids, clock, forget }, id),
  });
  engine.start();
  replica.join({ closing, warn, inherit: (ids) => reconciler.inherit(ids, closing) });
  await reconciler.offer(closing);
  stack.use(runInBackground(closing, (signal) => reconciler.run(signal)));
  stack.defer(startup.ending('the search for leftover sandboxes'));
  stack.use(runInBackground(closing, (signal) => ready.run(signal)));
  stack.defer(startup.ending('the workspaces that are kept ready'));
  const held = stack.move();
  const parts = {
    engine,
    sandboxCopies,
    snapshots,
    manifests,
    repositories,
    ready,
    folders,
    checkpoints,
    delegation,
    offer: services.resolve,
    ledger,
    accounts,
    holdings,
    volumes,
    forget,
    sandboxesUp: () => reconciler.up,
  };
  return { ...parts, [Symbol.asyncDispose]: () => held.disposeAsync() };
}
