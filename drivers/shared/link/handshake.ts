import type { Socket } from 'node:net';
import { z } from 'zod';
import { type JsonLimits, parseJsonWithinLimits } from '../../../src/core/text/json.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { hashDaemonToken } from './token.ts';

const patienceMs = 5_000;

/** Calls `found` with the line, or with undefined if no line will arrive. */
export type LineReader = (chunk: Buffer, found: (line: string | undefined) => void) => void;

/** Undefined if `read` finds no line, the peer disconnects, or 5 s pass. */
export async function readFirstLine(socket: Socket, read: LineReader): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const hear = (chunk: Buffer) => read(chunk, resolve);
  const give = () => resolve(undefined);
  const timer = setTimeout(give, patienceMs);
  socket.on('data', hear).once('close', give).once('end', give);
  const line = await promise;
  clearTimeout(timer);
  socket.off('data', hear).off('close', give).off('end', give);
  return line;
}

export const controlProtocolVersion = 1;

const maxLine = 4_096;
const helloLimits: JsonLimits = { maxBytes: maxLine, maxDepth: 4, maxValues: 20 };

const HelloLine = z.object({
  corral: z.int(),
  version: z.string().max(64),
  boot: z.string().max(64),
  token: z.string().max(256),
  /** True: the daemon opens no spare connection for health checks. Older daemons omit this field. */
  sparing: z.boolean().default(false),
});

export type HandshakeResult =
  | { readonly kind: 'ok'; readonly version: string; readonly boot: string; readonly sparing: boolean }
  | { readonly kind: 'mismatch'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * `refused`: a missing or invalid line, or a wrong token. Awaits `admitted` before answering, because the daemon can
 * start programs after the answer.
 */
export async function acceptHandshake(
  socket: Socket,
  token: Secret,
  admitted: () => Promise<void> = async () => {},
): Promise<HandshakeResult> {
  const line = await readFirstLine(socket, onlyLine());
  const greeting: HandshakeResult = line === undefined ? { kind: 'refused', reason: 'no hello' } : judge(line, token);
  if (greeting.kind !== 'ok') {
    socket.end(`no ${greeting.reason}\n`);
    return greeting;
  }
  await admitted();
  socket.write('ok\n');
  return greeting;
}

function judge(line: string, token: Secret): HandshakeResult {
  const hello = HelloLine.safeParse(parseJsonWithinLimits(line, helloLimits));
  if (!hello.success) return { kind: 'refused', reason: 'this server does not understand the hello message' };
  const { corral, version, boot, sparing } = hello.data;
  if (hello.data.token === hashDaemonToken(token)) {
    return {
      kind: 'mismatch',
      reason: `the daemon (${version}) is older than this server and cannot receive its token`,
    };
  }
  if (!token.equals(new Secret(hello.data.token))) return { kind: 'refused', reason: 'wrong token' };
  if (corral !== controlProtocolVersion) {
    const reason = `the daemon (${version}) speaks protocol version ${corral}, this server version ${controlProtocolVersion}`;
    return { kind: 'mismatch', reason };
  }
  return { kind: 'ok', version, boot, sparing };
}

function onlyLine(): LineReader {
  let text = '';
  return (chunk, found) => {
    text += chunk.toString('latin1');
    const end = text.indexOf('\n');
    if (end >= 0) found(end === text.length - 1 ? text.slice(0, end) : undefined);
    else if (text.length > maxLine) found(undefined);
  };
}
