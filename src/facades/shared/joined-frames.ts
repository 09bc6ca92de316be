import { NewestFrames } from './newest-frames.ts';

/** A write of this size costs the kernel little for each byte, and a slow reader's backlog stays small. */
const pieceBytes = 64 * 1024;
const maxRecent = 16;

interface Joined {
  readonly frames: readonly Buffer[];
  readonly bytes: Buffer;
}

/** Splits frames into pieces for one write each. A longer frame is a piece of its own. */
export function* inPieces(frames: readonly Buffer[]): Generator<readonly Buffer[]> {
  let begin = 0;
  let bytes = 0;
  for (const [n, { length }] of frames.entries()) {
    if (n > begin && bytes + length > pieceBytes) {
      yield frames.slice(begin, n);
      begin = n;
      bytes = 0;
    }
    bytes += length;
  }
  if (begin < frames.length) yield begin === 0 ? frames : frames.slice(begin);
}

/**
 * Makes one buffer of a piece. Subscribers of a session write the same frames one after the other, so a few recent
 * buffers are kept, at most 1 MiB, and shared.
 */
export class JoinedFrames {
  readonly #join: ((frames: readonly Buffer[]) => Buffer) | undefined;
  readonly #ofOne = new NewestFrames<Buffer, Buffer>();
  /** By the first frame, the oldest first. */
  readonly #recent = new Map<Buffer, Joined>();

  /** Without `join`: the frames themselves, one after the other. */
  constructor(join?: (frames: readonly Buffer[]) => Buffer) {
    this.#join = join;
  }

  of(frames: readonly Buffer[]): Buffer {
    const [first] = frames;
    if (!first) return Buffer.alloc(0);
    const join = this.#join;
    if (frames.length === 1) return join ? this.#ofOne.of(first, () => join(frames)) : first;
    const known = this.#recent.get(first);
    if (known && isSame(known.frames, frames)) return known.bytes;
    const bytes = join ? join(frames) : Buffer.concat(frames);
    this.#recent.delete(first);
    this.#recent.set(first, { frames, bytes });
    for (const [oldest] of this.#recent) {
      if (this.#recent.size <= maxRecent) break;
      this.#recent.delete(oldest);
    }
    return bytes;
  }
}

export const joined = new JoinedFrames();

const isSame = (some: readonly Buffer[], others: readonly Buffer[]): boolean =>
  some.length === others.length && some.every((frame, n) => frame === others[n]);
