import type { Clock } from '../../../src/core/contracts/clock.ts';
import { waitForNextLoopTurn } from '../../../src/core/contracts/clock.ts';

interface Timer {
  readonly at: number;
  readonly fn: () => void;
}

/** A clock that only the test moves. Due timers run in order, including those set on the way. */
export class ManualClock implements Clock {
  #now: number;
  #wallOff = 0;
  #next = 1;
  readonly #timers = new Map<number, Timer>();

  constructor(start = 0) {
    this.#now = start;
  }
  // Functions of the object, because code under test takes them off the clock.
  now = (): number => this.#now + this.#wallOff;
  setTimeout = (fn: () => void, ms = 0): number => {
    this.#timers.set(this.#next, { at: this.#now + Math.max(0, ms), fn });
    return this.#next++;
  };
  clearTimeout = (id: unknown): void => void this.#timers.delete(id as number);

  pending = (): number => this.#timers.size;

  /** Moves time past the timers that are due, without a pause between two of them. */
  advance = (ms: number): void => {
    const until = this.#now + ms;
    while (this.#fire(until));
    this.#now = until;
  };
  /** Moves time. After each timer, everything that needs neither time nor I/O happens. */
  async pass(ms: number): Promise<void> {
    const until = this.#now + ms;
    await waitForNextLoopTurn();
    while (this.#fire(until)) await waitForNextLoopTurn();
    this.#now = until;
  }
  /** Lets time pass until `isDone`, for at most `atMostMs`; false if it is still not done. */
  async until(isDone: () => boolean, atMostMs: number): Promise<boolean> {
    const end = this.#now + atMostMs;
    await waitForNextLoopTurn();
    while (!isDone()) {
      const [, timer] = this.#due(end) ?? [];
      if (!timer) return false;
      await this.pass(timer.at - this.#now);
    }
    return true;
  }
  /**
   * Lets time pass until `isDone`, for code that does I/O. Time goes to the next timer only when `isDone` was false
   * `patience` times. `isDone` waits for the answer of what the code waits for, such as the store.
   */
  async reaches(isDone: () => Promise<boolean>, patience = 3): Promise<void> {
    for (let looks = 1; !(await isDone()); looks++) {
      await waitForNextLoopTurn();
      if (looks % patience === 0) this.#fire(Number.POSITIVE_INFINITY);
    }
  }
  /** Resolves after `ms` of this clock. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.setTimeout(resolve, ms));
  }
  /** The machine sleeps for `ms`: timers that fall due in the meantime fire together when time moves next. */
  suspend(ms: number): void {
    this.#now += ms;
  }
  /** Changes the wall clock by `ms`: `now` changes at once, but timers keep their durations. */
  jump(ms: number): void {
    this.#wallOff += ms;
  }

  /** Runs the first timer that is due. */
  #fire(until: number): boolean {
    const [id, timer] = this.#due(until) ?? [];
    if (!timer) return false;
    this.#timers.delete(id as number);
    this.#now = Math.max(this.#now, timer.at);
    timer.fn();
    return true;
  }
  #due(until: number): [number, Timer] | undefined {
    let first: [number, Timer] | undefined;
    for (const entry of this.#timers) {
      if (entry[1].at <= until && (!first || entry[1].at < first[1].at)) first = entry; // at equal times, the one set first
    }
    return first;
  }
}
export const manualClock = (start = 0): ManualClock => new ManualClock(start);

/** The system's time, which a test can also move ahead: for real processes, whose own work takes real time. */
export class LeapingClock implements Clock {
  #ahead = 0;
  readonly #timers = new Map<object, { readonly at: number; readonly fire: () => void }>();

  now = (): number => Date.now() + this.#ahead;
  setTimeout = (fn: () => void, ms = 0): object => {
    const fire = () => {
      this.clearTimeout(timer);
      fn();
    };
    const timer = setTimeout(fire, ms);
    this.#timers.set(timer, { at: this.now() + ms, fire });
    return timer;
  };
  clearTimeout = (timer: unknown): void => {
    clearTimeout(timer as NodeJS.Timeout);
    this.#timers.delete(timer as object);
  };
  /** Moves time by `ms` at once and fires what is due then, in order. */
  leap = (ms: number): void => {
    this.#ahead += ms;
    const due = [...this.#timers.values()].filter(({ at }) => at <= this.now());
    for (const { fire } of due.sort((a, b) => a.at - b.at)) fire();
  };
}
