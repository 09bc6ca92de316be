import type { FrameAt, Framing } from './listener.ts';

// The part of RFC 6455 that a client on a bare socket needs.

/** The HTTP request for a WebSocket. */
export function upgradeRequest(url: string): string {
  const { host, pathname, search } = new URL(url);
  const head = [
    `GET ${pathname}${search} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${Buffer.alloc(16, 'bench').toString('base64')}`,
  ];
  return `${head.join('\r\n')}\r\n\r\n`;
}

/** A client's answer to a ping without a payload. Servers end connections that miss pings, as rows of minutes would. */
const pong = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

const opcodes = { text: 1, ping: 9 };

/** The server's frame at this offset; undefined while it is incomplete. */
export function serverFrame(bytes: Buffer, from: number): FrameAt | undefined {
  const short = bytes.length > from + 1 ? (bytes[from + 1] as number) : undefined;
  if (short === undefined) return undefined;
  const headBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < from + headBytes) return undefined;
  const size =
    short < 126 ? short : short === 126 ? bytes.readUInt16BE(from + 2) : Number(bytes.readBigUInt64BE(from + 2));
  const begin = from + headBytes;
  if (bytes.length < begin + size) return undefined;
  const opcode = (bytes[from] as number) & 0x0f;
  const reply = opcode === opcodes.ping ? pong : undefined;
  return { isText: opcode === opcodes.text, begin, end: begin + size, reply };
}

/** Corral's conversation socket and the peer's: JSON with the text as `content`. */
export const webSocketFraming: Framing = {
  ...{ request: upgradeRequest, accepts: 101, greets: true, frameAt: serverFrame },
  textOf: (payload) => JSON.parse(payload).content,
};
