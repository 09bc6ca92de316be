import { connect, type Socket } from 'node:net';
import { AppError } from '../../../src/core/errors/errors.ts';

// Implements only the parts of the X protocol that screenshots and input need.

export interface X11Screen {
  readonly root: number;
  readonly width: number;
  readonly height: number;
  readonly minKeycode: number;
  readonly maxKeycode: number;
}
export interface X11Connection extends Disposable {
  readonly screen: X11Screen;
  /** Send only requests that have no reply. The display handles requests in order. */
  send(request: Buffer): void;
  ask(request: Buffer): Promise<Buffer>;
  /** Undefined if the display lacks the extension. */
  extension(name: string): Promise<number | undefined>;
  atom(name: string): Promise<number>;
  /** Receives messages from other programs until the returned function is called. */
  onMessage(hear: (event: Buffer) => void): () => void;
}
export interface DisplayAddress {
  readonly socket: string;
  readonly cookie: Buffer;
}

const authName = Buffer.from('MIT-MAGIC-COOKIE-1');
export const clientMessageEventType = 33;
const head = 32; // minimum size of a reply, event or error, in bytes

export async function connectDisplay({ socket: path, cookie }: DisplayAddress): Promise<X11Connection> {
  const socket = connect(path);
  const inbox = receiver(socket);
  socket.write(setup(cookie));
  const screen = readScreen(await inbox.setup);

  let sent = 0;
  const send = (request: Buffer) => {
    sent = (sent + 1) & 0xffff;
    socket.write(request);
  };
  const ask = (request: Buffer) => {
    send(request);
    return inbox.answer(sent);
  };
  return {
    screen,
    send,
    ask,
    onMessage(hear) {
      inbox.hearing.add(hear);
      return () => void inbox.hearing.delete(hear);
    },
    async atom(name) {
      const answer = await ask(
        encodeX11Request(16, 0, Buffer.concat([encodeUint16(name.length, 0), pad(Buffer.from(name))])),
      );
      return answer.readUInt32LE(8);
    },
    async extension(name) {
      const answer = await ask(
        encodeX11Request(98, 0, Buffer.concat([encodeUint16(name.length, 0), pad(Buffer.from(name))])),
      );
      return answer[8] === 1 ? answer[9] : undefined;
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

export function encodeX11Request(opcode: number, data: number, body: Buffer = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.alloc(4 + body.length);
  bytes.writeUInt8(opcode, 0);
  bytes.writeUInt8(data, 1);
  bytes.writeUInt16LE(bytes.length / 4, 2);
  body.copy(bytes, 4);
  return bytes;
}
export function encodeUint16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [at, value] of values.entries()) bytes.writeUInt16LE(value & 0xffff, at * 2);
  return bytes;
}
export function encodeUint32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [at, value] of values.entries()) bytes.writeUInt32LE(value >>> 0, at * 4);
  return bytes;
}
const pad = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);

function setup(cookie: Buffer): Buffer {
  const order = Buffer.from([0x6c, 0]); // little-endian, then an unused byte
  return Buffer.concat([order, encodeUint16(11, 0, authName.length, cookie.length, 0), pad(authName), pad(cookie)]);
}

function readScreen(data: Buffer): X11Screen {
  if (data[0] !== 1) throw new AppError('sandbox_unavailable', 'The display refused the connection.');
  const vendor = data.readUInt16LE(24);
  const formats = data.readUInt8(29);
  const at = 40 + vendor + (-vendor & 3) + 8 * formats;
  return {
    root: data.readUInt32LE(at),
    width: data.readUInt16LE(at + 20),
    height: data.readUInt16LE(at + 22),
    minKeycode: data.readUInt8(34),
    maxKeycode: data.readUInt8(35),
  };
}

function receiver(socket: Socket) {
  const requests = new Map<number, PromiseWithResolvers<Buffer>>();
  const hearing = new Set<(event: Buffer) => void>();
  const first = Promise.withResolvers<Buffer>();
  first.promise.catch(() => {});
  let isSetUp = false;
  let parts: Buffer[] = [];
  let size = 0;
  let target = 8;

  const cut = () => {
    const bytes = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
    let at = 0;
    for (;;) {
      const rest = bytes.length - at;
      target = rest < (isSetUp ? head : 8) ? (isSetUp ? head : 8) : lengthOf(bytes, at, isSetUp);
      if (rest < target) break;
      take(bytes.subarray(at, at + target));
      at += target;
    }
    parts = at < bytes.length ? [bytes.subarray(at)] : [];
    size = bytes.length - at;
  };
  const take = (message: Buffer) => {
    if (!isSetUp) {
      isSetUp = true;
      return first.resolve(message);
    }
    const kind = message[0];
    if (kind !== 0 && kind !== 1) {
      if (((kind ?? 0) & 0x7f) === clientMessageEventType) for (const hear of hearing) hear(message);
      return;
    }
    const sequence = message.readUInt16LE(2);
    const waiting = requests.get(sequence);
    requests.delete(sequence);
    if (kind === 1) waiting?.resolve(message);
    else waiting?.reject(new Error(`the display refused: error ${message[1]}`));
  };
  socket.on('data', (chunk) => {
    parts.push(chunk);
    size += chunk.length;
    if (size >= target) cut();
  });
  socket.on('error', () => {});
  socket.once('close', () => {
    const gone = new AppError('sandbox_unavailable', 'The display is gone.');
    first.reject(gone);
    for (const waiting of requests.values()) waiting.reject(gone);
    requests.clear();
  });
  return {
    setup: first.promise,
    hearing,
    answer(sequence: number): Promise<Buffer> {
      const waiting = Promise.withResolvers<Buffer>();
      if (socket.destroyed) waiting.reject(new AppError('sandbox_unavailable', 'The display is gone.'));
      else requests.set(sequence, waiting);
      return waiting.promise;
    },
  };
}

function lengthOf(bytes: Buffer, at: number, isSetUp: boolean): number {
  if (!isSetUp) return 8 + 4 * bytes.readUInt16LE(at + 6);
  const kind = bytes.readUInt8(at) & 0x7f;
  return kind === 1 || kind === 35 ? head + 4 * bytes.readUInt32LE(at + 4) : head;
}
