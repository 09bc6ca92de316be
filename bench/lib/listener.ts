import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { crc32 } from 'node:zlib';
import { monotonicMs } from './generator.ts';
import type { Correctness } from './measure.ts';

const nothing = Buffer.alloc(0);

export interface FrameAt {
  readonly isText: boolean;
  readonly begin: number;
  readonly end: number;
  readonly next?: number;
  /** The answer that the protocol asks for, such as the pong for a ping. */
  readonly reply?: Buffer | undefined;
}
/** How a protocol asks for events, and where their frames are. */
export interface Framing {
  request(url: string): string;
  /** The status of the answer. */
  readonly accepts: 101 | 200;
  /** The server sends a first frame by itself. */
  readonly greets: boolean;
  /** The frame at this offset; undefined while it is incomplete. The next one begins at `next`, or at `end`. */
  frameAt(bytes: Buffer, from: number): FrameAt | undefined;
  /** The emitted text in a frame. */
  textOf(payload: string): string;
}

/**
 * A client for throughput: it counts frames and checksums them, without parsing them. A `witness` also reads the texts;
 * the other listeners must have the same checksum.
 */
export class Listener implements Disposable {
  readonly #socket: Socket;
  readonly #framing: Framing;
  readonly #isWitness: boolean;
  readonly #payloads: string[] = []; // read after the measurement, because parsing takes longer than a delivery
  #rest: Buffer = nothing;
  #frames = 0;
  #crc = 0;
  #heardAt = 0;

  private constructor(socket: Socket, framing: Framing, isWitness: boolean) {
    this.#socket = socket;
    this.#framing = framing;
    this.#isWitness = isWitness;
  }

  /** Resolves once the server has accepted the connection and sent its greeting. */
  static async open(url: string, framing: Framing, isWitness: boolean): Promise<Listener> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname).setNoDelay(true);
    await once(socket, 'connect');
    socket.write(framing.request(url));
    const self = new Listener(socket, framing, isWitness);
    let head = nothing;
    while (!head.includes('\r\n\r\n')) head = Buffer.concat([head, ...((await once(socket, 'data')) as [Buffer])]);
    if (!head.toString('latin1').startsWith(`HTTP/1.1 ${framing.accepts}`))
      throw new Error(`${url} answered ${head.toString()}`);
    self.#hear(head.subarray(head.indexOf('\r\n\r\n') + 4));
    socket.on('data', (chunk: Buffer) => self.#hear(chunk));
    while (framing.greets && self.#frames === 0) await once(socket, 'data');
    return self;
  }

  get frames(): number {
    return this.#frames;
  }
  get crc(): number {
    return this.#crc;
  }
  /** The monotonic time of the last frame. */
  get heardAt(): number {
    return this.#heardAt;
  }

  reset(): void {
    this.#frames = 0;
    this.#crc = 0;
    this.#payloads.length = 0;
  }

  /** For a witness: whether it has the texts from `first` on, in order and undamaged. */
  correct({ first, count, crc }: { first: number; count: number; crc: number }): Correctness {
    const contents = this.#payloads.map((payload) => this.#framing.textOf(payload));
    const numbers = contents.map((text) => Number(text.slice(1, text.indexOf('|', 1))));
    const distinct = new Set(numbers).size;
    const damaged = contents.reduce((sum, text) => crc32(text, sum), 0) === crc ? 0 : 1;
    const received = numbers.length;
    const reordered = numbers.filter((n, at) => n !== first + at).length;
    return {
      ...{ expected: count, received, duplicated: received - distinct },
      lost: Math.max(0, count - distinct) + (received === count && reordered === 0 ? damaged : 0),
      reordered: received === count ? reordered : 0,
    };
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #hear(chunk: Buffer): void {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    let at = 0;
    const { frameAt } = this.#framing;
    for (let frame = frameAt(bytes, at); frame; frame = frameAt(bytes, at)) {
      at = frame.next ?? frame.end;
      if (frame.reply) this.#socket.write(frame.reply);
      if (!frame.isText) continue;
      this.#frames += 1;
      const payload = bytes.subarray(frame.begin, frame.end);
      this.#crc = crc32(payload, this.#crc);
      if (this.#isWitness) this.#payloads.push(payload.toString());
    }
    this.#rest = at < bytes.length ? Buffer.from(bytes.subarray(at)) : nothing;
    this.#heardAt = monotonicMs();
  }
}
