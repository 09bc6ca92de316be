import { join } from 'node:path';
import type { Driver } from '../../drivers/driver.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { Config } from '../../src/config/schema.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { SessionFact } from '../../src/core/events.ts';
import { type IdSource, randomIds, type SessionId } from '../../src/core/ids.ts';
import type { Store } from '../../src/core/ports.ts';
import { type EgressProxy, egressProxy } from '../../src/egress/proxy.ts';
import { httpServer } from '../../src/facades/http-server.ts';
import { createModel } from '../../src/llm/registry.ts';
import { egressPolicy, restartPolicy, runPolicy, sandboxPolicy } from '../../src/main/engine.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createScrubber } from '../../src/observability/scrub.ts';
import { sandboxClient } from '../../src/sandbox/http-client.ts';
import { Engine } from '../../src/session/engine.ts';
import { Presence } from '../../src/session/presence.ts';
import { sessionService } from '../../src/session/sessions.ts';
import { storeEventLog } from '../../src/store/log.ts';
import { memoryStore } from '../../src/store/memory/store.ts';
import { sqliteStore } from '../../src/store/sqlite/store.ts';
import { toolRegistry } from '../../src/tools/registry.ts';

interface Given {
  readonly config: Config;
  readonly gate: EgressProxy;
  readonly ids: IdSource;
}
export interface Setup {
  readonly dataDir: string;
  readonly store: 'full' | 'normal' | 'memory';
  readonly settings?: Readonly<Record<string, string>>;
  readonly driver: (given: Given) => Promise<Driver>;
  readonly onFact?: (id: SessionId, fact: SessionFact) => void;
}
export type Corral = Awaited<ReturnType<typeof openCorral>>;

/**
 * The server's own parts, put together as src/main.ts does, without its command line: so that a measurement can look
 * at what no client is shown, and put events in. What it leaves out: the reconciler and the look at an image's registries.
 */
export async function openCorral(setup: Setup) {
  await using stack = new AsyncDisposableStack();
  const clock = systemClock;
  const ids = randomIds();
  const config = loadConfig(
    { CORRAL_DATA_DIR: setup.dataDir, CORRAL_RATE_LIMIT_PER_MINUTE: '0', ...setup.settings },
    '',
  );
  const store = stack.use(await openStore(setup));
  const log = storeEventLog(store.events, { maxLag: 5_000, pageSize: 256 });
  const model = createModel('demo', { keys: {}, baseUrls: {}, clock, newId: () => ids.short() });
  const logger = createLogger({ level: 'error', scrubber: createScrubber([]) });
  const policy = egressPolicy(config);
  const gate = stack.use(
    egressProxy({ clock, policyOf: () => policy, registriesOf: () => [], addresses: {}, onDecision: () => {} }),
  );
  const driver = stack.use(await setup.driver({ config, gate, ids }));
  const { memory, cpus, pids, disk, ttlSeconds, image } = config.sandbox;
  const limits = { memoryBytes: memory, cpus, pids, diskBytes: disk };
  const workdir = () => '/workspace';
  const presence = new Presence();
  const tools = toolRegistry();
  const metrics = createMetrics({ sessions: async () => ({}) });
  const engine = stack.use(
    new Engine({
      ...{ store, log, driver, clock, ids, logger, restartPolicy, workdir },
      profileOf: async () => ({ model, tools, plans: true }),
      runPolicy: runPolicy(config, Math.random),
      sandboxPolicy: sandboxPolicy(config, driver),
      limits: { run: config.maxRunningRuns, start: config.sandbox.maxStarting },
      passivateMs: config.session.passivateSeconds * 1_000,
      maxQueued: 100,
      toolTimeoutMs: config.toolTimeoutSeconds * 1_000,
      startTimeoutMs: config.sandbox.startTimeoutSeconds * 1_000,
      spec: (sessionId, id) => ({
        ...{ id, sessionId, epoch: 1, template: 'default', image, limits, egress: policy, env: {} },
        expiresAt: clock.now() + ttlSeconds * 1_000,
      }),
      connect: sandboxClient,
      prepare: async () => {},
      isWatched: presence.isWatched,
      onFact: (id, fact) => {
        metrics.event(fact.type);
        setup.onFact?.(id, fact);
      },
      onRunEnd: (status) => metrics.runEnded(status),
    }),
  );
  const closing = new AbortController();
  const service = sessionService({
    ...{
      store,
      log,
      engine,
      driver,
      model,
      presence,
      clock,
      ids,
      workdir,
      maxSessions: 1_000_000,
      template: 'default',
    },
    closing: closing.signal,
  });
  engine.start();
  const app = httpServer({
    ...{ config: { ...config, token: undefined }, version: 'bench', sessions: service, inbox: store.inbox },
    ...{ logger, metrics, clock, closing: closing.signal },
  });
  stack.defer(async () => {
    closing.abort();
    app.server.closeAllConnections();
    await app.close();
  });
  const held = stack.move();
  return {
    ...{ config, store, log, engine, service, driver, ids },
    listen: () => app.listen({ host: '127.0.0.1', port: 0 }),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function openStore({ store, dataDir }: Setup): Promise<Store> {
  if (store === 'memory') return memoryStore();
  return await sqliteStore({ path: join(dataDir, 'corral.db'), synchronous: store });
}
