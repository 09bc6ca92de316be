import { resolve } from 'node:path';
import type { Driver } from '../../drivers/driver.ts';
import { type ApiKeys, apiKeys } from '../auth/api-keys.ts';
import { BrowserPool } from '../browser/pool.ts';
import type { Config } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import type { IdSource, SessionId } from '../core/ids.ts';
import type { Inbox, Store } from '../core/ports.ts';
import type { Secret } from '../core/secret.ts';
import { createModel } from '../llm/registry.ts';
import { type Logger, noiseCounts } from '../observability/logger.ts';
import { createMetrics, type Metrics } from '../observability/metrics.ts';
import { tellOperator } from '../observability/noteworthy.ts';
import { sandboxClient } from '../sandbox/http-client.ts';
import type { Services } from '../session/api/services.ts';
import { clusterOf } from '../session/cluster/cluster.ts';
import { shareControl } from '../session/cluster/shared-control-lease.ts';
import { agentDesktop } from '../session/desktop/agent-desktop.ts';
import { desktopService } from '../session/desktop/desktop.ts';
import { pictureService } from '../session/desktop/screenshots.ts';
import { Engine } from '../session/engine/engine.ts';
import { Reconciler } from '../session/engine/reconciler.ts';
import { removeSession } from '../session/engine/removal.ts';
import { Watchers } from '../session/engine/watchers.ts';
import { Keeper } from '../session/retention/keeper.ts';
import { fileService } from '../session/services/files.ts';
import { processService } from '../session/services/processes.ts';
import { sandboxService } from '../session/services/sandboxes.ts';
import { sessionService } from '../session/services/sessions.ts';
import { terminalService } from '../session/services/terminals.ts';
import { type WorkspaceService, workspaceService } from '../session/workspaces/workspaces.ts';
import { largeAside } from '../store/large/large.ts';
import { storeEventLog } from '../store/log.ts';
import { withRecent } from '../store/recent.ts';
import { toolRegistry } from '../tools/registry.ts';
import { closeBlobs, openBlobs } from './blobs.ts';
import { floorFor } from './disk.ts';
import { approvalsOf, restartPolicy, runPolicy, sandboxPolicy } from './engine.ts';
import { inboxOf } from './inbox.ts';
import { instanceName } from './instance.ts';
import { keyPeppers } from './key-peppers.ts';
import { projectParts } from './projects.ts';
import { replicaOf, sharedInstance } from './replica.ts';
import { openSandboxes } from './sandboxes.ts';
import { openStore } from './store.ts';

const template = 'default';
const retentionMs = 60_000;

interface Options {
  readonly config: Config;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Fires when the server drains. */
  readonly closing: AbortSignal;
  /** Tells people what they need to know at the start. */
  readonly say: (text: string) => void;
  /** Masks a secret in the log from now on. */
  readonly learn?: (secret: Secret) => void;
  /** Existing parts, for several servers in one process that share a store and sandboxes. */
  readonly given?: { readonly store?: Store; readonly driver?: Driver };
}
/** The core with all its parts. Disposing stops the work at once and closes the store last. */
export interface Core extends AsyncDisposable {
  readonly services: Services;
  /** The services that only the OpenCodex dialect uses. */
  readonly opencodex: Awaited<ReturnType<typeof projectParts>>['api'];
  readonly workspaces: WorkspaceService;
  readonly keys: ApiKeys;
  readonly store: Store;
  /** The store's inbox; a request that a dead server left unanswered can be claimed again. */
  readonly inbox: Inbox;
  readonly driver: Driver;
  readonly engine: Engine;
  readonly keeper: Keeper;
  readonly metrics: Metrics;
  readonly modelName: string;
  readonly instance: string;
}

export async function compose({
  config: settings,
  logger,
  clock,
  ids,
  closing: drains,
  say,
  learn = () => {},
  given = {},
}: Options): Promise<Core> {
  // A failed start ends the background work too, which would otherwise wait for the server to drain.
  const ended = new AbortController();
  const closing = AbortSignal.any([drains, ended.signal]);
  const untilClosing = async (work: Promise<void>) => {
    ended.abort();
    await work;
  };
  await using stack = new AsyncDisposableStack();
  const dataDir = resolve(settings.dataDir);
  const config = { ...settings, dataDir };
  const bare = given.store ?? stack.use(await openStore({ config, logger, closing, say }));
  const blobs = stack.adopt(await openBlobs(config, clock), closeBlobs);
  const recent = bare.durable && !bare.shared ? withRecent(bare) : bare;
  const large = largeAside({ store: recent, blobs, newId: () => ids.short(), now: clock.now });
  const { store } = large;
  const ownName = () => (store.shared ? sharedInstance(store, ids) : instanceName(dataDir, ids));
  const instance = config.instance ?? (await ownName());
  const leaseMs = config.replicas.leaseSeconds * 1_000;
  const replica = stack.use(replicaOf({ store, ids, clock, leaseMs }));
  const others = {
    ...{ clock, signal: closing, onGone: (id: SessionId) => watchers.end(id) },
    warn: (err: unknown, text: string) => logger.warn({ err }, text),
  };
  const log = storeEventLog(store.events, { maxLag: 5_000, pageSize: 256, ...(store.shared && { others }) });
  // Grows with each start, so that a sandbox of an older owner can be told apart.
  const epoch = await store.records.put({ kind: 'server', id: 'epoch', doc: {} });
  const model = createModel(config.model, {
    keys: { gemini: config.models.gemini.apiKey },
    baseUrls: { gemini: config.models.gemini.baseUrl },
    clock,
    newId: () => ids.short(),
  });

  const metrics = createMetrics({
    sessions: async () => countByStatus(await sessions.list()),
    noise: () => noiseCounts(logger),
  });
  const { driver, workdir, spec, prepare } = stack.use(
    await openSandboxes({
      ...{ config, instance, replica: replica.name, epoch, template, records: store.records },
      ...{ clock, ids, logger, metrics, say, given: given.driver },
      note: (id, note) => engine.note(id, note),
    }),
  );

  const tools = toolRegistry(undefined, config.tools.computer);
  const parts = await projectParts({
    config,
    store,
    blobs,
    clock,
    ids,
    logger,
    learn,
    usual: { model, tools, plans: true },
    closing,
  });
  stack.defer(() => untilClosing(parts.rotation));
  const browsers = stack.use(
    new BrowserPool({
      clock,
      limits: {
        maxTabs: config.browser.maxTabs,
        maxDownloadBytes: config.browser.maxDownload,
        navigationMs: 30_000,
        answerMs: 10_000,
      },
    }),
  );
  const pictures = pictureService({
    uploads: parts.api.uploads,
    keepPerSession: config.browser.screenshots,
    newName: () => `${clock.now()}-${ids.short()}`,
    warn: (about, text) => logger.warn(about, text),
  });
  const watchers = new Watchers();
  const policy = sandboxPolicy(config, driver);
  const engine = stack.use(
    new Engine({
      store,
      log,
      driver,
      profileOf: parts.profileOf,
      onUse: parts.onUse,
      clock,
      ids,
      logger,
      runPolicy: runPolicy(config, Math.random),
      sandboxPolicy: policy,
      restartPolicy,
      limits: { run: config.maxRunningRuns, start: config.sandbox.maxStarting },
      passivateMs: config.session.passivateSeconds * 1_000,
      maxQueued: 100,
      toolTimeoutMs: config.toolTimeoutSeconds * 1_000,
      approvals: approvalsOf(config, tools),
      startTimeoutMs: config.sandbox.startTimeoutSeconds * 1_000,
      spec,
      connect: sandboxClient,
      diskFloor: floorFor(config, { driver, clock, logger }),
      prepare,
      workdir,
      gate: (id, signal) => desktop.gate(id, signal),
      agentDesktop: agentDesktop(browsers, pictures),
      isWatched: watchers.isWatched,
      onFact: (id, fact) => {
        metrics.event(fact.type);
        tellOperator(logger, id, fact);
        if (fact.type === 'run.end') void store.events.compact(id, keep).catch(() => {}); // the next run tries again
      },
      onRunEnd: (status) => metrics.runEnded(status),
      cluster: store.shared
        ? clusterOf({
            ...{ ownership: replica.ownership, commands: store.commands, driver, clock, ids },
            ...{ connect: sandboxClient, idleMs: policy.idlePauseMs ?? policy.idleStopMs, warn: others.warn },
          })
        : undefined,
    }),
  );
  const keep = { keepDroppable: 5_000, keepAll: config.maxEventsPerSession };
  const sessions = sessionService({
    store,
    forget: pictures.forget,
    log,
    engine,
    driver,
    model,
    watchers,
    clock,
    ids,
    workdir,
    maxSessions: config.maxSessions,
    ownerLimits: { sessions: config.maxSessionsPerOwner, starting: config.maxStartingPerOwner },
    startTimeoutMs: config.sandbox.startTimeoutSeconds * 1_000,
    template,
    closing,
  });
  engine.start();
  replica.meet({ closing, inherit: (ids) => reconciler.inherit(ids, closing), warn: others.warn });
  const reconciler = new Reconciler({
    driver,
    store,
    engine,
    clock,
    logger,
    graceMs: 15_000,
    everyMs: 10_000,
    remove: (id) => removeSession({ engine, watchers, store, ids, clock, forget: pictures.forget }, id),
    ownership: replica.ownership,
    mayReap: replica.mayReap,
  });
  await reconciler.offer(closing);
  stack.defer(() => untilClosing(sweeping));
  const sweeping = reconciler.run(closing);
  const keeper = new Keeper({
    ...{ policy: config.retention, store, driver, engine, watchers, clock, logger, collect: large.collect },
    ...{ ownership: replica.ownership, mayKeep: replica.mayKeep, name: replica.name ?? 'alone' },
    remove: (id) => sessions.delete(id),
    everyMs: retentionMs,
  });
  stack.defer(() => untilClosing(keeping));
  const keeping = keeper.run(closing);

  const known = (id: SessionId) => sessions.get(id);
  const desktop = desktopService({
    ...{ engine, capabilities: driver.capabilities, watchers, clock, ids, known },
    maxViewers: config.desktop.maxViewers,
    controlIdleMs: config.desktop.controlIdleSeconds * 1_000,
    ...(replica.name !== undefined && {
      shareControl: shareControl({ leases: store.leases, clock, server: replica.name }),
    }),
  });
  const services = {
    sessions,
    files: fileService({ engine, known }),
    processes: processService({ engine, records: store.records, clock, ids, known }),
    sandboxes: sandboxService({ engine, driver, sessions, clock, ids }),
    terminals: terminalService({ engine, records: store.records, watchers, clock, ids, known }),
    desktop,
    projects: parts.projects(sessions),
  };
  const workspaces = stack.use(
    await workspaceService({
      ...{ ...services, records: store.records, engine, clock, ids, replica },
      graceMs: config.workspaceGraceSeconds * 1_000,
    }),
  );
  const keys = stack.use(
    await apiKeys({
      ...{ records: store.records, clock, ids, shared: store.shared, hasToken: config.token !== undefined },
      onlyOne: driver.capabilities.isolation === 'none',
      peppers: () => keyPeppers(config, () => ids.token()),
      warn: (about, text) => logger.warn(about, text),
    }),
  );
  const inbox = inboxOf({ store, clock, name: replica.name, isAlive: replica.isAlive });
  const held = stack.move();
  return {
    ...{
      services,
      opencodex: parts.api,
      workspaces,
      keys,
      store,
      inbox,
      driver,
      engine,
      keeper,
      metrics,
      instance,
      modelName: model.name,
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function countByStatus(sessions: readonly { status: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of sessions) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
