// The simplest relay between a person and a terminal: `ws`, one JSON frame each way, and the engine's attached stream.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import type { ProgramMethods } from '../lib/calls/child-process.ts';
import { openRawTerminal } from './raw-exec.ts';

export async function open({ container }: { container: string }, stack: AsyncDisposableStack): Promise<ProgramMethods> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  await once(server, 'listening');
  const terminal = await openRawTerminal(container, 'bash -i');
  server.on('connection', (socket) => {
    socket.on('message', (frame) => terminal.write(JSON.parse(String(frame)).data));
    terminal.on('data', (bytes) => socket.send(JSON.stringify({ type: 'shell_output', data: bytes.toString() })));
  });
  stack.defer(() => {
    terminal.destroy();
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return { listen: () => `ws://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
