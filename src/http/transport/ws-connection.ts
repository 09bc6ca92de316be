import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';

const maxBacklogBytes = 4 * 1024 * 1024;
const maxCorkedBytes = 256 * 1024;

const asText = { binary: false };

type SendCallback = (error?: Error) => void;
type SendOptions = Parameters<WebSocket['send']>[1];

/** A client that reads too slowly is disconnected, and can resume from its cursor. */
export class WsConnection extends WebSocket {
  readonly #leaving = new AbortController();
  readonly #flushed = new Set<() => void>();
  #isCut = false;
  #stream: Duplex | undefined;

  constructor(...args: ConstructorParameters<typeof WebSocket>) {
    super(...args);
    this.once('close', () => this.#leaving.abort()); // a broken connection sends no close frame
  }

  /** Lets `sendTexts` write many frames at once. `stream` is the upgraded connection. */
  attach(stream: Duplex): void {
    this.#stream = stream;
  }

  /** Writes many text frames at once. */
  sendTexts(frames: readonly Buffer[]): void {
    let corkedBytes = 0;
    this.#stream?.cork();
    for (const frame of frames) {
      this.send(frame, asText);
      corkedBytes += frame.length;
      if (corkedBytes < maxCorkedBytes) continue;
      this.#stream?.uncork(); // otherwise a long burst would count as the client's backlog
      this.#stream?.cork();
      corkedBytes = 0;
    }
    this.#stream?.uncork();
  }

  /** Fires when either side sends its close frame or the connection breaks; later frames are dropped. */
  get leaving(): AbortSignal {
    return this.#leaving.signal;
  }

  override send(
    data: Parameters<WebSocket['send']>[0],
    second?: SendOptions | SendCallback,
    third?: SendCallback,
  ): void {
    if (this.readyState !== WebSocket.OPEN) return;
    const options = typeof second === 'object' ? second : {};
    const sent = typeof second === 'function' ? second : third;
    super.send(data, options, (error) => {
      sent?.(error ?? undefined);
      for (const listener of this.#flushed) listener();
    });
    if (this.bufferedAmount > maxBacklogBytes) this.close(1013, 'Too slow: resume by the last seq');
  }

  /** `ws` closes with 1008 and without a reason if a message has too many fragments. Reports 1009 (too big) instead. */
  override close(code?: number, reason?: string | Buffer): void {
    super.close(code === 1008 && reason === undefined ? 1009 : code, reason);
    this.#leaving.abort();
  }

  /** Whether this process sent all bytes and did not break the connection. Meaningful only after a close with 1006. */
  get brokeEmpty(): boolean {
    return !this.#isCut && this.bufferedAmount === 0;
  }

  override terminate(): void {
    this.#isCut = true;
    super.terminate();
    this.#leaving.abort();
  }

  onFlushed(listener: () => void): Disposable {
    this.#flushed.add(listener);
    return { [Symbol.dispose]: () => void this.#flushed.delete(listener) };
  }
}
