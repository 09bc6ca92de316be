/** In ms, of each turn of the event loop. */
const turnMs = 4;

/** A share of the event loop's time, for work that others cause. Work beyond it continues in the next turn. */
export class TimeSlice {
  readonly #waiting = new Set<() => void>();
  #endsAt: number | undefined;

  /** True when this turn's time is used up. */
  get isOver(): boolean {
    this.#endsAt ??= this.#begin();
    return performance.now() > this.#endsAt;
  }
  /** Calls this in the next turn that has time for it. Those who wait are called in order. */
  next(goOn: () => void): void {
    this.#waiting.add(goOn);
  }
  forget(goOn: () => void): void {
    this.#waiting.delete(goOn);
  }

  #begin(): number {
    setImmediate(() => {
      this.#endsAt = undefined;
      for (const goOn of [...this.#waiting]) {
        if (this.isOver) return;
        this.#waiting.delete(goOn);
        goOn();
      }
    });
    return performance.now() + turnMs;
  }
}

/** The time for reading what sandboxes send, shared by all of them. */
export const readTimeSlice = new TimeSlice();
