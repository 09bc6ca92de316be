interface View {
  readonly scrollTop: number;
  readonly scrollHeight: number;
  readonly clientHeight: number;
}

const near = 120; // pixels; following resumes this close to the end
/** Maximum time from a user input to the scroll it causes, in ms. Momentum scrolling continues after a touch. */
const userScrollMs = 2_000;

/** Keeps a view at its end until the user scrolls up. Scrolling up counts only during or shortly after user input. */
export class AutoScroller {
  readonly #now: () => number;
  #follows = true;
  #top = 0;
  #height = 0;
  #handedAt = Number.NEGATIVE_INFINITY;
  #isHeld = false;

  /** `now` returns the time in ms. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get follows(): boolean {
    return this.#follows;
  }

  follow(): void {
    this.#follows = true;
  }

  stay(): void {
    this.#follows = false;
  }

  /** Call on key presses, wheel turns, touches, and use of the scroll bar. */
  handled(): void {
    this.#handedAt = this.#now();
  }

  /** Call when the user presses and holds the scroll bar or the content. */
  held(): void {
    this.#isHeld = true;
    this.handled();
  }

  released(): void {
    if (this.#isHeld) this.handled();
    this.#isHeld = false;
  }

  /** Call on upward wheel turns. If the height changes at the same time, `scrolled` may not detect the movement. */
  turnedUp({ scrollTop }: View): void {
    this.handled();
    if (scrollTop > 0) this.#follows = false;
  }

  scrolled({ scrollTop, scrollHeight, clientHeight }: View): void {
    const away = scrollHeight - scrollTop - clientHeight;
    const isUp = scrollTop < this.#top - 1;
    const isByHand = this.#isHeld || this.#now() - this.#handedAt < userScrollMs;
    if (away <= 2 || (scrollTop > this.#top && away < near)) this.#follows = true;
    else if (isUp && isByHand && scrollHeight >= this.#height) this.#follows = false;
    this.#top = scrollTop;
    this.#height = scrollHeight;
  }
}
