import { connect, createServer, type Server, type Socket } from 'node:net';

/** A loopback port whose connections all go to one Unix socket: what HTTP(S)_PROXY points at. */
export function forwarder(port: number, socketPath: string, log: (text: string) => void): Server {
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ path: socketPath, allowHalfOpen: true });
    join(near, far);
    join(far, near);
  });
  server.on('error', (error) => log(`nothing forwards 127.0.0.1:${port}: ${error.message}`));
  return server.listen(port, '127.0.0.1');
}

/** `pipe` holds back and passes on the end of one direction alone; a failure ends both. */
function join(from: Socket, to: Socket): void {
  from.setNoDelay?.(true);
  from.pipe(to);
  from.on('error', () => to.destroy());
  from.on('close', () => {
    if (!from.readableEnded) to.destroy();
  });
}
