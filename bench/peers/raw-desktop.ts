// The same desktop, requested directly: HTTP by hand on connections that the container's daemon dialled.

import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { monotonicMs } from '../lib/measure/generator.ts';
import type { RawContainer } from './raw-container.ts';

const lookMs = 20;

/** Resolves with the time when the screen's first frame had arrived and the browser had answered. */
export async function rawDesktop(container: RawContainer, frameBytes: number): Promise<number> {
  const framed = firstFrame(await connection(container), container.token, frameBytes);
  // The daemon dials another connection once this one is in use.
  const answered = connection(container).then((second) => browserRuns(second, container.token));
  await Promise.all([framed, answered]);
  return monotonicMs();
}

async function connection({ idle }: RawContainer): Promise<Socket> {
  for (;;) {
    const socket = idle.pop();
    if (socket) return socket;
    await pause(1);
  }
}

const ask = (path: string, token: string, more = '') =>
  `GET ${path} HTTP/1.1\r\nHost: sandbox\r\nAuthorization: Bearer ${token}\r\n${more}\r\n`;

async function firstFrame(socket: Socket, token: string, frameBytes: number): Promise<void> {
  let bytes = Buffer.alloc(0);
  let heard = () => {};
  socket.on('data', (chunk: string) => {
    bytes = Buffer.concat([bytes, Buffer.from(chunk, 'latin1')]);
    heard();
  });
  const take = async (count: number) => {
    while (bytes.length < count) await new Promise<void>((resolve) => (heard = resolve));
    const taken = bytes.subarray(0, count);
    bytes = bytes.subarray(count);
    return taken;
  };
  socket.write(ask('/desktop/vnc', token, 'Connection: upgrade\r\nUpgrade: corral-stream\r\n'));
  while (!bytes.includes('\r\n\r\n')) await new Promise<void>((resolve) => (heard = resolve));
  await take(bytes.indexOf('\r\n\r\n') + 4);
  await take(12);
  socket.write('RFB 003.008\n');
  await take(2);
  socket.write(Buffer.from([1]));
  await take(4);
  socket.write(Buffer.from([1]));
  const init = await take(24);
  await take(init.readUInt32BE(20));
  socket.write(Buffer.from([2, 0, 0, 1, 0, 0, 0, 0]));
  socket.write(Buffer.from([3, 0, 0, 0, 0, 0, init[0] ?? 0, init[1] ?? 0, init[2] ?? 0, init[3] ?? 0]));
  await take(frameBytes);
  socket.destroy();
}

async function browserRuns(socket: Socket, token: string): Promise<void> {
  for (;;) {
    const answer = new Promise<string>((resolve) => socket.once('data', (text) => resolve(String(text))));
    socket.write(ask('/desktop/status', token));
    if ((await answer).includes('"browser":"running"')) return;
    await pause(lookMs);
  }
}
