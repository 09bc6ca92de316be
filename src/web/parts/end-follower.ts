interface View {
  readonly scrollTop: number;
  readonly scrollHeight: number;
  readonly clientHeight: number;
}

const near = 120; // pixels from the end; scrolling down to here resumes following
/** Momentum scrolling after a touch lasts about this long. On a busy machine the scroll event is late, too. */
const handMs = 2_000;

/**
 * Decides whether a view stays at the end of growing content. Only a person who scrolls up stops that. Content that
 * grows or shrinks moves the view too, which browsers report as a scroll, and late on a busy machine. An upward move is
 * therefore attributed to a person only soon after a wheel, touch, key or scroll bar event.
 */
export class EndFollower {
  readonly #now: () => number;
  #follows = true;
  #top = 0;
  #height = 0;
  #handedAt = Number.NEGATIVE_INFINITY;
  #isHeld = false;

  /** `now` is in ms. */
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

  /** Call this when a person uses a key, a wheel, a finger or the scroll bar on the view. */
  handled(): void {
    this.#handedAt = this.#now();
  }

  /** Call this when a person starts to hold the scroll bar or the content, for any time. */
  held(): void {
    this.#isHeld = true;
    this.handled();
  }

  released(): void {
    if (this.#isHeld) this.handled();
    this.#isHeld = false;
  }

  /** Call this when the wheel turns up. A simultaneous change of the height would hide the move itself. */
  turnedUp({ scrollTop }: View): void {
    this.handled();
    if (scrollTop > 0) this.#follows = false;
  }

  /** Call this when the view has moved. */
  scrolled({ scrollTop, scrollHeight, clientHeight }: View): void {
    const away = scrollHeight - scrollTop - clientHeight;
    const isUp = scrollTop < this.#top - 1;
    const isByHand = this.#isHeld || this.#now() - this.#handedAt < handMs;
    if (away <= 2 || (scrollTop > this.#top && away < near)) this.#follows = true;
    else if (isUp && isByHand && scrollHeight >= this.#height) this.#follows = false;
    this.#top = scrollTop;
    this.#height = scrollHeight;
  }
}
