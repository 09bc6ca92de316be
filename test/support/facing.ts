import { once } from 'node:events';
import { Agent } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { Secret } from '../../src/core/text/secret.ts';
import type { SandboxClient } from '../../src/sandboxes/client/client.ts';
import { createSandboxClient } from '../../src/sandboxes/client/http-client.ts';

/** A client of a server that answers each connection with `answer`. */
export async function facing(
  answer: (socket: Socket, connection: number) => void,
  lost?: AbortSignal,
): Promise<SandboxClient> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    answer(socket, sockets.size);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const agent = new Agent({ keepAlive: true });
  agent.createConnection = () => connect((server.address() as AddressInfo).port, '127.0.0.1');
  onTestFinished(() => {
    agent.destroy();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return createSandboxClient({ agent, token: new Secret('t'), workdir: '/workspace', ...(lost && { lost }) });
}

export const http = (body: string, more = '') =>
  `HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${more}\r\n${body}`;

export const saying = (answer: string | Buffer) =>
  facing((socket) => void socket.once('data', () => socket.end(answer)));
