import type { Clock } from '../../core/contracts/clock.ts';

const shortMs = 1_000;
const longMs = 16_000;
/** Three whole misses, less what a busy machine takes from two of them. */
const maxMisses = 2.5;
/** A daemon that stays silent for this long is given up, however busy the machine is. */
const maxMs = 120_000;
/** With a larger share of the time lost to other programs, the next check waits longer. */
const busyShare = 0.25;

/**
 * Judges a sandbox that does not answer. On an overloaded machine a daemon can be silent because it gets no processor. Time
 * of that kind does not count against it, and each further check then waits twice as long as the one before.
 */
export class HealthMonitor {
  readonly #clock: Clock;
  readonly #starvedMs: (() => Promise<number>) | undefined;
  #misses = 0;
  #patienceMs = shortMs;
  #began = 0;
  #last = { at: 0, starvedMs: 0 };

  constructor(clock: Clock, starvedMs?: () => Promise<number>) {
    this.#clock = clock;
    this.#starvedMs = starvedMs;
  }

  /** The time that the next check gets. */
  get patienceMs(): number {
    return this.#patienceMs;
  }
  /** Whether the last check was missed. */
  get isSilent(): boolean {
    return this.#misses > 0;
  }

  heard(): void {
    this.#misses = 0;
    this.#patienceMs = shortMs;
  }

  /** Call it after each check without an answer. True: the sandbox does not answer, and it could have. */
  async missed(): Promise<boolean> {
    const starvedMs = (await this.#starvedMs?.()) ?? 0;
    const at = this.#clock.now();
    if (this.#misses === 0) {
      this.#began = at;
      this.#misses = 1; // a healthy sandbox is not measured, so there is nothing yet to compare with
    } else {
      const lasted = at - this.#last.at;
      const share = lasted > 0 ? Math.min(1, Math.max(0, starvedMs - this.#last.starvedMs) / lasted) : 0;
      this.#misses += 1 - share;
      this.#patienceMs = share > busyShare ? Math.min(longMs, this.#patienceMs * 2) : shortMs;
    }
    this.#last = { at, starvedMs };
    return this.#misses >= maxMisses || at - this.#began >= maxMs;
  }
}
