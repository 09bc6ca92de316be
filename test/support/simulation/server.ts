import { memoryDriver } from '../../../drivers/memory/memory.ts';
import type { SessionFact } from '../../../src/core/events.ts';
import type { SandboxId } from '../../../src/core/ids.ts';
import type { EventStore, Store } from '../../../src/core/ports.ts';
import { Engine } from '../../../src/session/engine.ts';
import { Presence } from '../../../src/session/presence.ts';
import { Reconciler } from '../../../src/session/reconciler.ts';
import { removeSession } from '../../../src/session/removal.ts';
import type { SessionService } from '../../../src/session/service.ts';
import { sessionService } from '../../../src/session/sessions.ts';
import { storeEventLog } from '../../../src/store/log.ts';
import { toolRegistry } from '../../../src/tools/registry.ts';
import { guarded } from './legality.ts';
import { Life } from './life.ts';
import type { World } from './world.ts';

export interface Server {
  readonly life: Life;
  readonly sessions: SessionService;
  readonly engine: Engine;
  /** As on SIGTERM. */
  close(): Promise<void>;
}

/** A server process in this world, put together as main.ts does, and recovering from whatever was before it. */
export function startServer(world: World): Server {
  const { time, dice, backend } = world;
  const life = new Life({
    time,
    latency: () => (dice.chance(0.8) ? 0 : dice.between(1, 30)),
    onKilled: (where) => world.killed(where),
  });
  const store = within(life, world.store);
  const log = storeEventLog(store.events, { maxLag: 5_000, pageSize: 16, window: { events: 8, chars: 100_000 } });
  const driver = life.reaching(memoryDriver(backend));
  const model = {
    ...world.model,
    turn: (...asked: Parameters<typeof world.model.turn>) => life.stream(world.model.turn(...asked)),
  };
  const { ids } = world;
  const presence = new Presence();
  const tools = toolRegistry();
  const workdir = () => '/workspace';
  const engine = new Engine({
    store,
    log,
    driver,
    profileOf: async () => ({ model, tools, plans: true }),
    clock: life,
    ids,
    logger: world.logger,
    runPolicy: world.runPolicy,
    sandboxPolicy: world.sandboxPolicy,
    restartPolicy: { maxRestarts: 3, windowMs: 60_000, backoffMs: (restart) => 100 * 2 ** (restart - 1) },
    limits: { run: 2, start: 1 },
    passivateMs: 5_000,
    maxQueued: 5,
    toolTimeoutMs: 30_000,
    approvals: { tools: [...guarded], timeoutMs: 25_000 },
    startTimeoutMs: 20_000,
    spec: (sessionId, id) => ({
      id,
      sessionId,
      epoch: 1,
      template: 'default',
      image: 'image',
      limits: { memoryBytes: 0, cpus: 0, pids: 0, diskBytes: 0 },
      egress: { kind: 'none' },
      env: {},
      expiresAt: Number.MAX_SAFE_INTEGER,
    }),
    connect: ({ token, lost }) =>
      life.reaching(world.sandbox(token.reveal().slice('token-of-'.length) as SandboxId).client(lost)),
    prepare: async () => {},
    workdir,
    isWatched: presence.isWatched,
    onFact: (id, fact) => {
      world.tell(() => `  ${id.slice(0, 4)} ${fact.type} ${fact.runId?.slice(0, 4) ?? ''} ${detailOf(fact)}`);
      if (fact.type === 'sandbox.phase' && fact.data.phase === 'queued') world.queued(id);
      if (fact.type === 'sandbox.phase' && fact.data.phase === 'starting') world.started(id);
      if (fact.type === 'approval.resolved') world.count(`F113 a call is ${fact.data.decision} by ${fact.data.by}`);
      if (fact.type === 'run.notice') world.count(`run: ${fact.data.kind}`);
      if (fact.type === 'run.wait' && fact.data.question.includes('budget')) world.count('F084 a budget is spent');
    },
    onRunEnd: () => {},
  });
  const closing = new AbortController();
  const deps = { store, log, engine, driver, model, presence, clock: life, ids, workdir };
  const sessions = sessionService({ ...deps, maxSessions: 100, template: 'default', closing: closing.signal });
  engine.start();
  const remove = (id: Parameters<typeof removeSession>[1]) =>
    removeSession({ engine, presence, store, ids, clock: life }, id);
  const { logger } = world;
  const reconciler = new Reconciler({
    driver,
    store,
    engine,
    clock: life,
    logger,
    graceMs: 15_000,
    everyMs: 10_000,
    remove,
  });
  const swept = reconciler.recover(closing.signal).then(() => reconciler.run(closing.signal));
  swept.catch((error: unknown) => world.problem(`recovering failed: ${error}`));
  return {
    life,
    sessions,
    engine,
    close: async () => {
      closing.abort();
      await swept;
      await engine[Symbol.asyncDispose]();
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

/** The store as this process reaches it; it ends with nobody. */
function within(life: Life, { store, trouble }: World['store']): Store {
  const { append, ...events }: EventStore = store.events;
  return {
    name: store.name,
    durable: true,
    events: life.reaching({
      ...events,
      append: async (entry: Parameters<EventStore['append']>[0]) => {
        trouble(entry);
        return await append(entry);
      },
    }),
    records: life.reaching(store.records),
    inbox: life.reaching(store.inbox),
    leases: life.reaching(store.leases),
    commands: life.reaching(store.commands),
    shared: store.shared,
    check: (signal) => life.call('check', () => store.check(signal)),
    [Symbol.asyncDispose]: async () => {},
  };
}
