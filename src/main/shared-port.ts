import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import type { Capabilities } from '../../drivers/driver.ts';

/** The sockets that listen at the server's port. */
const sockets = 8;

/**
 * Whether several sockets may listen at the server's port. Every program of the server's user can then join them, so not
 * where sandboxes are such programs.
 */
export const mayShare = (isolation: Capabilities['isolation']): boolean =>
  process.platform === 'linux' && isolation !== 'none';

/** Rejects as `listen` does if the port is taken. A socket that shares its port would not notice. */
export async function tryPort(host: string, port: number): Promise<void> {
  if (port === 0) return;
  const server = createServer().listen({ host, port });
  await once(server, 'listening');
  await close(server);
}

export interface MoreSockets {
  /** Accepts no more connections. Resolves when the last one has ended. */
  close(): Promise<void>;
}

/**
 * Opens more sockets at the port where the server listens with `reusePort`. Node accepts one connection per socket in a
 * turn of the event loop, so with a single one a busy server lets new clients, and probes of its health, wait for seconds.
 */
export async function shareWith(server: Server, host: string): Promise<MoreSockets> {
  const { port } = server.address() as AddressInfo;
  await using stack = new AsyncDisposableStack();
  const opened = Array.from({ length: sockets - 1 }, () =>
    stack.adopt(
      createServer({ allowHalfOpen: true, noDelay: true }, (socket) => void server.emit('connection', socket)),
      close,
    ),
  );
  for (const one of opened) one.listen({ host, port, reusePort: true });
  await Promise.all(opened.map((one) => once(one, 'listening')));
  for (const one of opened) one.on('error', (error) => void server.emit('error', error));
  stack.move(); // open from now on, until `close`
  return { close: async () => void (await Promise.all(opened.map(close))) };
}

async function close(server: ReturnType<typeof createServer>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve()); // also when it listens no more
  await promise;
}
