import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';

export type DesktopControlReturnReason = 'returned' | 'left' | 'idle';
export interface DesktopControlChange {
  readonly kind: 'taken' | 'returned';
  readonly why?: DesktopControlReturnReason;
  /** The viewer in control. Undefined: the agent. */
  readonly driver: string | undefined;
  readonly former: string | undefined;
  /** Another server made the change and records it. */
  readonly isElsewhere?: true;
}
interface Options extends Pick<ServerDependencies, 'clock'> {
  /** Control returns to the agent after this long without input. */
  readonly idleMs: number;
  readonly onChange: (news: DesktopControlChange) => void;
}

export class DesktopControlLease extends ServerComponent<Options> {
  readonly #waiting = new Set<() => void>();
  #driver: string | undefined;
  #usedAt = 0;
  #timer: unknown;
  #isElsewhere = false;

  get driver(): string | undefined {
    return this.#driver;
  }
  get isElsewhere(): boolean {
    return this.#isElsewhere;
  }

  /** Replaces any other viewer. */
  take(viewer: string): void {
    this.#usedAt = this.deps.clock.now();
    if (this.#driver === viewer && !this.#isElsewhere) return;
    const former = this.#driver;
    this.#driver = viewer;
    if (former === undefined || this.#isElsewhere) this.#watch();
    this.#isElsewhere = false;
    this.deps.onChange({ kind: 'taken', driver: viewer, former });
  }

  /** Whether this viewer holds the lease. If so, restarts the idle timer. */
  uses(viewer: string): boolean {
    if (this.#driver !== viewer || this.#isElsewhere) return false;
    this.#usedAt = this.deps.clock.now();
    return true;
  }

  /** Ignores viewers that do not hold the lease on this server. */
  giveBack(viewer: string, why: DesktopControlReturnReason): void {
    if (this.#driver !== viewer || this.#isElsewhere) return;
    this.#free();
    this.deps.onChange({ kind: 'returned', why, driver: undefined, former: viewer });
  }

  /** `driver`: a viewer on another server. Undefined: the agent. */
  elsewhere(driver: string | undefined): void {
    const former = this.#driver;
    if (driver === former && (this.#isElsewhere || driver === undefined)) return;
    this.#free();
    this.#driver = driver;
    this.#isElsewhere = driver !== undefined;
    const kind = driver === undefined ? 'returned' : 'taken';
    this.deps.onChange({ kind, driver, former, isElsewhere: true });
  }

  /** Resolves when no viewer holds the lease. Rejects: cancelled. */
  async gate(signal: AbortSignal): Promise<void> {
    while (this.#driver !== undefined && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const go = () => resolve();
      this.#waiting.add(go);
      signal.addEventListener('abort', go, { once: true });
      await promise;
      signal.removeEventListener('abort', go);
      this.#waiting.delete(go);
    }
    if (signal.aborted) throw new AppError('cancelled', 'The operation was cancelled.', { cause: signal.reason });
  }

  #free(): void {
    this.#driver = undefined;
    this.#isElsewhere = false;
    this.deps.clock.clearTimeout(this.#timer);
    for (const go of [...this.#waiting]) go(); // each waiter checks again in a later microtask
  }

  #watch(): void {
    const { clock, idleMs } = this.deps;
    const left = this.#usedAt + idleMs - clock.now();
    this.#timer = clock.setTimeout(() => {
      const driver = this.#driver;
      if (driver === undefined) return;
      if (clock.now() - this.#usedAt >= idleMs) this.giveBack(driver, 'idle');
      else this.#watch();
    }, left);
  }
}

// The interfaces below are implemented in ../cluster, for viewers on different servers.

export interface SharedDesktopControlOptions {
  readonly id: SessionId;
  readonly lease: DesktopControlLease;
  /** Called once the holder's server is gone, to record the return of control. */
  readonly onLapsed: () => void;
}
export type SharedDesktopControlFactory = (options: SharedDesktopControlOptions) => SharedDesktopControl;

export interface SharedDesktopControl {
  look(): Promise<void>;
  /** Applies stored changes until the handle is disposed. */
  watch(): Disposable;
  /** `isTakenOver`: also takes the lease from another server's viewer. */
  taken(viewer: string, isTakenOver: boolean): void;
  returned(viewer: string): void;
  /** Releases the lease that `viewer` holds on another server. False if there is none. */
  takeBack(viewer: string): Promise<boolean>;
}
