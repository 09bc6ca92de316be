// Requests the same desktop directly: hand-written HTTP on connections that the container's daemon dialled.

import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { type ByteChannel, CountingViewer } from '../lib/calls/rfb.ts';
import { monotonicMs } from '../lib/measure/generator.ts';
import type { RawContainer } from './raw-container.ts';

const lookMs = 20;

export async function startRawDesktop(container: RawContainer, width: number, height: number): Promise<number> {
  const first = await connection(container);
  const framed = screenOf(first, container.token).then(async (channel) => {
    using viewer = await CountingViewer.open(channel);
    await viewer.frame(width, height);
  });
  // The daemon dials a second connection once the first is in use.
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

/** The screen's bytes follow the response to the upgrade. */
async function screenOf(socket: Socket, token: string): Promise<ByteChannel> {
  socket.write(ask('/desktop/vnc', token, 'Connection: upgrade\r\nUpgrade: corral-stream\r\n'));
  let head = '';
  while (!head.includes('\r\n\r\n')) head += String((await once(socket, 'data'))[0]);
  socket.pause();
  socket.unshift(head.slice(head.indexOf('\r\n\r\n') + 4), 'latin1');
  return {
    send: (bytes) => socket.write(bytes),
    hear: (listener) => void socket.on('data', (chunk: string) => listener(Buffer.from(chunk, 'latin1'))).resume(),
    close: () => socket.destroy(),
  };
}

async function browserRuns(socket: Socket, token: string): Promise<void> {
  for (;;) {
    const answer = new Promise<string>((resolve) => socket.once('data', (text) => resolve(String(text))));
    socket.write(ask('/desktop/status', token));
    if ((await answer).includes('"browser":"running"')) return;
    await pause(lookMs);
  }
}
