import { Duplex } from 'node:stream';
import { sandboxReadSlice as turns } from '../../../src/core/concurrency/time-slice.ts';

const pieceBytes = 8 * 1024;
/** Reads in small pieces, so fast senders cannot block the event loop. Destroying this also destroys the connection. */
export class YieldingConnection extends Duplex {
  readonly #source: Duplex;
  #queue: Buffer[] = [];
  #most = pieceBytes;
  isReading = false;
  #isGiving = false;
  #hasEnded = false;
  #isReleased = false;

  constructor(source: Duplex) {
    super({ readableHighWaterMark: pieceBytes });
    this.#source = source;
    source.on('data', this.#take).on('end', this.#end).on('error', this.#fail).on('close', this.#close);
    if (source.destroyed) this.destroy();
  }

  /** Passes whole chunks from now on, because the reader no longer parses them. */
  whole(): void {
    this.#most = Number.POSITIVE_INFINITY;
  }

  /** Returns the connection. Undefined if it is destroyed or has unread bytes. */
  release(): Duplex | undefined {
    const isClean = this.#queue.length === 0 && this.readableLength === 0 && !this.destroyed;
    this.#isReleased = isClean;
    this.destroy();
    return isClean ? this.#source : undefined;
  }

  override _read(): void {
    this.isReading = true;
    this.#give();
  }
  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#source.write(chunk, encoding, done);
  }
  override _writev(
    chunks: readonly { chunk: Buffer; encoding: BufferEncoding }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#source.cork();
    for (const [n, { chunk, encoding }] of chunks.entries()) {
      this.#source.write(chunk, encoding, n === chunks.length - 1 ? done : undefined);
    }
    this.#source.uncork();
  }
  override _final(done: (error?: Error | null) => void): void {
    this.#source.end(() => done());
  }
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    turns.forget(this.#give);
    this.#queue = [];
    const source = this.#source;
    source.off('data', this.#take).off('end', this.#end).off('close', this.#close);
    if (!this.#isReleased) source.destroy();
    else source.off('error', this.#fail);
    done(error);
  }

  readonly #take = (chunk: Buffer) => {
    this.#queue.push(chunk);
    this.#give();
  };
  readonly #end = () => {
    this.#hasEnded = true;
    this.#give();
  };
  readonly #fail = (error: Error) => void this.destroy(error);
  readonly #close = () => {
    if (this.#queue.length === 0 && !this.#hasEnded) this.destroy();
    else this.once('end', () => this.destroy());
    this.#hasEnded = true;
    this.#give();
  };

  readonly #give = () => {
    if (this.#isGiving) return;
    this.#isGiving = true;
    try {
      while (this.isReading && this.#queue.length > 0) {
        if (turns.isOver) {
          this.#source.pause();
          return turns.next(this.#give);
        }
        this.isReading = false;
        if (this.push(this.#piece())) this.isReading = true;
      }
    } finally {
      this.#isGiving = false;
    }
    if (this.#queue.length > 0) this.#source.pause();
    else if (this.#hasEnded) this.push(null);
    else this.#source.resume();
  };

  #piece(): Buffer {
    const [first = Buffer.alloc(0)] = this.#queue;
    if (first.length <= this.#most) return this.#queue.shift() as Buffer;
    this.#queue[0] = first.subarray(this.#most);
    return first.subarray(0, this.#most);
  }
}
