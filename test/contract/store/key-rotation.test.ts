import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createSecretSealer } from '../../../src/auth/vault.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import type { Store } from '../../../src/core/contracts/ports.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { createProviderKeyStore } from '../../../src/sessions/projects/provider-keys.ts';
import { openSqliteStore } from '../../../src/storage/sqlite/store.ts';
import { hasAtomicUpdates, openMongo, skipMongo } from '../../support/stores/mongo.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const [old, fresh] = ['11', '22'].map((byte) => new Secret(byte.repeat(32))) as [Secret, Secret];
const names = Array.from({ length: 40 }, (_, n) => `provider-${n}`);
const ring = ({ records }: Store, ...keys: Secret[]) =>
  createProviderKeyStore({
    records,
    vault: createSecretSealer(keys),
    clock: systemClock,
    baseUrls: {},
    learn: () => {},
  });

const stores = {
  async sqlite() {
    await using stack = new AsyncDisposableStack();
    const { path } = stack.use(temporaryFolder());
    const store = stack.use(await openSqliteStore({ path: join(path, 'corral.db') }));
    const held = stack.move();
    return { store, [Symbol.asyncDispose]: () => held.disposeAsync() };
  },
  mongo: openMongo,
};

describe.each([
  ['sqlite', false],
  ['mongo', skipMongo],
] as const)('a rotation on %s', (name, isMissing) => {
  test('under load loses no key: each opens with the new encryption key alone', async (context) => {
    if (isMissing) context.skip('needs TEST_MONGODB_URL, a server that speaks its protocol');
    if (name === 'mongo' && !(await hasAtomicUpdates())) context.skip('this database loses one of two updates');
    await using opened = await stores[name]();
    const { store } = opened;
    for (const provider of names) await ring(store, old).put(provider, new Secret(`first of ${provider}`));
    const isOver = new AbortController();
    const replaced = new Set<string>();
    // Another server has both encryption keys. It uses every provider key, which writes to the store, and replaces
    // some.
    const server = ring(store, fresh, old);
    const uses = (async () => {
      for (let n = 0; !isOver.signal.aborted; n = (n + 1) % names.length) {
        const provider = names[n] as string;
        expect((await server.use(provider))?.reveal()).toMatch(new RegExp(`^(first|second) of ${provider}$`));
        if (n % 7 === 0) {
          await server.put(provider, new Secret(`second of ${provider}`));
          replaced.add(provider);
        }
      }
    })();
    const { remaining } = await ring(store, fresh, old).rotate();
    isOver.abort();
    await uses;
    expect(remaining).toBe(0);
    for (const provider of names) {
      const expected = `${replaced.has(provider) ? 'second' : 'first'} of ${provider}`;
      expect((await ring(store, fresh).use(provider))?.reveal()).toBe(expected);
    }
  });
});
