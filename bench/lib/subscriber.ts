import type { Socket } from 'node:net';
import { crc32 } from 'node:zlib';
import { openSse } from './exchange.ts';
import { monotonicMs } from './generator.ts';
import type { Correctness } from './measure.ts';

const marker = '"description":"';

/** An SSE client with minimal work per event: a bare socket, and one look at the clock per chunk. */
export class Subscriber implements Disposable {
  readonly latencies: number[] = [];
  #socket: Socket;
  #rest = '';
  #last = 0;
  #crc = 0;
  #wrong = { duplicated: 0, reordered: 0 };

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Resolves once the server has confirmed the connection. */
  static async open(url: string): Promise<Subscriber> {
    const socket = await openSse(url);
    const self = new Subscriber(socket);
    socket.on('data', (chunk) => self.#hear(String(chunk)));
    return self;
  }

  get last(): number {
    return this.#last;
  }

  /** Forgets the measurements; the position in the stream stays. */
  reset(): void {
    this.latencies.length = 0;
    this.#crc = 0;
  }

  correct({ from, to, crc }: { from: number; to: number; crc: number }): Correctness {
    const expected = to - from;
    const received = this.latencies.length;
    const damaged = received === expected && crc !== this.#crc ? 1 : 0;
    const { duplicated, reordered } = this.#wrong;
    this.#wrong = { duplicated: 0, reordered: 0 };
    return { expected, received, lost: Math.max(0, expected - received) + damaged, duplicated, reordered };
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #hear(chunk: string): void {
    const at = monotonicMs();
    const text = this.#rest + chunk;
    let end = 0;
    for (;;) {
      const begin = text.indexOf(marker, end);
      const close = begin < 0 ? -1 : text.indexOf('"', begin + marker.length);
      if (close < 0) break;
      this.#take(text.slice(begin + marker.length, close), at);
      end = close;
    }
    this.#rest = text.slice(Math.max(end, text.lastIndexOf('\n', text.length - 2) + 1));
  }

  #take(text: string, at: number): void {
    const bar = text.indexOf('|');
    const n = Number(text.slice(bar + 1, text.indexOf('|', bar + 1)));
    if (n === this.#last) this.#wrong.duplicated += 1;
    else if (n < this.#last) this.#wrong.reordered += 1;
    this.#last = Math.max(n, this.#last);
    this.#crc = crc32(text, this.#crc);
    this.latencies.push(at - Number(text.slice(0, bar)));
  }
}
