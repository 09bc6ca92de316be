import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';

const sockets = 8;

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  readonly reusePort?: boolean;
}
export interface SharedPort<First> {
  readonly first: First;
  /** Closes the sockets other than the server's own. Resolves when their connections have ended. */
  close(): Promise<void>;
}

/**
 * On Linux, uses several sockets, because Node accepts only one connection per socket in each event loop turn. Other
 * programs of the same user can share the port. Rejects if the port is taken.
 */
export async function listenOnSharedPort<First>(
  server: Server,
  { host, port }: Omit<ListenAddress, 'reusePort'>,
  open: (place: ListenAddress) => Promise<First>,
): Promise<SharedPort<First>> {
  if (process.platform !== 'linux') return { first: await open({ host, port }), close: async () => {} };
  await tryPort(host, port);
  const first = await open({ host, port, reusePort: true });
  const more = await openMore(server, host);
  return { first, close: async () => void (await Promise.all(more.map(close))) };
}

/** A socket with `reusePort` would not detect that the port is taken. */
async function tryPort(host: string, port: number): Promise<void> {
  if (port === 0) return;
  const server = createServer().listen({ host, port });
  await once(server, 'listening');
  await close(server);
}

async function openMore(server: Server, host: string): Promise<readonly Server[]> {
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
  for (const one of opened) one.on('error', () => {}); // ignores errors such as EMFILE on accept: a later connection may succeed
  stack.move();
  return opened;
}

async function close(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  await promise;
}
