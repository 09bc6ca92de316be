import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { pause } from '../core/cancel.ts';
import { AppError, toAppError } from '../core/errors.ts';
import type { Store } from '../core/ports.ts';
import { Secret } from '../core/secret.ts';
import type { Logger } from '../observability/logger.ts';
import { memoryStore } from '../store/memory/store.ts';
import { sqliteStore } from '../store/sqlite/store.ts';
import { unavailableServer } from './unavailable-server.ts';

interface Options {
  readonly config: Pick<Config, 'mongodbUrl' | 'dataDir' | 'host' | 'port' | 'history'>;
  readonly logger: Pick<Logger, 'warn' | 'info'>;
  /** Fires when the server has to stop, and ends the wait. */
  readonly closing: AbortSignal;
  readonly say: (text: string) => void;
}

/** Opens the configured store. Waits for a database that is away; clients learn the reason meanwhile. */
export async function openStore({ config, logger, closing, say }: Options): Promise<Store> {
  const { mongodbUrl: url, dataDir, host, port, history } = config;
  if (history === 'memory') {
    const text =
      'The history is kept in memory only (CORRAL_HISTORY=memory): every session is gone when the server stops.';
    say(text);
    logger.warn({}, text);
    return memoryStore();
  }
  if (!url) return await sqliteStore({ path: join(dataDir, 'corral.db') });
  const { mongoStore } = await import('../store/mongo/store.ts'); // loads the slow driver only when it is used
  await using stack = new AsyncDisposableStack();
  for (let wait = 250; ; wait = Math.min(2 * wait, 2_000)) {
    try {
      return await mongoStore({ url });
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error.code !== 'store_unavailable') throw error;
      if (wait === 250) {
        const reason = `MongoDB at ${hostsOf(url)} does not answer. The server waits for it and starts when it appears.`;
        say(reason);
        logger.warn({ err: error }, 'the store is away; waiting for it');
        stack.use(await unavailableServer({ host, port, reason }));
      }
      await pause(wait, closing);
    }
  }
}

/** For commands that only read a store: a mistyped path must not create a new, empty one. */
export function mustExist(path: string): void {
  if (existsSync(path)) return;
  const advice = 'Set CORRAL_DATA_DIR to the data folder of the server, or MONGODB_URL to its database.';
  throw new AppError('file_not_found', `There is no store ${path}. ${advice}`);
}

/** The address without its user and password. */
export const hostsOf = (url: Secret): string =>
  /^mongodb(?:[+]srv)?:[/][/](?:[^@/]*@)?([^/?]+)/.exec(url.reveal())?.[1] ?? '?';

/** The parts of the address that are never printed: the whole address, and its password. */
export function secretsIn(url: Secret | undefined): Secret[] {
  const password = /^mongodb(?:[+]srv)?:[/][/][^@/:]*:([^@/]+)@/.exec(url?.reveal() ?? '')?.[1];
  if (!url || !password) return url ? [url] : [];
  return [url, new Secret(password), new Secret(decodeURIComponent(password))];
}
