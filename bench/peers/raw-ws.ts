// The simplest WebSocket server for the same work: `ws` without compression. Each event is serialised once, and every
// socket gets the same bytes.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ProgramMethods } from '../lib/calls/child-process.ts';
import { type EmissionPlan, emitEvents } from '../lib/calls/emit.ts';

// The same length as Corral's own ids.
const session_id = '0123456789abcdef';
const message_id = '00000000-0000-4000-8000-000000000000';

export async function open(_none: unknown, stack: AsyncDisposableStack): Promise<ProgramMethods> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false, clientTracking: false });
  await once(server, 'listening');
  const sockets = new Set<WebSocket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.send('{"type":"connection_established"}');
  });
  let seq = 1;

  function put(content: string): void {
    const frame = { type: 'text_delta', session_id, role: 'assistant', message_id, content, seq: ++seq };
    const bytes = Buffer.from(JSON.stringify({ ...frame, timestamp: new Date().toISOString() }));
    for (const socket of sockets) socket.send(bytes, { binary: false });
  }

  stack.defer(() => {
    for (const socket of sockets) socket.terminate();
    server.close();
  });
  return {
    listen: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    emit: (emission: EmissionPlan) => emitEvents(emission, (_n, text) => void put(text)),
  };
}
