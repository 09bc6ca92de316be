import type { RunPolicy } from '../../../machines/run.ts';
import type { SandboxPolicy } from '../../../machines/sandbox.ts';
import type { AppendRequest, Store } from '../../../src/core/contracts/ports.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import { type IdSource, MessageId, RunId, type SandboxId, SessionId } from '../../../src/core/model/ids.ts';
import type { EngineLogger } from '../../../src/sessions/engine/logger.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';
import { ManualClock } from '../machines/manual-clock.ts';
import { MemoryBackend } from '../memory-driver/backend.ts';
import type { MemoryDaemon } from '../memory-driver/daemon.ts';
import { Dice } from './dice.ts';
import { type ModelFault, modelFaults, simulatedModel } from './model.ts';
import { SimulatedSandbox } from './sandbox.ts';

export interface SimulationReport {
  readonly problems: readonly string[];
  readonly trace: () => readonly string[];
  readonly hits: ReadonlyMap<string, number>;
  readonly succeeded: number;
  readonly failed: number;
}

/** The components that outlive a server: time, the store, the sandboxes and the model, with the faults of each. */
export class World {
  readonly dice: Dice;
  readonly time = new ManualClock(1_700_000_000_000);
  readonly #began = this.time.now();
  readonly backend: SimulatedBackend;
  readonly sandboxes = new Map<SandboxId, SimulatedSandbox>();
  readonly store: { readonly store: Store; readonly trouble: (entry: AppendRequest) => void };
  readonly ids: IdSource;
  readonly model;
  readonly hits = new Map<string, number>();
  readonly #trace: { at: number; what: () => string }[] = [];
  readonly problems: string[] = [];
  /** The requests of users that have no answer yet. */
  unanswered: () => readonly string[] = () => [];
  readonly runPolicy: RunPolicy;
  readonly sandboxPolicy: SandboxPolicy;
  readonly #calm = Promise.withResolvers<void>();
  /** The probability that a turn of the model has a fault. */
  #modelTrouble: number;
  #storeTrouble: AppError[] = [];
  #runBreaks = false;
  readonly #queued = new Set<SessionId>();
  readonly #ended = new Set<SessionId>();
  #isCalm = false;

  /** Holders of leases that all servers know to be dead. */
  readonly deadHolders = new Set<string>();

  constructor(seed: number, { isShared = false } = {}) {
    const dice = new Dice(seed);
    this.dice = dice;
    this.ids = idsFrom(dice);
    this.backend = new SimulatedBackend(this);
    this.#modelTrouble = dice.pick([0, 0.05, 0.1, 0.3]);
    this.store = { store: createInMemoryStore({ shared: isShared }), trouble: () => this.#troubleStore() };
    this.model = simulatedModel({
      dice,
      time: this.time,
      calm: this.#calm.promise,
      hit: (fault) => this.hit(fault),
      trouble: () =>
        !this.#isCalm && dice.chance(this.#modelTrouble) ? (dice.weighted(modelFaults) as ModelFault) : undefined,
    });
    this.runPolicy = {
      plans: dice.chance(0.85),
      budget: { turns: dice.pick([6, 20]), ms: dice.pick([20_000, 300_000]) },
      stuck: { sameResult: 4, sameError: 3, alternation: 6, sameText: 3, sameWait: 30 },
      maxRetries: 3,
      stopGraceMs: 8_000,
      backoffMs: (retry) => this.#backOff(retry),
    };
    this.sandboxPolicy = {
      maxRetries: 2,
      backoffMs: (retry) => 500 * 2 ** (retry - 1),
      idlePauseMs: dice.pick([undefined, 6_000]),
      idleStopMs: 12_000,
      ttlMs: dice.pick([25_000, 600_000]),
      releaseGraceMs: 30_000,
    };
  }

  sandbox(id: SandboxId): SimulatedSandbox {
    const known = this.sandboxes.get(id);
    if (known) return known;
    const made = new SimulatedSandbox(this.time, (fault) => this.hit(fault));
    made.isPaused = () => this.backend.boxes.get(id)?.info.phase === 'paused';
    this.sandboxes.set(id, made);
    return made;
  }

  /** True while no fault has happened that could delay a stop. */
  get isUntroubled(): boolean {
    return [...this.hits.keys()].every((fault) => /^(model|run|F)/.test(fault));
  }
  hit(fault: string): void {
    this.count(fault);
    this.tell(`! ${fault}`);
  }
  /** Counts a situation, which the seeds have to reach. */
  count(situation: string): void {
    this.hits.set(situation, (this.hits.get(situation) ?? 0) + 1);
  }
  readonly #writers = new Map<SessionId, { holder: string; epoch: number }>();
  wrote(id: SessionId, { holder, epoch = 0 }: { holder: string; epoch: number | undefined }): void {
    const last = this.#writers.get(id);
    this.#writers.set(id, { holder, epoch });
    if (!last || last.holder === holder) return;
    this.count('F053 a session changes its owner');
    if (epoch <= last.epoch) {
      this.problem(`I7: ${holder} wrote in ${id} with epoch ${epoch} after ${last.holder} with ${last.epoch}`);
    }
  }
  queued(id: SessionId): void {
    this.#queued.add(id);
    if (this.#queued.size > 1) this.count('F115 several wait for a place to start in');
  }
  started(id: SessionId): void {
    this.#queued.delete(id);
    if (this.#ended.delete(id)) this.count('F114 a session gets its ended sandbox back');
  }
  ended(id: SessionId): void {
    this.#ended.add(id);
  }
  killed(where: string): void {
    if (/ (put|trim)$/.test(where)) this.count(`F005 the server dies ${where}`);
    this.hit(`server: kill -9 ${/append|provision|start|destroy|model/.test(where) ? where : 'at another boundary'}`);
    this.lookAround();
  }
  /** Counts the work that the process's death interrupts. */
  lookAround(): void {
    const isAtWork = [...this.sandboxes.values()].some((sandbox) => sandbox.isBusy);
    if (isAtWork) this.count('F015 F016 the server dies while a command runs');
    if (this.unanswered().some((what) => what.startsWith('delete '))) this.count('F110 the server dies in mid-delete');
    if (this.model.thinking.size > 0) this.count('F016 the server dies while the model talks');
  }
  /** Adds a line to the trace; a function is called only when the trace is printed. */
  tell(what: string | (() => string)): void {
    this.#trace.push({ at: this.time.now() - this.#began, what: typeof what === 'string' ? () => what : what });
  }
  get trace(): string[] {
    return this.#trace.map(({ at, what }) => `${String(at).padStart(8)} ${what()}`);
  }
  problem(what: string): void {
    this.tell(`PROBLEM: ${what}`);
    this.problems.push(what);
  }

  /** Makes the next `times` appends fail with this code. */
  failStore(code: 'store_busy' | 'store_unavailable' | 'fenced', times: number): void {
    for (let n = 0; n < times; n++) this.#storeTrouble.push(new AppError(code, 'The store does not work now.'));
  }
  /** Makes the actor of the next run that retries a turn throw. */
  breakRun(): void {
    this.#runBreaks = true;
  }
  /** Ends all faults. */
  calmDown(): void {
    this.#isCalm = true;
    this.#runBreaks = false;
    this.#storeTrouble = [];
    this.backend.calmDown();
    for (const sandbox of this.sandboxes.values()) sandbox.forgetMishaps();
    this.#calm.resolve();
  }

  readonly logger: EngineLogger = {
    info: () => {},
    warn: (about, text) => this.tell(() => `warn: ${text} ${wordsOf(about)}`),
    error: (about, text) => {
      this.tell(() => `error: ${text} ${wordsOf(about)}`);
      if (text === 'the supervisor failed') this.problem(text);
      if (text.startsWith('session abandoned')) this.count('F009 a session ends for good');
    },
  };

  #troubleStore(): void {
    const error = this.#storeTrouble.shift();
    if (!error) return;
    this.hit(`store: ${error.code}`);
    throw error;
  }

  #backOff(retry: number): number {
    if (!this.#runBreaks) return 100 * 2 ** retry;
    this.#runBreaks = false;
    this.hit("crash: a run's actor");
    throw new Error('a bug in the run');
  }
}

/** Sandboxes of the memory driver with simulated processes and files. */
export class SimulatedBackend extends MemoryBackend {
  readonly #world: World;

  constructor(world: World) {
    super(world.time, ['image']);
    this.#world = world;
  }

  override newDaemon(id: SandboxId): MemoryDaemon {
    return { close: () => this.#world.sandbox(id).die() } as MemoryDaemon;
  }
  override mishap(...args: Parameters<MemoryBackend['mishap']>) {
    const mishap = super.mishap(...args);
    const what =
      mishap === 'hang' ? 'hangs' : mishap && ('fail' in mishap ? `fails with ${mishap.fail}` : 'loses its answer');
    if (what) this.#world.hit(`driver: ${args[0]} ${what}`);
    return mishap;
  }
  calmDown(): void {
    for (const method of ['check', 'provision', 'attach', 'list', 'destroy', 'pause', 'resume'] as const) {
      delete this.latency[method];
      while (super.mishap(method)) {}
    }
  }
}

function idsFrom(dice: Dice): IdSource {
  const uuid = () => `${dice.hex(8)}-${dice.hex(4)}-4${dice.hex(3)}-8${dice.hex(3)}-${dice.hex(12)}`;
  return {
    sessionId: () => SessionId.parse(dice.hex(16)),
    runId: () => RunId.parse(uuid()),
    messageId: () => MessageId.parse(uuid()),
    short: () => dice.hex(12),
    token: () => dice.hex(43),
  };
}

function wordsOf(about: object): string {
  const { err, ...more } = about as { err?: unknown };
  return `${JSON.stringify(more)}${err === undefined ? '' : ` ${err}`}`;
}
