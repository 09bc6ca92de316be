import type { Clock } from '../../src/core/clock.ts';
import type { SandboxId } from '../../src/core/ids.ts';
import type { WarmSandbox } from '../driver.ts';

interface Found {
  /** What was ready before the backend was asked. */
  readonly before: Set<SandboxId>;
  isStale(sandbox: WarmSandbox): boolean;
  /** This process is at it. */
  isOwn(id: SandboxId): boolean;
}

/** What this process knows of the unclaimed sandboxes: a guess, which the claim itself proves. */
export class WarmShelf {
  readonly #clock: Clock;
  readonly #patienceMs: number;
  readonly #ready = new Map<SandboxId, WarmSandbox>(); // in the order of their starts
  readonly #taken = new Map<SandboxId, WarmSandbox>();
  /** Others' that are starting, and since when. */
  readonly #starting = new Map<SandboxId, number>();

  constructor(clock: Clock, patienceMs: number) {
    this.#clock = clock;
    this.#patienceMs = patienceMs;
  }

  get size(): number {
    return this.#ready.size;
  }

  /** Ready, or about to be. */
  count(recipe: string): number {
    return [...this.#ready.values()].filter((it) => it.recipe === recipe).length + this.#starting.size;
  }

  add(sandbox: WarmSandbox): void {
    if (!this.#taken.has(sandbox.id)) this.#ready.set(sandbox.id, sandbox);
  }

  /** Off the shelf, for one who tries to claim it. */
  take(recipe: string): SandboxId | undefined {
    for (const [id, sandbox] of this.#ready) {
      if (sandbox.recipe !== recipe) continue;
      this.#ready.delete(id);
      this.#taken.set(id, sandbox);
      return id;
    }
    return undefined;
  }

  giveBack(id: SandboxId): void {
    const sandbox = this.#taken.get(id);
    this.#taken.delete(id);
    if (sandbox) this.#ready.set(id, sandbox);
  }

  /** Nobody is at it any more, and what became of it is not known: the next look tells. */
  forget(id: SandboxId): void {
    this.#taken.delete(id);
  }

  /** To be asked for before the backend is: what comes meanwhile is newer than its answer. */
  ids(): Set<SandboxId> {
    return new Set(this.#ready.keys());
  }

  /** What there is, as the backend says; gives what is to be ended. */
  found(there: readonly WarmSandbox[], { before, isStale, isOwn }: Found): WarmSandbox[] {
    const stale: WarmSandbox[] = [];
    const since = new Map(this.#starting);
    this.#starting.clear();
    for (const sandbox of there) {
      const { id, phase } = sandbox;
      before.delete(id);
      if (this.#taken.has(id)) continue; // somebody claims it at this moment
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
