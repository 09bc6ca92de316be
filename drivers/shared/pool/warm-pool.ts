import { createHash } from 'node:crypto';
import { combineSignals, sleep, throwIfAborted } from '../../../src/core/concurrency/cancel.ts';
import type { Clock } from '../../../src/core/contracts/clock.ts';
import type { ServerDependencies } from '../../../src/core/contracts/server-parts.ts';
import { type AppError, toAppError } from '../../../src/core/errors/errors.ts';
import { type SandboxId, sandboxIdOf } from '../../../src/core/model/ids.ts';
import type { CallOptions, Poolable, SandboxInfo, SandboxRecipe, SandboxSpec, WarmSandbox } from '../../driver.ts';
import type { PoolSizer } from './pool-size.ts';

interface StockCheck {
  readonly before: Set<SandboxId>;
  isStale(sandbox: WarmSandbox): boolean;
  isOwn(id: SandboxId): boolean;
}

/** Possibly outdated: only a claim shows whether a sandbox is still free. */
class KnownWarmSandboxes {
  readonly #clock: Clock;
  readonly #patienceMs: number;
  readonly #ready = new Map<SandboxId, WarmSandbox>();
  readonly #taken = new Map<SandboxId, WarmSandbox>();
  /** Sandboxes that other processes are starting, with the time at which each was discovered. */
  readonly #starting = new Map<SandboxId, number>();

  constructor(clock: Clock, patienceMs: number) {
    this.#clock = clock;
    this.#patienceMs = patienceMs;
  }

  get size(): number {
    return this.#ready.size;
  }

  count(recipe: string): number {
    return [...this.#ready.values()].filter((it) => it.recipe === recipe).length + this.#starting.size;
  }

  add(sandbox: WarmSandbox): void {
    if (!this.#taken.has(sandbox.id)) this.#ready.set(sandbox.id, sandbox);
  }

  take(recipe: string): SandboxId | undefined {
    for (const [id, sandbox] of this.#ready) {
      if (sandbox.recipe !== recipe) continue;
      this.#ready.delete(id);
      this.#taken.set(id, sandbox);
      return id;
    }
    return undefined;
  }

  oldestOver(recipe: string, count: number): SandboxId[] {
    const ready = [...this.#ready.values()].filter((it) => it.recipe === recipe);
    const surplus = ready.slice(0, Math.max(0, ready.length - count)).map(({ id }) => id);
    for (const id of surplus) this.#ready.delete(id);
    return surplus;
  }

  giveBack(id: SandboxId): void {
    const sandbox = this.#taken.get(id);
    this.#taken.delete(id);
    if (sandbox) this.#ready.set(id, sandbox);
  }

  /** Call if a claim failed. The sandbox's state is unknown until the next update. */
  forget(id: SandboxId): void {
    this.#taken.delete(id);
  }

  /** Call before querying the backend, and pass the result to `found` as `before`. */
  ids(): Set<SandboxId> {
    return new Set(this.#ready.keys());
  }

  /** Updates the stock from the backend's list. Returns the sandboxes that should be ended. */
  found(there: readonly WarmSandbox[], { before, isStale, isOwn }: StockCheck): WarmSandbox[] {
    const stale: WarmSandbox[] = [];
    const since = new Map(this.#starting);
    this.#starting.clear();
    for (const sandbox of there) {
      const { id, phase } = sandbox;
      before.delete(id);
      if (this.#taken.has(id)) continue;
      if (phase === 'starting' && isOwn(id)) continue;
      const from = since.get(id) ?? this.#clock.now();
      const hangs = phase === 'starting' && this.#clock.now() - from > this.#patienceMs;
      if (phase === 'exited' || hangs || isStale(sandbox)) {
        this.#ready.delete(id);
        stale.push(sandbox);
      } else if (phase === 'starting') this.#starting.set(id, from);
      else this.#ready.set(id, sandbox);
    }
    for (const id of before) this.#ready.delete(id);
    const left = new Set(there.map(({ id }) => id));
    for (const id of this.#taken.keys()) if (!left.has(id)) this.#taken.delete(id);
    return stale;
  }
}

export function computeRecipeHash({ template, image, limits, egress, env, services, volumes }: SandboxRecipe): string {
  const parts = ordered({
    template,
    image,
    limits,
    egress,
    env,
    ...(services && { services }),
    ...(volumes && { volumes }),
  });
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 20);
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, inner]) => [key, ordered(inner)]);
}

export interface WarmPoolOptions extends Pick<ServerDependencies, 'clock' | 'ids'> {
  /** The result may change over time. Sandboxes with earlier settings are then ended. */
  readonly recipes: () => readonly SandboxRecipe[];
  /** If its maximum is 0, there is no pool, and an earlier pool's sandboxes are ended. */
  readonly size: PoolSizer;
  readonly epoch: number;
  readonly random: () => number;
  /** The age at which an unclaimed sandbox is replaced, in ms. */
  readonly maxAgeMs: number;
  /** Lifetime of a sandbox after its claim, in ms. */
  readonly ttlMs: number;
  readonly startTimeoutMs: number;
  readonly concurrency: number;
  readonly shared: boolean;
  readonly onClaim?: (outcome: 'hit' | 'miss') => void;
  readonly onTrouble?: (error: AppError) => void;
}

/** The backend is authoritative. The in-memory list only suggests which sandbox to try first. */
export interface WarmPool extends AsyncDisposable {
  /** Undefined if the caller must start the sandbox itself. */
  take(spec: SandboxSpec, call: CallOptions): Promise<SandboxInfo | undefined>;
  /** Delays the pool's own starts, for at most 15 s, until the returned handle is disposed. */
  cold(): Disposable;
  readonly ready: number;
}

const roundEveryMs = 10_000;
const callMs = 20_000;
const closeMs = 4_000;
const maxBackoffMs = 60_000;
const yieldMs = 15_000;
/** How long refills wait after a claim, so that sandboxes requested in the same burst start first. */
const quietMs = 300;

export function openWarmPool(driver: Poolable, options: WarmPoolOptions): WarmPool {
  const { size, clock, ids, ttlMs, random } = options;
  const recipes = () => new Map(options.recipes().map((recipe) => [computeRecipeHash(recipe), recipe]));
  const shelf = new KnownWarmSandboxes(clock, options.startTimeoutMs);
  const started = new Set<SandboxId>();
  const starts = new Set<Promise<void>>();
  const stop = new AbortController();
  const { signal } = stop;
  let wake = Promise.withResolvers<void>();
  let coldStarts = 0;
  let coldSince = 0;
  let failures = 0;
  let restUntil = 0;
  let quietUntil = 0;

  const callFor = (ms: number, within = signal): CallOptions => ({
    signal: combineSignals([within, AbortSignal.timeout(ms)]),
  });
  const failed = (thrown: unknown) => {
    if (signal.aborted) return;
    const error = toAppError(thrown);
    failures += 1;
    restUntil = clock.now() + Math.min(1_000 * 2 ** (failures - 1), maxBackoffMs) * (0.5 + random() / 2);
    if (failures === 1 || failures % 10 === 0) options.onTrouble?.(error);
  };

  async function start(recipe: SandboxRecipe, name: string): Promise<void> {
    const sessionId = ids.sessionId();
    const id = sandboxIdOf(sessionId);
    const from = clock.now();
    const expiresAt = from + options.maxAgeMs + ttlMs;
    started.add(id);
    try {
      const spec = { ...recipe, id, sessionId, epoch: options.epoch, expiresAt };
      shelf.add(await driver.warm(spec, name, callFor(options.startTimeoutMs)));
      size.started(clock.now() - from);
      failures = 0;
    } catch (error) {
      started.delete(id);
      failed(error);
    }
  }

  const mayStart = () =>
    !signal.aborted &&
    starts.size < options.concurrency &&
    clock.now() >= Math.max(restUntil, quietUntil) &&
    (coldStarts === 0 || clock.now() - coldSince > yieldMs);

  function refill(): void {
    for (const [name, recipe] of recipes()) {
      const target = size.now(recipe.limits.memoryBytes);
      for (let count = shelf.count(name) + pending(name); count < target && mayStart(); count += 1) {
        const one = start(recipe, name).finally(() => {
          starts.delete(one);
          underWay.set(name, pending(name) - 1);
          wake.resolve();
        });
        underWay.set(name, pending(name) + 1);
        starts.add(one);
      }
    }
  }
  const underWay = new Map<string, number>();
  const pending = (name: string) => underWay.get(name) ?? 0;

  async function contents(): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    if (size.most === 0) return found;
    for (const [name, { image }] of recipes()) {
      found.set(name, await driver.imageNow(image, callFor(options.startTimeoutMs)));
    }
    return found;
  }

  async function look(): Promise<void> {
    const requested = await contents();
    const before = shelf.ids();
    const there = await driver.unclaimed(callFor(callMs));
    const isStale = ({ recipe, content, expiresAt, epoch }: WarmSandbox) =>
      expiresAt - clock.now() < ttlMs || (requested.get(recipe) !== content && epoch <= options.epoch);
    const stale = shelf.found(there, { before, isStale, isOwn: (id) => started.has(id) });
    const known = new Set(there.map(({ id }) => id));
    for (const id of started) if (!known.has(id) && !starts.size) started.delete(id);
    const endings = [...stale.map(({ id }) => id), ...surplus()].map((id) => driver.discard(id, callFor(callMs)));
    const [first] = (await Promise.allSettled(endings)).filter((it) => it.status === 'rejected');
    if (first) throw first.reason;
  }

  /** Empty for a shared pool, because other servers may need the sandboxes. */
  function surplus(): SandboxId[] {
    if (options.shared) return [];
    return [...recipes()].flatMap(([name, { limits }]) => shelf.oldestOver(name, size.now(limits.memoryBytes)));
  }

  let lookAt = clock.now();
  async function run(): Promise<void> {
    while (!signal.aborted) {
      const woken = wake;
      if (clock.now() >= lookAt && clock.now() >= restUntil) {
        const seen = await look().then(() => true, failed);
        lookAt = clock.now() + roundEveryMs;
        if (size.most === 0 && seen) return;
      }
      refill();
      const now = clock.now();
      const next = [lookAt, failures > 0 ? restUntil : lookAt, now < quietUntil ? quietUntil : lookAt];
      const ms = Math.max(50, Math.min(...next) - now);
      const rest = new AbortController();
      const patience = sleep(ms, combineSignals([signal, rest.signal]), clock).catch(() => {});
      await Promise.race([patience, woken.promise]);
      rest.abort();
      if (wake === woken) wake = Promise.withResolvers<void>();
    }
  }
  const running = run();

  async function claimed(spec: SandboxSpec, call: CallOptions): Promise<SandboxInfo | undefined> {
    const name = computeRecipeHash(spec);
    for (let id = shelf.take(name); id; id = shelf.take(name)) {
      throwIfAborted(call.signal);
      const info = await driver.claim(id, spec, call).catch((error) => {
        shelf.forget(id);
        throw error;
      });
      if (info === 'known') {
        shelf.giveBack(id);
        return undefined;
      }
      started.delete(id);
      if (info !== 'gone') return info;
    }
    return undefined;
  }

  return {
    get ready() {
      return shelf.size;
    },
    async take(spec, call) {
      if (size.most === 0) return undefined;
      size.recordRequest();
      if (clock.now() >= quietUntil) quietUntil = clock.now() + quietMs;
      const info = await claimed(spec, call).finally(() => wake.resolve());
      options.onClaim?.(info ? 'hit' : 'miss');
      return info;
    },
    cold() {
      if (coldStarts === 0) coldSince = clock.now();
      coldStarts += 1;
      return {
        [Symbol.dispose]: () => {
          coldStarts -= 1;
          wake.resolve();
        },
      };
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      await Promise.all(starts);
      if (size.most === 0) return;
      const call = callFor(closeMs, AbortSignal.timeout(closeMs));
      const left = await driver.unclaimed(call).catch(() => []); // the next server to start finds the sandboxes
      const own = left.filter(({ id }) => !options.shared || started.has(id));
      await Promise.allSettled(own.map(({ id }) => driver.discard(id, call)));
    },
  };
}
