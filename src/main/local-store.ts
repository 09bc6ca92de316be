import { join, resolve } from 'node:path';
import { systemClock } from '../core/clock.ts';
import { randomIds } from '../core/ids.ts';
import type { Store } from '../core/ports.ts';
import { withLargeFacts } from '../store/large/large-facts.ts';
import { mongoStore } from '../store/mongo/store.ts';
import { sqliteStore } from '../store/sqlite/store.ts';
import { closeBlobs, openBlobs } from './blobs.ts';
import { openDataFolder } from './data-folder.ts';
import { localConfig } from './local-config.ts';
import { mustExist } from './store.ts';

/** The configured store, for a command. Rejects at once when it is not there: a command does not wait for it. */
export async function localStore({ mayBegin }: { readonly mayBegin: boolean }): Promise<Store> {
  const config = localConfig();
  const { mongodbUrl: url } = config;
  const dataDir = resolve(config.dataDir);
  const path = join(dataDir, 'corral.db');
  if (mayBegin) openDataFolder(dataDir);
  else if (!url) mustExist(path);
  await using stack = new AsyncDisposableStack();
  const bare = stack.use(url ? await mongoStore({ url }) : await sqliteStore({ path }));
  await bare.settle();
  const blobs = stack.adopt(await openBlobs({ ...config, dataDir }, systemClock), closeBlobs);
  const { store } = withLargeFacts({ store: bare, blobs, newId: randomIds().short, now: systemClock.now });
  const held = stack.move();
  return { ...store, [Symbol.asyncDispose]: () => held.disposeAsync() };
}
