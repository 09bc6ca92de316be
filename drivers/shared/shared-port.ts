import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';

/** The sockets that listen at a shared port. */
const sockets = 8;

/** Whether several sockets can listen at one port. Every other program of this process's user can join them. */
export const canSharePorts: boolean = process.platform === 'linux';

/** Rejects as `listen` does if the port is taken. A socket that shares its port would not notice. */
export async function tryPort(host: string, port: number): Promise<void> {
  if (port === 0) return;
  const server = createServer().listen({ host, port });
  await once(server, 'listening');
  await close(server);
}

export interface MoreSockets {
  /** From now on no connection is accepted. Resolves when the last one has ended. */
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
  for (const one of opened) one.on('error', () => {}); // such as EMFILE on accept: a later connection can succeed
  stack.move(); // open from now on, until `close`
  return { close: async () => void (await Promise.all(opened.map(close))) };
}

async function close(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve()); // also when it listens no more
  await promise;
}
