import type { Duplex } from 'node:stream';
import type { AppError } from '../../../src/core/errors/errors.ts';
import type { DirectSocket } from './direct-socket.ts';

/** Raw bytes in both directions. A slow reader blocks the writer. */
export const streamProtocol = 'corral-stream';
const maxWaiting = 1024 * 1024;

export function acceptUpgrade(connection: Duplex, stream: Duplex, touch: () => void): void {
  if (connection.destroyed) return void stream.destroy();
  connection.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${streamProtocol}\r\n\r\n`);
  connection.on('data', touch);
  for (const [from, to] of [
    [connection, stream],
    [stream, connection],
  ] as const) {
    pour(from, to);
    from.on('error', () => {});
    from.once('close', () => to.destroy());
  }
}

/** Reads ahead. `pipe` alternates reads and writes, which is slow when the CPUs are busy. */
function pour(from: Duplex | DirectSocket, to: Duplex): void {
  from.once('end', () => to.end());
  if ('pourInto' in from) {
    from.pourInto(to);
    return;
  }
  const took = () => {
    if (from.isPaused() && to.writableLength < maxWaiting) from.resume();
  };
  from.on('data', (chunk: Buffer) => {
    if (to.writableEnded) return;
    to.write(chunk, took);
    if (to.writableLength >= maxWaiting) from.pause();
  });
}

export function rejectUpgrade(connection: Duplex, status: number, error: AppError): void {
  const body = JSON.stringify({ error: { code: error.code, message: error.publicMessage } });
  const head = [
    `HTTP/1.1 ${status} Refused`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  connection.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
