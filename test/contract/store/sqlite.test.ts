import { join } from 'node:path';
import { openSqliteStore } from '../../../src/storage/sqlite/store.ts';
import { temporaryFolder } from '../../support/stores/store.ts';
import { storeContract } from './contracts/store-contract.ts';

storeContract('sqlite', async () => {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(temporaryFolder());
  const store = stack.use(await openSqliteStore({ path: join(folder.path, 'corral.db') }));
  const held = stack.move();
  return { store, [Symbol.asyncDispose]: () => held.disposeAsync() };
});
