import type { Socket } from 'node:net';

const patienceMs = 5_000;

/** Parses the next chunk. Calls `found` with the line, or with undefined if there will be none. */
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
