import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { binaryFrame, textFrame } from './ws-frame.ts';

const maxBacklogBytes = 4 * 1024 * 1024;
/** To copy that much costs less than to write a head and a body. */
const copiedBytes = 8 * 1024;

type Sent = (error?: Error) => void;
type SendOptions = Parameters<WebSocket['send']>[1];

/** A WebSocket that cannot be made to hoard: whoever reads too slowly is closed, and may resume by its cursor. */
export class Connection extends WebSocket {
  readonly #leaving = new AbortController();
  readonly #flushed = new Set<() => void>();
  #line: Duplex | undefined;

  constructor(...made: ConstructorParameters<typeof WebSocket>) {
    super(...made);
    this.once('close', () => this.#leaving.abort()); // a line that broke says no good-bye before
  }

  /** The line that it was made on: nothing is compressed and nothing is queued before it, so we may write to it too. */
  runOn(line: Duplex): void {
    this.#line = line;
  }

  /** Fires as soon as either side says good-bye, or the line breaks; what is sent after that goes nowhere. */
  get leaving(): AbortSignal {
    return this.#leaving.signal;
  }

  override send(data: Parameters<WebSocket['send']>[0], second?: SendOptions | Sent, third?: Sent): void {
    if (this.readyState !== WebSocket.OPEN) return;
    const options = typeof second === 'object' ? second : {};
    const sent = typeof second === 'function' ? second : third;
    const took = sent ? (error?: Error | null) => this.#took(sent, error ?? undefined) : this.#tookSilently;
    if (typeof data === 'string' && this.#line) this.#line.write(textFrame(data), took);
    else if (this.#line && Buffer.isBuffer(data) && data.length <= copiedBytes && typeof second !== 'object')
      this.#line.write(binaryFrame(data), took);
    else super.send(data, options, took);
    this.#limitBacklog();
  }

  /** A frame that is made already, for many connections. */
  sendFrame(frame: Buffer): void {
    if (this.readyState !== WebSocket.OPEN) return;
    this.#line?.write(frame, this.#tookSilently);
    this.#limitBacklog();
  }

  #limitBacklog(): void {
    if (this.bufferedAmount > maxBacklogBytes) this.close(1013, 'Too slow: resume by the last seq');
  }

  readonly #tookSilently = () => {
    for (const heard of this.#flushed) heard();
  };
  #took(sent: Sent, error?: Error): void {
    sent(error);
    this.#tookSilently();
  }

  /** `ws` itself gives no reason; its only 1008 is for a message in too many pieces, which is one that is too big. */
  override close(code?: number, reason?: string | Buffer): void {
    super.close(code === 1008 && reason === undefined ? 1009 : code, reason);
    this.#leaving.abort();
  }

  override terminate(): void {
    super.terminate();
    this.#leaving.abort();
  }

  /** Told whenever the network took something; disposing ends it. */
  onFlushed(heard: () => void): Disposable {
    this.#flushed.add(heard);
    return { [Symbol.dispose]: () => void this.#flushed.delete(heard) };
  }
}
