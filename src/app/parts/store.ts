import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Store } from '../../core/contracts/ports.ts';
import { AppError } from '../../core/errors/errors.ts';
import { Secret } from '../../core/text/secret.ts';
import type { Logger } from '../../observability/logger.ts';
import { createInMemoryStore } from '../../storage/memory/store.ts';
import { openSqliteStore } from '../../storage/sqlite/store.ts';
import type { Config } from '../settings/config.ts';

interface Options {
  readonly config: Pick<Config, 'mongodbUrl' | 'dataDir' | 'history'>;
  readonly logger: Pick<Logger, 'warn'>;
  readonly say: (text: string) => void;
}

/**
 * Rejects: store_unavailable (unreachable or unusable), store_busy (in use by another server, or overloaded), store_corrupt,
 * unsupported (written by a newer Corral).
 */
export async function openStore({ config, logger, say }: Options): Promise<Store> {
  const { mongodbUrl: url, dataDir, history } = config;
  if (history === 'memory') {
    const text =
      'The history is kept in memory only (CORRAL_HISTORY=memory): every session is gone when the server stops.';
    say(text);
    logger.warn({}, text);
    return createInMemoryStore();
  }
  if (!url) return await openSqliteStore({ path: join(dataDir, 'corral.db') });
  const { openMongoStore } = await import('../../storage/mongo/store.ts'); // loads the slow driver only on use
  return await openMongoStore({ url });
}

/** A mistyped path must not create a new, empty store. */
export function assertStoreExists(path: string): void {
  if (existsSync(path)) return;
  const advice = 'Set CORRAL_DATA_DIR to the data folder of the server, or MONGODB_URL to its database.';
  throw new AppError('file_not_found', `There is no store ${path}. ${advice}`);
}

/** The strings that are never printed: the whole address, and its password. */
export function listUrlSecrets(url: Secret | undefined): Secret[] {
  const password = /^mongodb(?:[+]srv)?:[/][/][^@/:]*:([^@/]+)@/.exec(url?.reveal() ?? '')?.[1];
  if (!url || !password) return url ? [url] : [];
  return [url, new Secret(password), new Secret(decodeURIComponent(password))];
}
