import { pause } from '../../core/concurrency/cancel.ts';
import { type AppError, toAppError } from '../../core/errors/errors.ts';
import type { Secret } from '../../core/text/secret.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Config } from '../settings/config.ts';
import { unavailableServer } from './unavailable-server.ts';

interface Options {
  readonly config: Pick<Config, 'mongodbUrl' | 'host' | 'port'>;
  readonly logger: Pick<Logger, 'warn'>;
  /** Fires when the server has to stop, and ends the wait. */
  readonly closing: AbortSignal;
  readonly say: (text: string) => void;
}

/**
 * Retries while MongoDB is unreachable or too slow. Clients learn the reason in the meantime. Rejects
 * with every other error, and with cancelled when the server has to stop.
 */
export async function onceStoreAnswers<Made>(
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
      const reason = `MongoDB at ${hostsOf(url)} does not answer. The server waits for it and starts when it appears.`;
      if (wait === 250) {
        say(reason);
        logger.warn({ err: error }, 'the store is unavailable; waiting for it');
        stack.use(await unavailableServer({ host, port, reason }));
      }
      await pause(wait, closing);
    }
  }
}

const isAway = ({ code }: AppError): boolean => code === 'store_unavailable' || code === 'store_busy';

/** The address without its user and password. */
const hostsOf = (url: Secret): string =>
  /^mongodb(?:[+]srv)?:[/][/](?:[^@/]*@)?([^/?]+)/.exec(url.reveal())?.[1] ?? '?';
