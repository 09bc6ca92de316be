import { once } from 'node:events';
import { createServer } from 'node:http';
import { sleep } from '../../core/concurrency/cancel.ts';
import { type AppError, toAppError } from '../../core/errors/errors.ts';
import type { Secret } from '../../core/text/secret.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Config } from '../settings/config.ts';
import { listenWithAdvice } from './listen.ts';

interface UnavailableServer {
  readonly host: string;
  readonly port: number;
  readonly reason: string;
}

/** `/healthz` succeeds; all other requests get 503. Dispose the result to free the port. */
async function unavailableServer({ host, port, reason }: UnavailableServer): Promise<AsyncDisposable> {
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
  await listenWithAdvice({ host, port }, () => once(server, 'listening'));
  return {
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close').catch(() => {});
    },
  };
}

interface Options {
  readonly config: Pick<Config, 'mongodbUrl' | 'host' | 'port'>;
  readonly logger: Pick<Logger, 'warn'>;
  readonly closing: AbortSignal;
  readonly say: (text: string) => void;
}

/** Retries only while MongoDB is unavailable or overloaded. Rejects with cancelled on shutdown. */
export async function waitForStore<Made>(
  make: () => Promise<Made>,
  { config, logger, closing, say }: Options,
): Promise<Made> {
  const { mongodbUrl: url, host, port } = config;
  await using stack = new AsyncDisposableStack();
  for (let wait = 250; ; wait = Math.min(2 * wait, 2_000)) {
    try {
      return await make();
    } catch (thrown) {
      const error = toAppError(thrown);
      if (!url || closing.aborted || !isAway(error)) throw error;
      const reason = `MongoDB at ${toHosts(url)} does not answer. The server waits for it and starts once it is available.`;
      if (wait === 250) {
        say(reason);
        logger.warn({ err: error }, 'the store is unavailable; waiting for it');
        stack.use(await unavailableServer({ host, port, reason }));
      }
      await sleep(wait, closing);
    }
  }
}

const isAway = ({ code }: AppError): boolean => code === 'store_unavailable' || code === 'store_busy';

const toHosts = (url: Secret): string =>
  /^mongodb(?:[+]srv)?:[/][/](?:[^@/]*@)?([^/?]+)/.exec(url.reveal())?.[1] ?? '?';
