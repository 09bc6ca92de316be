import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Driver, SandboxSpec } from '../drivers/driver.ts';
import packageJson from '../package.json' with { type: 'json' };
import { type Config, loadConfig } from './config/config.ts';
import { configHelp } from './config/help.ts';
import { systemClock } from './core/clock.ts';
import { AppError, toAppError } from './core/errors.ts';
import { armFailpoints, failpointSpec } from './core/failpoint.ts';
import { randomIds, type SandboxId, type SessionId } from './core/ids.ts';
import { Secret } from './core/secret.ts';
import { caBundle, sandboxEnv } from './egress/authorities.ts';
import { pageFetcher } from './egress/fetch-page.ts';
import { egressProxy } from './egress/proxy.ts';
import { httpServer } from './facades/http-server.ts';
import { createModel } from './llm/registry.ts';
import { openDriver, sandboxFolder } from './main/driver.ts';
import { egressPolicy, restartPolicy, runPolicy, sandboxPolicy } from './main/engine.ts';
import { instanceName } from './main/instance.ts';
import { alsoListen } from './main/listen.ts';
import { ImageRegistries } from './main/registries.ts';
import { createLogger, type Logger } from './observability/logger.ts';
import { createMetrics } from './observability/metrics.ts';
import { createScrubber } from './observability/scrub.ts';
import { sandboxClient } from './sandbox/http-client.ts';
import { Engine } from './session/engine.ts';
import { Presence } from './session/presence.ts';
import { Reconciler } from './session/reconciler.ts';
import { removeSession } from './session/removal.ts';
import { sessionService } from './session/sessions.ts';
import { onShutdown } from './shutdown.ts';
import { storeEventLog } from './store/log.ts';
import { sqliteStore } from './store/sqlite/store.ts';
import { toolRegistry } from './tools/registry.ts';

const proxyPort = 3128;
const caPath = '/run/corral/ca.pem';
const template = 'default';

async function main(): Promise<void> {
  if (process.argv.includes('--help')) return console.log(configHelp());
  const config = loadConfig(process.env, existsSync('corral.yaml') ? readFileSync('corral.yaml', 'utf8') : '');
  refuseUnbuilt(config);
  const faults = failpointSpec(process.env);
  using _faults =
    faults === undefined ? undefined : armFailpoints(faults, { exit: () => process.kill(process.pid, 'SIGKILL') });
  const { gemini, openai, anthropic } = config.models;
  const secrets = [config.token, config.mongodbUrl, gemini.apiKey, openai.apiKey, anthropic.apiKey];
  const scrubber = createScrubber(secrets);
  const logger = createLogger({ level: config.log.level, scrubber });
  // A bug in one place must not end everybody's sessions.
  process.on('uncaughtException', (error) => logger.fatal({ err: error }, 'uncaught exception; the server goes on'));
  process.on('unhandledRejection', (error) => logger.error({ err: error }, 'unhandled rejection; the server goes on'));
  await serve(config, logger);
  logger.info('stopped');
}

/** Settings that are known, so that they are no typing mistake, and whose work is still to be done. */
function refuseUnbuilt({ mongodbUrl, model }: Config): void {
  if (mongodbUrl)
    throw new AppError('unsupported', 'MONGODB_URL is set; this version keeps its history in SQLite only. Unset it.');
  if (/^(openai|anthropic)\//.test(model)) {
    throw new AppError('unsupported', `CORRAL_MODEL is ${model}; this version knows demo and gemini/<model>.`);
  }
}

async function serve(settings: Config, logger: Logger): Promise<void> {
  using shutdown = onShutdown(settings.shutdown.graceSeconds * 1_000); // disposed last: it watches the rest
  await using stack = new AsyncDisposableStack();
  const clock = systemClock;
  const ids = randomIds();
  const dataDir = resolve(settings.dataDir);
  const config = { ...settings, dataDir };
  const instance = config.instance ?? (await instanceName(dataDir, ids));

  const store = stack.use(await sqliteStore({ path: join(dataDir, 'corral.db') }));
  const log = storeEventLog(store.events, { maxLag: 5_000, pageSize: 256 });
  // One more with each start: a sandbox of an older owner is known by it.
  const epoch = await store.records.put({ kind: 'server', id: 'epoch', doc: {} });
  const model = createModel(config.model, {
    keys: { gemini: config.models.gemini.apiKey },
    baseUrls: { gemini: config.models.gemini.baseUrl },
    clock,
    newId: () => ids.short(),
  });

  const policy = egressPolicy(config);
  const addresses = { allowRanges: config.egress.allowRanges };
  const registries = new ImageRegistries({
    records: store.records,
    fetchPage: pageFetcher({ addresses }),
    keyOf: () => (policy.kind === 'registries' ? `${driver.name} ${config.sandbox.image}` : undefined),
  });
  const gate = stack.use(
    egressProxy({
      clock,
      policyOf: () => policy,
      registriesOf: (id) => registries.of(id),
      extraRegistries: config.egress.registries,
      addresses,
      onDecision: (id, decision) => engine.note(id, { type: 'egress', data: decision }),
    }),
  );
  const driver: Driver = stack.use(
    await openDriver({
      config,
      instance,
      gate,
      ids,
      caBundle: await caBundle(config.extraCa),
      node: process.execPath,
      say,
      onRefused: (id, reason) => logger.warn({ sandbox: id, reason }, 'a connection from a sandbox was refused'),
    }),
  );
  const token = config.token ?? tokenFor(driver, config, ids);
  const workdir = (id: SandboxId) =>
    driver.capabilities.isolation === 'none' ? join(sandboxFolder(dataDir), id, 'workspace') : '/workspace';

  const spec = (sessionId: SessionId, id: SandboxId): SandboxSpec => ({
    id,
    sessionId,
    epoch,
    template,
    image: config.sandbox.image,
    limits: {
      memoryBytes: config.sandbox.memory,
      cpus: config.sandbox.cpus,
      pids: config.sandbox.pids,
      diskBytes: config.sandbox.disk,
    },
    egress: policy,
    env: sandboxEnv({ proxyPort, caPath }),
    expiresAt: clock.now() + config.sandbox.ttlSeconds * 1_000,
  });

  const tools = toolRegistry();
  const presence = new Presence();
  const metrics = createMetrics({ sessions: async () => countByStatus(await sessions.list()) });
  const engine = stack.use(
    new Engine({
      store,
      log,
      driver,
      profileOf: async () => ({ model, tools, plans: true }),
      clock,
      ids,
      logger,
      runPolicy: runPolicy(config, Math.random),
      sandboxPolicy: sandboxPolicy(config, driver),
      restartPolicy,
      limits: { run: config.maxRunningRuns, start: config.sandbox.maxStarting },
      passivateMs: config.session.passivateSeconds * 1_000,
      maxQueued: 100,
      toolTimeoutMs: config.toolTimeoutSeconds * 1_000,
      startTimeoutMs: config.sandbox.startTimeoutSeconds * 1_000,
      spec,
      connect: sandboxClient,
      prepare: async (id, sandbox, signal) => {
        const entries = await registries.learn(id, sandbox, signal).catch((error: unknown) => {
          logger.warn({ session: id, err: error }, "the image's package managers could not be read");
          return [];
        });
        const hosts = [...new Set(entries.map(({ host }) => host))].join(', ');
        const reach = hosts === '' ? '' : `: ${hosts}`;
        engine.note(id, {
          type: 'sandbox.phase',
          data: { phase: 'starting', detail: `Egress policy ${policy.kind}${reach}` },
        });
      },
      workdir,
      isWatched: presence.isWatched,
      onFact: (id, fact) => {
        metrics.event(fact.type);
        if (fact.type === 'run.end') void store.events.compact(id, keep).catch(() => {}); // tried again with the next run
      },
      onRunEnd: (status) => metrics.runEnded(status),
    }),
  );
  const keep = { keepDroppable: 5_000, keepAll: config.maxEventsPerSession };
  const closing = shutdown.requested;
  const sessions = sessionService({
    store,
    log,
    engine,
    driver,
    model,
    presence,
    clock,
    ids,
    workdir,
    maxSessions: config.maxSessions,
    template,
    closing,
  });
  engine.start();
  const reconciler = new Reconciler({
    driver,
    store,
    engine,
    clock,
    logger,
    graceMs: 15_000,
    everyMs: 10_000,
    remove: (id) => removeSession({ engine, presence, store, ids, clock }, id),
  });
  await reconciler.recover(closing);
  stack.defer(async () => await sweeping);
  const sweeping = reconciler.run(closing);

  const http = { ...config, token };
  const app = stack.adopt(
    httpServer({
      config: http,
      version: packageJson.version,
      sessions,
      inbox: store.inbox,
      logger,
      metrics,
      closing,
      clock,
    }),
    (it) => it.close(),
  );
  const url = await app.listen({ host: config.host, port: config.port });
  for (const port of config.extraPorts) stack.use(await alsoListen(app.server, config.host, port));
  logger.info({ url, driver: driver.name, model: model.name, instance }, 'ready');
  say(`Corral ${packageJson.version} is ready at ${url} (sandboxes: ${driver.name}, model: ${model.name}).`);
  if (token && !config.token) say(`Open ${url}/?token=${token.reveal()}`);
  if (!closing.aborted) await once(closing, 'abort');
  logger.info('draining');
} // newest first: the listeners close, the work stops where it stands, the store closes last

/** Sandboxes without walls are local clients too: only a token keeps them off the API. */
function tokenFor(driver: { capabilities: { isolation: string } }, { model }: Config, ids: { token(): string }) {
  if (driver.capabilities.isolation !== 'none' || model === 'demo') return undefined;
  return new Secret(ids.token());
}

function countByStatus(sessions: readonly { status: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of sessions) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** People read this; the log is for programs. */
function say(text: string): void {
  console.error(`corral: ${text}`);
}

await main().catch((thrown: unknown) => {
  const error = toAppError(thrown);
  say(error.publicMessage);
  if (error.code === 'internal') console.error(thrown);
  process.exitCode = 1;
});
