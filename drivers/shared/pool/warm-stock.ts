import type { Clock } from '../../../src/core/contracts/clock.ts';
import type { SandboxId } from '../../../src/core/model/ids.ts';
import type { WarmSandbox } from '../../driver.ts';

interface StockCheck {
  readonly before: Set<SandboxId>;
  isStale(sandbox: WarmSandbox): boolean;
  isOwn(id: SandboxId): boolean;
}

/** Unclaimed sandboxes that this process knows. Possibly outdated; only the claim itself decides. */
export class KnownWarmSandboxes {
  readonly #clock: Clock;
  readonly #patienceMs: number;
  readonly #ready = new Map<SandboxId, WarmSandbox>(); // roughly in start order: a sandbox that is put back goes last
  readonly #taken = new Map<SandboxId, WarmSandbox>();
  /** Starting sandboxes of other processes, with the time of their discovery. */
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

  /** Call if the claim of a taken sandbox failed. Its state is unknown until the next update. */
  forget(id: SandboxId): void {
    this.#taken.delete(id);
  }

  /**
   * Returns the ids for `before` in `found`. Call before querying the backend: sandboxes added later are newer than its answer.
   */
  ids(): Set<SandboxId> {
    return new Set(this.#ready.keys());
  }

  /** Updates the stock from the backend's list. Returns the sandboxes to end. */
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
