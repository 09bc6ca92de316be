import { WebSocket } from 'ws';

const maxBacklogBytes = 4 * 1024 * 1024;

type Sent = (error?: Error) => void;
type SendOptions = Parameters<WebSocket['send']>[1];

/** A WebSocket that cannot be made to hoard: whoever reads too slowly is closed, and may resume by its cursor. */
export class Connection extends WebSocket {
  readonly #leaving = new AbortController();
  readonly #flushed = new Set<() => void>();

  /** Fires as soon as either side says good-bye, or the line breaks; what is sent after that goes nowhere. */
  get leaving(): AbortSignal {
    return this.#leaving.signal;
  }

  override send(data: Parameters<WebSocket['send']>[0], second?: SendOptions | Sent, third?: Sent): void {
    if (this.readyState !== WebSocket.OPEN) return;
    const options = typeof second === 'object' ? second : {};
    const sent = typeof second === 'function' ? second : third;
    super.send(data, options, sent ? (error) => this.#took(sent, error) : this.#tookSilently);
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
