import type { Clock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';

/** Why nobody holds the keyboard and mouse any more. */
export type Returned = 'given back' | 'left' | 'idle';
export interface LeaseNews {
  readonly kind: 'taken' | 'returned';
  readonly why?: Returned;
  /** Who holds it now. */
  readonly driver: string | undefined;
  /** Who held it before. */
  readonly former: string | undefined;
  /** It happened at another server, which says so itself. */
  readonly isElsewhere?: true;
}
interface Options {
  readonly clock: Clock;
  /** Without input for so long, it is given back: somebody went away and left the page open. */
  readonly idleMs: number;
  readonly onChange: (news: LeaseNews) => void;
}

/** Who uses the keyboard and mouse of one desktop: one person, or the agent while no person does. */
export class ControlLease {
  readonly #options: Options;
  readonly #waiting = new Set<() => void>();
  #driver: string | undefined;
  #usedAt = 0;
  #timer: unknown;
  #isElsewhere = false;

  constructor(options: Options) {
    this.#options = options;
  }

  get driver(): string | undefined {
    return this.#driver;
  }
  /** The driver is a viewer of another server. */
  get isElsewhere(): boolean {
    return this.#isElsewhere;
  }

  /** Takes it over from whoever has it. */
  take(viewer: string): void {
    this.#usedAt = this.#options.clock.now();
    if (this.#driver === viewer && !this.#isElsewhere) return;
    const former = this.#driver;
    this.#driver = viewer;
    if (former === undefined || this.#isElsewhere) this.#watch();
    this.#isElsewhere = false;
    this.#options.onChange({ kind: 'taken', driver: viewer, former });
  }

  /** Whether this viewer's input counts. */
  uses(viewer: string): boolean {
    if (this.#driver !== viewer || this.#isElsewhere) return false;
    this.#usedAt = this.#options.clock.now();
    return true;
  }

  /** Nothing changes where somebody else has it. */
  giveBack(viewer: string, why: Returned): void {
    if (this.#driver !== viewer || this.#isElsewhere) return;
    this.#free();
    this.#options.onChange({ kind: 'returned', why, driver: undefined, former: viewer });
  }

  /** Another server says whose it is there: one of its viewers', or the agent's, also where it was a viewer's here. */
  elsewhere(driver: string | undefined): void {
    const former = this.#driver;
    if (driver === former && (this.#isElsewhere || driver === undefined)) return;
    this.#free();
    this.#driver = driver;
    this.#isElsewhere = driver !== undefined;
    const kind = driver === undefined ? 'returned' : 'taken';
    this.#options.onChange({ kind, driver, former, isElsewhere: true });
  }

  /** Resolves when no person has it. Rejects: cancelled. */
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
    this.#options.clock.clearTimeout(this.#timer);
    for (const go of [...this.#waiting]) go(); // it looks again when this turn is over
  }

  /** One timer for all of a driver's input: it looks again where there was some. */
  #watch(): void {
    const { clock, idleMs } = this.#options;
    const left = this.#usedAt + idleMs - clock.now();
    this.#timer = clock.setTimeout(() => {
      const driver = this.#driver;
      if (driver === undefined) return;
      if (clock.now() - this.#usedAt >= idleMs) this.giveBack(driver, 'idle');
      else this.#watch();
    }, left);
  }
}
