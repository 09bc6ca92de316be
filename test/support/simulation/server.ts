import type { SandboxLink } from '../../../drivers/driver.ts';
import { createToolRegistry } from '../../../src/agents/tools/registry.ts';
import type { AppendRequest, EventStore, LeaseStore, Store } from '../../../src/core/contracts/ports.ts';
import { AppError, toAppError } from '../../../src/core/errors/errors.ts';
import type { SessionFact } from '../../../src/core/model/events.ts';
import type { SandboxId, SessionId } from '../../../src/core/model/ids.ts';
import type { SandboxService } from '../../../src/sessions/api/sandboxes.ts';
import type { SessionService } from '../../../src/sessions/api/sessions.ts';
import { createCluster } from '../../../src/sessions/cluster/cluster.ts';
import { LeasedOwnership } from '../../../src/sessions/cluster/leased-ownership.ts';
import { PeerReplicas } from '../../../src/sessions/cluster/peers.ts';
import { createEngine, type Engine, type EngineOptions } from '../../../src/sessions/engine/engine.ts';
import { LiveSessions } from '../../../src/sessions/engine/live-sessions.ts';
import { createLocalOwnership } from '../../../src/sessions/engine/ownership.ts';
import { Reconciler } from '../../../src/sessions/engine/reconciler.ts';
import { removeSession } from '../../../src/sessions/engine/removal.ts';
import { SandboxFactChannel } from '../../../src/sessions/engine/sandbox/sandbox-facts.ts';
import { SessionStreamRegistry } from '../../../src/sessions/engine/watchers.ts';
import { createSandboxService } from '../../../src/sessions/services/sandboxes.ts';
import { SessionNames } from '../../../src/sessions/services/sessions/names.ts';
import { createSessionService } from '../../../src/sessions/services/sessions.ts';
import { createEventLog } from '../../../src/storage/log/log.ts';
import { memoryDriver } from '../memory-driver/memory.ts';
import { guardedTools } from './legality.ts';
import { ServerLifetime } from './life.ts';
import type { World } from './world.ts';

/** The slowest call to the store and to other components outside the server. */
export const slowestCallMs = 30;

export interface Server {
  readonly life: ServerLifetime;
  readonly sessions: SessionService;
  readonly sandboxes: SandboxService;
  readonly engine: Engine;
  /** The server's id in its leases; empty where it is the only server. */
  readonly holder: string;
  /** Shuts the server down as SIGTERM does. */
  close(): Promise<void>;
}

/** Starts a server process in this world, assembled as in main.ts. It recovers the sessions of its predecessor. */
export function startServer(world: World): Server {
  const { time, dice, backend } = world;
  const life = new ServerLifetime({
    time,
    latency: () => (dice.chance(0.8) ? 0 : dice.between(1, slowestCallMs)),
    onKilled: (where) => world.killed(where),
  });
  const closing = new AbortController();
  const { signal } = closing;
  const holder = world.store.store.shared ? world.ids.short() : '';
  const store = within(life, world.store, (id) => {
    const epoch = ownership.epochOf(id); // the epoch when it was sent, even if it arrives late
    return () => world.wrote(id, { holder, epoch });
  });
  const ownership = store.shared ? leased(world, life, { holder, leases: store.leases }) : createLocalOwnership();
  const warn = (err: unknown, text: string) => world.logger.warn({ err }, text);
  const log = createEventLog(store.events, {
    maxLag: 5_000,
    pageSize: 16,
    window: { events: 8, chars: 100_000 },
    ...(store.shared && { others: { clock: life, signal, warn, onGone: (id) => watchers.end(id) } }),
  });
  const driver = life.reaching(memoryDriver(backend));
  const model = {
    ...world.model,
    turn: (...params: Parameters<typeof world.model.turn>) => life.stream(world.model.turn(...params)),
  };
  const { ids } = world;
  const watchers = new SessionStreamRegistry();
  const tools = createToolRegistry();
  const workdir = () => '/workspace';
  const connect = ({ token, lost }: Pick<SandboxLink, 'token' | 'lost'>) =>
    life.reaching(world.sandbox(token.reveal().slice('token-of-'.length) as SandboxId).client(lost));
  const startTimeoutMs = 20_000;
  const profileOf = async () => ({ model, tools, fallbacks: [], toolServers: [], plans: true });
  const spec: EngineOptions['sandboxes']['spec'] = (session, id) => ({
    id,
    sessionId: session.id,
    epoch: 1,
    template: 'default',
    image: 'image',
    limits: { memoryBytes: 0, cpus: 0, pids: 0, diskBytes: 0 },
    egress: { kind: 'none' },
    env: {},
    expiresAt: Number.MAX_SAFE_INTEGER,
  });
  const mostIdleSeconds = () => world.sandboxPolicy.idleStopMs / 1_000;
  const engine = createEngine({
    store,
    log,
    clock: life,
    ids,
    logger: world.logger,
    watchers,
    liveSessions: new LiveSessions(),
    hooks: [],
    facts: new SandboxFactChannel(),
    policies: {
      run: world.runPolicy,
      sandbox: world.sandboxPolicy,
      mostIdleSeconds,
      limits: { run: 2, start: 1 },
      passivateMs: 5_000,
      maxQueued: 5,
      restart: { maxRestarts: 3, windowMs: 60_000, backoffMs: (restart) => 100 * 2 ** (restart - 1) },
    },
    agents: { profileOf, toolTimeoutMs: 30_000, approvals: { tools: [...guardedTools], rules: [], timeoutMs: 25_000 } },
    sandboxes: { driver, startTimeoutMs, spec, connect, prepare: async () => {}, workdir },
    onFact: (id, fact) => {
      world.tell(() => `  ${id.slice(0, 4)} ${fact.type} ${fact.runId?.slice(0, 4) ?? ''} ${detailOf(fact)}`);
      if (fact.type === 'sandbox.phase' && fact.data.phase === 'queued') world.queued(id);
      if (fact.type === 'sandbox.phase' && fact.data.phase === 'starting') world.started(id);
      if (fact.type === 'sandbox.phase' && fact.data.phase === 'released') world.ended(id);
      if (fact.type === 'approval.resolved') world.count(`F113 a call is ${fact.data.decision} by ${fact.data.by}`);
      if (fact.type === 'run.notice') world.count(`run: ${fact.data.kind}`);
      if (fact.type === 'run.wait' && fact.data.question.includes('budget')) world.count('F084 a budget is spent');
    },
    onRunEnd: () => {},
    cluster: store.shared
      ? createCluster({
          ownership,
          commands: store.commands,
          driver,
          clock: life,
          ids,
          connect,
          warn,
          startTimeoutMs,
          idleMs: world.sandboxPolicy.idlePauseMs ?? world.sandboxPolicy.idleStopMs,
        })
      : undefined,
  });
  const { commands, supervisor, liveSessions, sandboxes } = engine;
  const parts = { commands, supervisor, liveSessions, sandboxes, profileOf };
  const refused = () => Promise.reject(new Error('the simulation forks no session'));
  const forks = { make: refused, makeBranch: refused };
  const deps = { ...parts, store, log, driver, model, watchers, clock: life, ids, workdir, forks };
  const sessions = createSessionService({
    ...deps,
    names: new SessionNames({ records: store.records, clock: life, ids, get: (id) => sessions.get(id) }),
    resume: async () => {},
    mostIdleSeconds,
    desktopFor: () => ({ state: 'none' }),
    holdings: { within: (_session, _amounts, make) => make() },
    templateFor: async () => ({ template: 'default' }),
    closing: closing.signal,
  });
  engine.start();
  const remove = (id: Parameters<typeof removeSession>[1]) =>
    removeSession({ commands, watchers, store, ids, clock: life }, id);
  const { logger } = world;
  let peers: PeerReplicas | undefined;
  const reconciler = new Reconciler({
    driver,
    store,
    supervisor,
    liveSessions,
    clock: life,
    logger,
    graceMs: 9_000,
    everyMs: 10_000,
    remove,
    ...(store.shared && {
      ownership,
      isWithPeer: (id: SessionId) => peers?.has(id) === true,
      mayReap: async () => (await store.leases.acquire('reaper', holder, life.now(), 30_000)) !== undefined,
    }),
  });
  peers = store.shared
    ? new PeerReplicas({
        records: store.records,
        ownership,
        name: holder,
        holder,
        ttlMs: leaseMs,
        clock: life,
        elapsed: life.now,
        isDead: (it: string) => world.deadHolders.has(it),
        closing: signal,
        warn,
        inherit: (ids) => reconciler.inherit(ids, signal),
      })
    : undefined;
  const swept = reconciler.offer(closing.signal).then(() => reconciler.run(closing.signal));
  swept.catch((error: unknown) => {
    // Without the store this start fails, and another start follows.
    if (store.shared && toAppError(error).code === 'store_unavailable') return life.kill();
    world.problem(`recovering failed: ${error}`);
  });
  return {
    life,
    sessions,
    sandboxes: createSandboxService({
      commands,
      sandboxes,
      driver,
      sessions,
      clock: life,
      ids,
      servicesOf: () => ({}),
      forgetFiles: async () => {},
    }),
    engine,
    holder,
    close: async () => {
      closing.abort();
      await swept.catch(() => {});
      await engine[Symbol.asyncDispose]();
      await peers?.[Symbol.asyncDispose]();
    },
  };
}

function detailOf({ type, data }: SessionFact): string {
  if (type === 'tool.calling' || type === 'tool.called') return JSON.stringify(data).slice(0, 120);
  if (type === 'run.end') return `${data.reason} ${data.code ?? ''}`;
  if (type === 'step') return `${data.id} ${data.status}`;
  if (type === 'sandbox.phase') return `${data.phase} ${data.detail ?? ''}`;
  return type === 'message.user' ? data.text : '';
}

const leaseMs = 5_000;

const leased = (world: World, life: ServerLifetime, { holder, leases }: { holder: string; leases: LeaseStore }) =>
  new LeasedOwnership({
    leases,
    holder,
    ttlMs: leaseMs,
    clock: life,
    elapsed: life.now,
    isDead: (it) => world.deadHolders.has(it),
  });

/** The target, whose calls fail while this process is cut off from the store. */
function reachable<Target extends object>(life: ServerLifetime, target: Target): Target {
  return new Proxy(target, {
    get: (it, key) => {
      const value: unknown = Reflect.get(it, key, it);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (life.isCutOff) throw new AppError('store_unavailable', 'The store cannot be reached.');
        return value.apply(it, args);
      };
    },
  });
}

/** The store for this process; it survives every process. */
function within(life: ServerLifetime, { store, trouble }: World['store'], sends: (id: SessionId) => () => void): Store {
  const reaching = <Target extends object>(target: Target) => life.reaching(reachable(life, target));
  const { append, ...events }: EventStore = store.events;
  const reached = reaching({
    append: async (entry: AppendRequest, wrote: () => void) => {
      trouble(entry);
      const head = await append(entry);
      if (entry.facts.length > 0) wrote();
      return head;
    },
  });
  return {
    name: store.name,
    durable: true,
    events: { ...reaching(events), append: async (entry) => await reached.append(entry, sends(entry.sessionId)) },
    records: reaching(store.records),
    inbox: reaching(store.inbox),
    leases: reaching(store.leases),
    commands: reaching(store.commands),
    shared: store.shared,
    settle: () => life.call('settle', () => store.settle()),
    check: (signal) => life.call('check', () => store.check(signal)),
    [Symbol.asyncDispose]: async () => {},
  };
}
