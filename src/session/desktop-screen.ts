import type { Clock } from '../core/clock.ts';
import { AppError } from '../core/errors.ts';
import type { FactOf } from '../core/events.ts';
import type { DesktopStatus } from '../sandbox/client.ts';
import { ControlLease, type LeaseNews, type Returned } from './control-lease.ts';
import type { WatchWish } from './services.ts';

export type DesktopFact = FactOf<'desktop'>['data'];
interface Options {
  readonly clock: Clock;
  readonly maxViewers: number;
  readonly controlIdleMs: number;
  readonly note: (fact: DesktopFact) => void;
}
export interface Seat extends Disposable {
  readonly id: string;
}

const whys: Readonly<Record<Returned, string>> = {
  'given back': 'The viewer gave the keyboard and mouse back to the agent.',
  left: 'The viewer left; the keyboard and mouse are the agent’s again.',
  idle: 'The viewer did nothing for a while; the keyboard and mouse are the agent’s again.',
};

/** Who watches one session's desktop, and who of them uses it. In memory while somebody does. */
export class DesktopScreen {
  readonly lease: ControlLease;
  readonly #options: Options;
  readonly #viewers = new Map<string, WatchWish>();
  /** Viewers that are on their way; they count. */
  #coming = 0;
  /** How often the display had been started again when somebody last looked. */
  #restarts = 0;
  /** Somebody stopped it on purpose, and nobody started it since. */
  isStopped = false;

  constructor(options: Options) {
    this.#options = options;
    this.lease = new ControlLease({
      clock: options.clock,
      idleMs: options.controlIdleMs,
      onChange: (news) => this.#tell(news),
    });
  }

  get viewers(): number {
    return this.#viewers.size;
  }
  get isIdle(): boolean {
    return this.#viewers.size + this.#coming === 0 && this.lease.driver === undefined;
  }

  /** Counts a viewer while it connects. Rejects: queue_full. */
  admit(): Disposable {
    const { maxViewers } = this.#options;
    if (this.#viewers.size + this.#coming >= maxViewers) {
      throw new AppError('queue_full', `${maxViewers} viewers watch this desktop already. Close one of them.`);
    }
    this.#coming++;
    return { [Symbol.dispose]: () => void this.#coming-- };
  }

  /** A viewer is there until this is disposed; one of the same name is replaced, and its control goes over. */
  seat(id: string, wish: WatchWish): Seat {
    this.#viewers.set(id, wish);
    return {
      id,
      [Symbol.dispose]: () => {
        if (this.#viewers.get(id) !== wish) return;
        this.#viewers.delete(id);
        this.lease.giveBack(id, 'left');
      },
    };
  }

  /** Rejects: not_found, forbidden. */
  take(id: string): void {
    const viewer = this.#viewers.get(id);
    if (!viewer) throw new AppError('not_found', 'No viewer of this name watches the desktop.');
    if (!viewer.mayControl) throw new AppError('forbidden', 'This viewer may only watch.');
    this.lease.take(id);
  }

  /** Says in the log what became of the display since it was last looked at. */
  started(before: DesktopStatus, now: DesktopStatus): void {
    this.#restarts = now.restarts.display;
    this.isStopped = false;
    const size = `${now.width} × ${now.height}`;
    if (before.state !== 'running') this.#options.note({ kind: 'started', detail: `The desktop runs, ${size}.` });
  }
  /** False: nothing happened since, as far as the sandbox knows. */
  looked({ restarts, lastFailure }: DesktopStatus): boolean {
    if (restarts.display === this.#restarts) return false;
    const isMore = restarts.display > this.#restarts;
    this.#restarts = restarts.display;
    const detail = lastFailure ?? 'The display ended and was started again.';
    if (isMore) this.#options.note({ kind: 'restarted', detail });
    return true;
  }
  stopped(): void {
    this.#options.note({ kind: 'stopped', detail: 'The desktop was stopped.' });
  }

  #tell({ kind, why, driver, former }: LeaseNews): void {
    const over = former === undefined ? '' : ' from another viewer';
    if (kind === 'taken') {
      const detail = `A viewer took the keyboard and mouse${over}; the agent’s own input waits.`;
      this.#options.note({ kind: 'control_taken', detail });
    } else this.#options.note({ kind: 'control_returned', detail: whys[why ?? 'given back'] });
    for (const { onControl } of [...this.#viewers.values()]) onControl(driver);
  }
}
