import type { Duplex } from 'node:stream';
import type { AppError } from '../../src/core/errors.ts';
import type { PouringSocket } from './pouring.ts';

/** What a connection turns into that carries raw bytes both ways: no frames, no masks, held back by who does not read. */
export const protocol = 'corral-stream';
const mostWaiting = 1024 * 1024;

/** Gives the connection to the stream, until one of the two ends. */
export function joinStream(connection: Duplex, stream: Duplex, touch: () => void): void {
  if (connection.destroyed) return void stream.destroy();
  connection.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${protocol}\r\n\r\n`);
  connection.on('data', touch); // whoever sends something uses the sandbox
  for (const [from, to] of [
    [connection, stream],
    [stream, connection],
  ] as const) {
    pour(from, to);
    from.on('error', () => {}); // its close says the rest
    from.once('close', () => to.destroy());
  }
}

/**
 * Like `pipe`, but reading goes on while there is room: a screen is written in megabytes, and `pipe` would have both
 * programs and us take turns for each 64 KiB of it, which costs most where the processors are busy.
 */
function pour(from: Duplex | PouringSocket, to: Duplex): void {
  from.once('end', () => to.end());
  if ('pourInto' in from) {
    from.pourInto(to);
    return;
  }
  const took = () => {
    if (from.isPaused() && to.writableLength < mostWaiting) from.resume();
  };
  from.on('data', (chunk: Buffer) => {
    if (to.writableEnded) return;
    to.write(chunk, took);
    if (to.writableLength >= mostWaiting) from.pause();
  });
}

/** There is no response object on a connection that asked for another protocol. */
export function refuseStream(connection: Duplex, status: number, error: AppError): void {
  const body = JSON.stringify({ error: { code: error.code, message: error.publicMessage } });
  const head = [
    `HTTP/1.1 ${status} Refused`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  connection.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
