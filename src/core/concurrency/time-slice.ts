const turnMs = 4;

/** Limits the time that untrusted input can use in one event loop turn. */
export class TimeSlice {
  readonly #waiting = new Set<() => void>();
  #endsAt: number | undefined;

  get isOver(): boolean {
    this.#endsAt ??= this.#begin();
    return performance.now() > this.#endsAt;
  }
  /** Queues `goOn` for a later turn, in FIFO order. */
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

export const sandboxReadSlice = new TimeSlice();
