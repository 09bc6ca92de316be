interface View {
  readonly scrollTop: number;
  readonly scrollHeight: number;
  readonly clientHeight: number;
}

const near = 120; // pixels from the end within which scrolling down follows it again

/**
 * Decides whether a view stays at the end of what grows below it. Only a person's scrolling up ends that. Content that grows
 * or shrinks also moves the view, and a browser reports that move as a scroll too.
 */
export class EndFollower {
  #follows = true;
  #top = 0;
  #height = 0;

  get follows(): boolean {
    return this.#follows;
  }

  follow(): void {
    this.#follows = true;
  }

  stay(): void {
    this.#follows = false;
  }

  /** The person turned a wheel up, which a simultaneous change of the height would hide. */
  turnedUp({ scrollTop }: View): void {
    if (scrollTop > 0) this.#follows = false;
  }

  /** The view has moved. */
  scrolled({ scrollTop, scrollHeight, clientHeight }: View): void {
    const away = scrollHeight - scrollTop - clientHeight;
    const isUp = scrollTop < this.#top - 1;
    if (away <= 2 || (scrollTop > this.#top && away < near)) this.#follows = true;
    else if (isUp && scrollHeight >= this.#height) this.#follows = false;
    this.#top = scrollTop;
    this.#height = scrollHeight;
  }
}
