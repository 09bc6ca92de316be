import { once } from 'node:events';
import { WebSocket } from 'ws';

export interface ByteChannel {
  readonly opened?: Promise<unknown>;
  send(bytes: Buffer): void;
  hear(listener: (bytes: Buffer) => void): void;
  close(): void;
}

function webSocketChannel(url: string): ByteChannel {
  const socket = new WebSocket(url, ['binary'], { perMessageDeflate: false });
  return {
    opened: once(socket, 'open'),
    send: (bytes) => socket.send(bytes),
    hear: (listener) => void socket.on('message', (data) => listener(data as Buffer)),
    close: () => socket.terminate(),
  };
}

/** A viewer that requests raw pixels and only counts them, so that reading is its main cost. */
export class CountingViewer implements Disposable {
  readonly #channel: ByteChannel;
  #greeting: Buffer | undefined = Buffer.alloc(0);
  #heard = () => {};
  #head = Buffer.alloc(0);
  #skip = 0;
  #rectangles = 0;
  #done: (() => void) | undefined;
  bytes = 0;

  private constructor(channel: ByteChannel) {
    this.#channel = channel;
    channel.hear((bytes) => this.#take(bytes));
  }

  static async open(to: string | ByteChannel): Promise<CountingViewer> {
    const channel = typeof to === 'string' ? webSocketChannel(to) : to;
    const viewer = new CountingViewer(channel);
    await channel.opened;
    await viewer.#has(12);
    channel.send(Buffer.from('RFB 003.008\n'));
    await viewer.#has(14);
    channel.send(Buffer.from([1]));
    await viewer.#has(18);
    channel.send(Buffer.from([1]));
    const init = await viewer.#has(42);
    await viewer.#has(42 + init.readUInt32BE(38));
    viewer.#greeting = undefined;
    channel.send(Buffer.from([2, 0, 0, 1, 0, 0, 0, 0]));
    return viewer;
  }

  async #has(length: number): Promise<Buffer> {
    while ((this.#greeting?.length ?? length) < length) await new Promise<void>((listener) => (this.#heard = listener));
    return this.#greeting as Buffer;
  }

  /** Resolves when the top left `width` by `height` pixels have arrived. */
  async frame(width: number, height: number): Promise<void> {
    await this.request(0, [0, 0, width, height]);
  }

  async change(x: number, y: number, width: number, height: number): Promise<void> {
    await this.request(1, [x, y, width, height]);
  }

  point(x: number, y: number, buttons: number): void {
    this.#channel.send(Buffer.from([5, buttons, x >> 8, x & 255, y >> 8, y & 255]));
  }

  async request(incremental: number, area: readonly number[]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#done = resolve;
    this.#channel.send(Buffer.from([3, incremental, ...area.flatMap((it) => [it >> 8, it & 255])]));
    await promise;
  }

  #take(chunk: Buffer): void {
    if (this.#greeting) {
      this.#greeting = Buffer.concat([this.#greeting, chunk]);
      this.#heard();
      return;
    }
    this.bytes += chunk.length;
    let at = 0;
    while (at < chunk.length) {
      const passed = Math.min(this.#skip, chunk.length - at);
      at += passed;
      this.#skip -= passed;
      const requested = this.#rectangles > 0 ? 12 : 4;
      if (this.#skip === 0 && at < chunk.length) {
        const more = chunk.subarray(at, at + requested - this.#head.length);
        this.#head = Buffer.concat([this.#head, more]);
        at += more.length;
        if (this.#head.length === requested) this.#begin();
      }
      if (this.#skip === 0 && this.#rectangles === 0 && this.#head.length === 0) this.#done?.();
    }
  }

  #begin(): void {
    const head = this.#head;
    this.#head = Buffer.alloc(0);
    if (head.length === 4) this.#rectangles = head.readUInt16BE(2);
    else {
      this.#rectangles--;
      this.#skip = head.readUInt16BE(4) * head.readUInt16BE(6) * 4;
    }
  }

  [Symbol.dispose](): void {
    this.#channel.close();
  }
}
