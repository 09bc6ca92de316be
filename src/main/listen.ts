import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { transport } from '../facades/shared/app.ts';

/** The same server on one more port. */
export async function alsoListen(
  server: Server,
  host: string,
  port: number,
): Promise<AsyncDisposable & { readonly port: number }> {
  const more = createServer(transport);
  more.maxHeadersCount = server.maxHeadersCount;
  more.on('request', (...given) => server.emit('request', ...given));
  more.on('upgrade', (...given) => server.emit('upgrade', ...given));
  more.on('clientError', (...given) => server.emit('clientError', ...given));
  more.listen(port, host);
  await once(more, 'listening');
  return {
    port: (more.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      more.close();
      more.closeAllConnections();
      await once(more, 'close');
    },
  };
}
