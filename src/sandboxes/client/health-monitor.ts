import type { Clock } from '../../core/contracts/clock.ts';

const shortMs = 1_000;
const longMs = 16_000;
/** Each missed check adds 1, minus the share of its time in which the machine was too busy. */
const maxMisses = 2.5;
/** Maximum silence, however busy the machine is. */
const maxMs = 120_000;
const busyShare = 0.25;

/** Time in which the machine was too busy does not count against the sandbox, up to `maxMs`. */
export class HealthMonitor {
  readonly #clock: Clock;
  readonly #starvedMs: (() => Promise<number>) | undefined;
  #misses = 0;
  #isSilent = false;
  #patienceMs = shortMs;
  #began = 0;
  sentAt: number | undefined;
  #last = { at: 0, starvedMs: 0 };

  constructor(clock: Clock, starvedMs?: () => Promise<number>) {
    this.#clock = clock;
    this.#starvedMs = starvedMs;
  }

  get patienceMs(): number {
    return this.#patienceMs;
  }
  get isSilent(): boolean {
    return this.#isSilent;
  }

  recordRequest(): void {
    this.sentAt = this.#clock.now();
  }

  recordReply(): void {
    this.#misses = 0;
    this.#isSilent = false;
    this.#patienceMs = shortMs;
  }

  /** Call after each unanswered check. Resolves to true if the sandbox is lost. */
  async missed(): Promise<boolean> {
    const at = this.#clock.now();
    const sentAt = this.sentAt ?? at;
    const deafMs = Math.max(0, at - sentAt - this.#patienceMs);
    const starvedMs = (await this.#starvedMs?.()) ?? 0;
    // The first miss has no earlier measurement to compare with.
    const began = this.#isSilent ? this.#last : { at: sentAt, starvedMs };
    if (!this.#isSilent) this.#began = at;
    const lasted = at - began.at;
    const share = lasted > 0 ? Math.min(1, Math.max(0, starvedMs - began.starvedMs + deafMs) / lasted) : 0;
    this.#misses += 1 - share;
    this.#patienceMs = share > busyShare ? Math.min(longMs, this.#patienceMs * 2) : shortMs;
    this.#isSilent = true;
    this.#last = { at, starvedMs };
    return this.#misses >= maxMisses || at - this.#began >= maxMs;
  }
}
