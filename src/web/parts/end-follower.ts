interface View {
  readonly scrollTop: number;
  readonly scrollHeight: number;
  readonly clientHeight: number;
}

const near = 120; // pixels from the end within which scrolling down follows it again
/** A touch lets the view glide on for about this long. On a busy machine the report of a move comes late, too. */
const handMs = 2_000;

/**
 * Decides whether a view stays at the end of what grows below it. Only a person's scrolling up ends that. Content that grows
 * or shrinks moves the view as well, and a browser reports that move as a scroll too, late on a busy machine. So a move up is
 * a person's only soon after a wheel, a touch, a key or a press on the scroll bar.
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

  /** A person used a key, a wheel, a finger or the scroll bar on the view. */
  handled(): void {
    this.#handedAt = this.#now();
  }

  /** A person holds the scroll bar or the content, for as long as they like. */
  held(): void {
    this.#isHeld = true;
    this.handled();
  }

  released(): void {
    if (this.#isHeld) this.handled();
    this.#isHeld = false;
  }

  /** The person turned a wheel up, which a simultaneous change of the height would hide. */
  turnedUp({ scrollTop }: View): void {
    this.handled();
    if (scrollTop > 0) this.#follows = false;
  }

  /** The view has moved. */
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
