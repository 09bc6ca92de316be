// @module-tag all
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createSecretSealer } from '../../src/auth/vault.ts';
import { systemClock } from '../../src/core/contracts/clock.ts';
import type { Store } from '../../src/core/contracts/ports.ts';
import { Secret } from '../../src/core/text/secret.ts';
import { createProviderKeyStore } from '../../src/sessions/projects/provider-keys.ts';
import { openSqliteStore } from '../../src/storage/sqlite/store.ts';
import { serverCommand } from '../support/servers/program-outcome.ts';
import { temporaryFolder } from '../support/stores/store.ts';

const [old, fresh] = ['11'.repeat(32), '22'.repeat(32)];
const count = 30;
const names = Array.from({ length: count }, (_, n) => `provider-${n}`);
const ring = ({ records }: Store, ...keys: string[]) => {
  const sealing = createSecretSealer(keys.map((key) => new Secret(key)));
  return createProviderKeyStore({ records, vault: sealing, clock: systemClock, baseUrls: {}, learn: () => {} });
};
const uses = (store: Store, ...keys: string[]) =>
  Promise.all(
    names.map(async (name) =>
      (
        await ring(store, ...keys)
          .use(name)
          .catch(() => undefined)
      )?.reveal(),
    ),
  );

/** A folder for the command, and a function that reads its store while the command does not use it. */
function place() {
  const folder = temporaryFolder();
  return {
    settings: { CORRAL_DATA_DIR: folder.path },
    async at<Value>(look: (store: Store) => Promise<Value>): Promise<Value> {
      await using store = await openSqliteStore({ path: join(folder.path, 'corral.db') });
      return await look(store);
    },
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

const rotate = (settings: Record<string, string>) => serverCommand(['keys', 'rotate'], settings);

test('a rotation killed halfway loses nothing, and a second run finishes it', { tags: ['nightly'] }, async () => {
  using where = place();
  await where.at(async (store) => {
    for (const name of names) await ring(store, old).put(name, new Secret(`key of ${name}`));
  });
  const settings = { ...where.settings, CORRAL_KEYS_ENCRYPTION_KEY: `${fresh},${old}` };
  const half = count / 2;
  const killed = await rotate({
    ...settings,
    NODE_ENV: 'test',
    CORRAL_FAILPOINTS: `keys.rotate.after=exit@${half}`,
  });
  expect(killed.code).not.toBe(0);
  expect(killed.out).toBe('');
  await where.at(async (store) => {
    expect(await uses(store, fresh, old)).toEqual(names.map((name) => `key of ${name}`));
    expect((await uses(store, fresh)).filter(Boolean)).toHaveLength(half);
  });

  const second = await rotate(settings);
  expect(second).toMatchObject({ code: 0, err: '' });
  expect(second.out).toContain(
    `${half} stored keys of providers, credentials, tool servers and secrets of webhooks and automations were re-wrapped, 0 remain`,
  );
  expect(await where.at((store) => uses(store, fresh))).toEqual(names.map((name) => `key of ${name}`));
  expect((await rotate(settings)).out).toContain(
    '0 stored keys of providers, credentials, tool servers and secrets of webhooks and automations were re-wrapped, 0 remain',
  );
});

test('a key that no encryption key can decrypt is named, and nothing changes', async () => {
  using where = place();
  await where.at((store) => ring(store, old).put('gemini', new Secret('k')));
  const refused = await rotate({ ...where.settings, CORRAL_KEYS_ENCRYPTION_KEY: fresh });
  expect(refused.code).toBe(1);
  expect(refused.err).toMatch(/gemini.*CORRAL_KEYS_ENCRYPTION_KEY/s);
  expect((await where.at((store) => ring(store, old).use('gemini')))?.reveal()).toBe('k');
});
