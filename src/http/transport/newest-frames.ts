/** Enough for a burst that many subscribers follow at the same pace. */
const most = { frames: 8_192, bytes: 4 * 1024 * 1024 };

/**
 * Caches the newest frames of a kind, so that each frame is built once for all its subscribers: at most 8,192 frames and 4 MiB. A
 * WeakMap would keep each frame as long as its event is in memory, and tens of thousands of weak keys prolong the pauses of a
 * full garbage collection.
 */
export class FrameCache<Key extends object, Frame extends Buffer | undefined> {
  readonly #frames = new Map<Key, Frame>();
  #bytes = 0;

  /** Caches undefined frames too. */
  of(key: Key, make: () => Frame): Frame {
    const known = this.#frames.get(key);
    if (known !== undefined || this.#frames.has(key)) return known as Frame; // most calls need only this lookup
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
