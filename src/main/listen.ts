import { once } from 'node:events';
import { createServer, type Server } from 'node:http';

/** The same server on one more port. */
export async function alsoListen(server: Server, host: string, port: number): Promise<AsyncDisposable> {
  const more = createServer();
  more.on('request', (...given) => server.emit('request', ...given));
  more.on('upgrade', (...given) => server.emit('upgrade', ...given));
  more.listen(port, host);
  await once(more, 'listening');
  return {
    [Symbol.asyncDispose]: async () => {
      more.close();
      more.closeAllConnections();
      await once(more, 'close');
    },
  };
}
