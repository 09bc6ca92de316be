import { once } from 'node:events';
import { crc32 } from 'node:zlib';
import { WebSocket } from 'ws';
import { monotonicMs } from '../measure/generator.ts';
import type { DeliveryCounts } from '../measure/measure.ts';
import { openSse } from './open-sse.ts';

const markers = { sse: '"description":"', websocket: '"content":"' } as const;
export type EventTransport = keyof typeof markers;

export interface FanOutRound {
  readonly first: number;
  readonly count: number;
  readonly crc: number;
  /** Monotonic time at which the emit command was sent. */
  readonly from: number;
}

/** Does minimal work per event: reads the clock once per chunk and parses no JSON. */
export class EventReader implements Disposable {
  readonly latencies: number[] = [];
  heardAt = 0;
  #close: () => void;
  #marker: string;
  #rest = '';
  #last = 0;
  #crc = 0;
  #wrong = { duplicated: 0, reordered: 0 };

  constructor(marker: string, close: () => void) {
    this.#marker = marker;
    this.#close = close;
  }

  static async open(url: string, over: EventTransport, after?: number): Promise<EventReader> {
    if (over === 'sse') {
      const socket = await openSse(url, after);
      const self = new EventReader(markers.sse, () => socket.destroy());
      socket.on('data', (chunk) => self.hear(String(chunk)));
      return self;
    }
    const socket = new WebSocket(url.replace('http', 'ws'), { perMessageDeflate: false });
    const self = new EventReader(markers.websocket, () => socket.terminate());
    await once(socket, 'message'); // the greeting
    socket.on('message', (bytes) => self.hear(`${bytes}\n`));
    return self;
  }

  get last(): number {
    return this.#last;
  }

  reset(): void {
    this.latencies.length = 0;
    this.#crc = 0;
  }

  correct({ count: expected, crc }: Pick<FanOutRound, 'count' | 'crc'>): DeliveryCounts {
    const received = this.latencies.length;
    const damaged = received === expected && crc !== this.#crc ? 1 : 0;
    const wrong = this.#wrong;
    this.#wrong = { duplicated: 0, reordered: 0 };
    return { expected, received, lost: Math.max(0, expected - received) + damaged, ...wrong };
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  hear(chunk: string): void {
    const at = monotonicMs();
    const text = this.#rest + chunk;
    const { length } = this.#marker;
    let end = 0;
    for (;;) {
      const begin = text.indexOf(this.#marker, end);
      const close = begin < 0 ? -1 : text.indexOf('"', begin + length);
      if (close < 0) break;
      this.#take(text.slice(begin + length, close), at);
      end = close;
    }
    this.#rest = text.slice(Math.max(end, text.lastIndexOf('\n', text.length - 2) + 1));
    this.heardAt = at;
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
