import type { TestContext } from 'vitest';
import type { Store } from '../../../src/core/contracts/ports.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';
import { openSqliteStore } from '../../../src/storage/sqlite/store.ts';
import { hasAtomicUpdates, openMongo, skipMongo } from './mongo.ts';
import { type OpenStore, temporaryFolder } from './store.ts';

export async function openSqlite(): Promise<OpenStore> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(temporaryFolder());
  const store = stack.use(await openSqliteStore({ path: `${path}/corral.db` }));
  const held = stack.move();
  return { store, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** The stores of two servers, which share what is in them. */
const pairs = {
  memory: async () => {
    const store = createInMemoryStore({ shared: true });
    return { stores: [store, store] as const, [Symbol.asyncDispose]: async () => {} };
  },
  SQLite: async () => {
    const opened = await openSqlite();
    return { ...opened, stores: [opened.store, opened.store] as const };
  },
  MongoDB: async () => {
    await using stack = new AsyncDisposableStack();
    const one = stack.use(await openMongo());
    const two = stack.use(await openMongo({ database: one.database }));
    const held = stack.move();
    return { stores: [one.store, two.store] as const, [Symbol.asyncDispose]: () => held.disposeAsync() };
  },
};
type PairName = keyof typeof pairs;
export const storePairs = Object.keys(pairs) as PairName[];

/** The pair of this name. Skips where MongoDB, or what the test needs of it, is missing. */
export async function openPair(
  name: PairName,
  { skip }: Pick<TestContext, 'skip'>,
  needs: { readonly atomicUpdates?: boolean } = {},
): Promise<AsyncDisposable & { readonly stores: readonly [Store, Store] }> {
  if (name === 'MongoDB' && skipMongo) skip('needs TEST_MONGODB_URL, a server that speaks its protocol');
  if (name === 'MongoDB' && needs.atomicUpdates && !(await hasAtomicUpdates()))
    skip('this server loses one of two updates that expect the same version');
  return await pairs[name]();
}
