import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { BlobStore } from '../../core/contracts/blobs.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { Store } from '../../core/contracts/ports.ts';
import { AppError } from '../../core/errors/errors.ts';
import { Secret } from '../../core/text/secret.ts';
import type { Logger } from '../../observability/logger.ts';
import { openLocalBlobs, openMountedBlobs } from '../../storage/blobs/folder.ts';
import { prepareDataFolder } from '../../storage/data-folder.ts';
import { createInMemoryStore } from '../../storage/memory/store.ts';
import { openSqliteStore } from '../../storage/sqlite/store.ts';
import type { Config } from '../settings/config.ts';

interface Options {
  readonly config: Pick<Config, 'mongodbUrl' | 'dataDir' | 'history'>;
  readonly logger: Pick<Logger, 'warn'>;
  readonly say: (text: string) => void;
}

/**
 * Rejects with store_unavailable (unreachable or unusable), store_busy (in use by another server, or overloaded),
 * store_corrupt, or unsupported (written by a newer Corral).
 */
export async function openStore({ config, logger, say }: Options): Promise<Store> {
  const { mongodbUrl: url, dataDir, history } = config;
  if (history === 'memory') {
    const text =
      'The history is kept in memory only (CORRAL_HISTORY=memory): every session is lost when the server stops.';
    say(text);
    logger.warn({}, text);
    return createInMemoryStore();
  }
  if (!url) return await openSqliteStore({ path: join(dataDir, 'corral.db') });
  const { openMongoStore } = await import('../../storage/mongo/store.ts'); // the MongoDB driver is slow to load
  return await openMongoStore({ url });
}

interface CommandStoreOptions {
  readonly mayBegin?: boolean;
  readonly inUse?: string;
}
/** Rejects as `openStore` does, and with file_not_found if there is no local store and `mayBegin` is false. */
export async function openCommandStore(
  { mongodbUrl: url, dataDir }: Pick<Config, 'mongodbUrl' | 'dataDir'>,
  { mayBegin = false, inUse }: CommandStoreOptions = {},
): Promise<Store> {
  const path = join(dataDir, 'corral.db');
  if (mayBegin) prepareDataFolder(dataDir);
  else if (!url) assertStoreExists(path);
  if (url) return await (await import('../../storage/mongo/store.ts')).openMongoStore({ url });
  return await openSqliteStore({ path }).catch((thrown: unknown) => {
    if (inUse === undefined || !(thrown instanceof AppError && thrown.code === 'store_busy')) throw thrown;
    throw new AppError('store_busy', `${thrown.publicMessage} ${inUse}`, { cause: thrown });
  });
}

/** A mistyped path must not create a new, empty store. */
export function assertStoreExists(path: string): void {
  if (existsSync(path)) return;
  const advice = 'Set CORRAL_DATA_DIR to the data folder of the server, or MONGODB_URL to its database.';
  throw new AppError('file_not_found', `There is no store ${path}. ${advice}`);
}

export function listUrlSecrets(url: Secret | undefined): Secret[] {
  const password = /^mongodb(?:[+]srv)?:[/][/][^@/:]*:([^@/]+)@/.exec(url?.reveal() ?? '')?.[1];
  if (!url || !password) return url ? [url] : [];
  return [url, new Secret(password), new Secret(decodeURIComponent(password))];
}

export async function openBlobStore(
  { storage: { kind, path, s3 }, dataDir, mongodbUrl: url }: Pick<Config, 'storage' | 'dataDir' | 'mongodbUrl'>,
  clock: Clock,
): Promise<BlobStore & Partial<Disposable & AsyncDisposable>> {
  if (url && (kind === 'auto' || kind === 'mongo')) {
    const { createMongoBlobs } = await import('../../storage/mongo/blobs.ts'); // the MongoDB driver is slow to load
    return createMongoBlobs({ url }, clock.now);
  }
  if (kind === 'volume') return openMountedBlobs(`${path}`, clock.now());
  if (kind !== 's3') return openLocalBlobs(path ?? join(dataDir, 'files'), clock.now());
  const { openS3Blobs } = await import('../../storage/blobs/s3/s3.ts');
  const { endpoint, region, bucket, prefix, accessKeyId, secretAccessKey } = s3;
  return openS3Blobs({
    endpoint,
    region,
    bucket: `${bucket}`,
    prefix,
    accessKeyId: accessKeyId?.reveal() ?? '',
    secretAccessKey: secretAccessKey as Secret, // checked when the settings are loaded
    spoolFolder: join(dataDir, 'incoming'),
    now: clock.now(),
  });
}

export async function closeBlobStore(blobs: BlobStore & Partial<Disposable & AsyncDisposable>): Promise<void> {
  await blobs[Symbol.asyncDispose]?.();
  blobs[Symbol.dispose]?.();
}
