import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { monotonicMs } from './generator.ts';
import { clientFrame, serverFrame, upgradeRequest } from './ws-frames.ts';

/** One call, as the bytes of its request, over HTTP or over an open WebSocket. */
export interface Call {
  readonly over: 'http' | 'ws';
  readonly url: string;
  /** The message to send over the WebSocket; undefined for HTTP. */
  readonly frame?: object;
  /** The server sends the first WebSocket message. */
  readonly isGreeted?: true;
  /** Each answer must contain this text; any other answer ends the measurement. */
  readonly holds: string;
}

const nothing = Buffer.alloc(0);
const headEnd = '\r\n\r\n';

/**
 * A client with one keep-alive connection and one open call at a time. It is a bare socket, so that it costs the same
 * for every server.
 */
export class Line implements Disposable {
  readonly #socket: Socket;
  readonly #call: Call;
  readonly #request: Buffer;
  #got: Buffer = nothing;
  #answered: ((answer: string) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  private constructor(socket: Socket, call: Call) {
    this.#socket = socket;
    this.#call = call;
    const { host, pathname, search } = new URL(call.url);
    this.#request = call.frame
      ? clientFrame(JSON.stringify(call.frame))
      : Buffer.from(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nAccept: application/json${headEnd}`);
  }

  static async open(call: Call): Promise<Line> {
    const { hostname, port } = new URL(call.url);
    const socket = connect(Number(port), hostname).setNoDelay(true);
    await once(socket, 'connect');
    const line = new Line(socket, call);
    if (call.over === 'ws') await line.#upgrade();
    const greeting = call.isGreeted && line.#expect();
    socket.on('data', (chunk: Buffer) => line.#hear(chunk));
    socket.on('close', () => line.#failed?.(new Error(`${call.url} closed the connection`)));
    await greeting;
    return line;
  }

  /** How long the call took, in ms. */
  async ask(): Promise<number> {
    const coming = this.#expect();
    const from = monotonicMs();
    this.#socket.write(this.#request);
    const answer = await coming;
    const took = monotonicMs() - from;
    if (!answer.includes(this.#call.holds)) throw new Error(`${this.#call.url} answered ${answer.slice(0, 300)}`);
    return took;
  }

  [Symbol.dispose](): void {
    this.#failed = undefined;
    this.#socket.destroy();
  }

  #expect(): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.#answered = resolve;
    this.#failed = reject;
    if (this.#socket.destroyed) reject(new Error(`${this.#call.url} closed the connection earlier`));
    return promise;
  }

  async #upgrade(): Promise<void> {
    this.#socket.write(upgradeRequest(this.#call.url));
    let head = nothing;
    while (!head.includes(headEnd)) head = Buffer.concat([head, ...((await once(this.#socket, 'data')) as [Buffer])]);
    if (!head.toString('latin1').startsWith('HTTP/1.1 101')) throw new Error(`${this.#call.url}: ${head.toString()}`);
    this.#socket.unshift(head.subarray(head.indexOf(headEnd) + headEnd.length));
  }

  #hear(chunk: Buffer): void {
    this.#got = this.#got.length > 0 ? Buffer.concat([this.#got, chunk]) : chunk;
    if (this.#call.over === 'http') this.#hearHttp();
    else this.#hearFrames();
  }

  #hearHttp(): void {
    const head = this.#got.indexOf(headEnd);
    if (head < 0) return;
    const length = /\r\ncontent-length: (\d+)/i.exec(this.#got.toString('latin1', 0, head))?.[1];
    if (length === undefined) {
      this.#failed?.(new Error(`${this.#call.url} did not say how long its answer is`));
      return;
    }
    const end = head + headEnd.length + Number(length);
    if (this.#got.length < end) return;
    const answer = this.#got.toString('utf8', 0, end);
    this.#got = nothing;
    this.#answered?.(answer.startsWith('HTTP/1.1 200') ? answer : `no 200: ${answer.replace(this.#call.holds, '')}`);
  }

  #hearFrames(): void {
    let at = 0;
    for (let frame = serverFrame(this.#got, at); frame; frame = serverFrame(this.#got, at)) {
      const text = this.#got.toString('utf8', frame.begin, frame.end);
      at = frame.end;
      if (frame.isText) this.#answered?.(text);
      if (frame.reply) this.#socket.write(frame.reply);
    }
    this.#got = at < this.#got.length ? this.#got.subarray(at) : nothing;
  }
}

/** Makes this many calls in all; each line sends the next call as soon as it has its answer. */
export async function askAll(lines: readonly Line[], calls: number): Promise<number[]> {
  return await inTurns(lines.length, calls, (n) => (lines[n] as Line).ask());
}

/** The times of this many calls by this many clients; each client sends the next call as soon as it has its answer. */
export async function inTurns(
  clients: number,
  calls: number,
  call: (client: number) => Promise<number>,
): Promise<number[]> {
  const samples: number[] = [];
  let left = calls;
  const client = async (n: number) => {
    while (left-- > 0) samples.push(await call(n));
  };
  await Promise.all(Array.from({ length: clients }, (_, n) => client(n)));
  return samples;
}
