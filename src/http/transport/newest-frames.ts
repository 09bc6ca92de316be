/** Enough for a burst that many subscribers follow at the same pace. */
const most = { frames: 8_192, bytes: 4 * 1024 * 1024 };

/** Not a WeakMap: tens of thousands of weak keys slow garbage collection. */
export class FrameCache<Key extends object, Frame extends Buffer | undefined> {
  readonly #frames = new Map<Key, Frame>();
  #bytes = 0;

  of(key: Key, make: () => Frame): Frame {
    const known = this.#frames.get(key);
    if (known !== undefined || this.#frames.has(key)) return known as Frame;
    const frame = make();
    this.#frames.set(key, frame);
    this.#bytes += frame?.length ?? 0;
    for (const [oldest, gone] of this.#frames) {
      if (this.#frames.size <= most.frames && this.#bytes <= most.bytes) break;
      this.#frames.delete(oldest);
      this.#bytes -= gone?.length ?? 0;
    }
    return frame;
  }
}
