import { join, resolve } from 'node:path';
import { systemClock } from '../../core/contracts/clock.ts';
import type { Store } from '../../core/contracts/ports.ts';
import { createIdSource } from '../../core/model/ids.ts';
import { prepareDataFolder } from '../../storage/data-folder.ts';
import { openMongoStore } from '../../storage/mongo/store.ts';
import { withPayloadOffload } from '../../storage/payload-offload/payload-offload.ts';
import { openSqliteStore } from '../../storage/sqlite/store.ts';
import { closeBlobStore, openBlobStore } from '../parts/blobs.ts';
import { assertStoreExists } from '../parts/store.ts';
import { loadLocalConfig } from './local-config.ts';

/** Rejects immediately if the store is unavailable, because a command does not wait for it. */
export async function openLocalStore({ mayBegin }: { readonly mayBegin: boolean }): Promise<Store> {
  const config = loadLocalConfig();
  const { mongodbUrl: url } = config;
  const dataDir = resolve(config.dataDir);
  const path = join(dataDir, 'corral.db');
  if (mayBegin) prepareDataFolder(dataDir);
  else if (!url) assertStoreExists(path);
  await using stack = new AsyncDisposableStack();
  const bare = stack.use(url ? await openMongoStore({ url }) : await openSqliteStore({ path }));
  await bare.settle();
  const blobs = stack.adopt(await openBlobStore({ ...config, dataDir }, systemClock), closeBlobStore);
  const { store } = withPayloadOffload({ store: bare, blobs, newId: createIdSource().short, now: systemClock.now });
  const held = stack.move();
  return { ...store, [Symbol.asyncDispose]: () => held.disposeAsync() };
}
