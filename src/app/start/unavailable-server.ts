import { once } from 'node:events';
import { createServer } from 'node:http';
import { listening } from './listen.ts';

interface Options {
  readonly host: string;
  readonly port: number;
  /** The reason for the wait, which clients get in the meantime. */
  readonly reason: string;
}

/**
 * Answers clients while the server waits for its store: `/healthz` succeeds, `/readyz` and `/health` report not ready,
 * and other requests get a retryable error. Disposing frees the port.
 */
export async function unavailableServer({ host, port, reason }: Options): Promise<AsyncDisposable> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    const isHealth = path === '/health' || path === '/readyz' || path === '/health/detailed';
    const error = { code: 'store_unavailable', message: reason, retryable: true };
    const body =
      path === '/healthz' ? { status: 'starting' } : isHealth ? { status: 'unhealthy', detail: reason } : { error };
    request.resume();
    response.writeHead(path === '/healthz' ? 200 : 503, {
      'content-type': 'application/json',
      connection: 'close',
      'retry-after': '2',
    });
    response.end(JSON.stringify(body));
  });
  server.listen({ host, port });
  await listening({ host, port }, () => once(server, 'listening'));
  return {
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close').catch(() => {});
    },
  };
}
