import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createSecretSealer } from '../../../../src/auth/vault.ts';
import { Secret } from '../../../../src/core/text/secret.ts';
import { createProviderKeyStore } from '../../../../src/sessions/projects/provider-keys.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const [old, fresh, wrong] = ['11', '22', '33'].map((byte) => new Secret(byte.repeat(32))) as [Secret, Secret, Secret];
function start() {
  const { records } = createInMemoryStore();
  const clock = manualClock(100_000);
  const learned: string[] = [];
  const learn = (key: Secret) => void learned.push(key.reveal());
  const withKeys = (...keys: Secret[]) =>
    createProviderKeyStore({ records, vault: createSecretSealer(keys), clock, baseUrls: {}, learn });
  return { records, clock, withKeys, learned };
}

test('a stored key comes out for its use alone, and its use is noted at most once a minute', async () => {
  const { clock, withKeys, records } = start();
  const keys = withKeys(old);
  await keys.put('gemini', new Secret('the-key'));
  expect(await keys.list()).toEqual([{ provider: 'gemini', createdAt: 100_000, lastUsedAt: null }]);
  clock.advance(5);
  expect((await keys.use('gemini'))?.reveal()).toBe('the-key');
  const { version } = (await records.get('provider-key', 'gemini')) ?? {};
  clock.advance(5);
  await keys.use('gemini');
  expect(await keys.list()).toEqual([{ provider: 'gemini', createdAt: 100_000, lastUsedAt: 100_005 }]);
  expect((await records.get('provider-key', 'gemini'))?.version).toBe(version);
  expect(await keys.use('openai')).toBeUndefined();
});

test('the scrubber of the log learns each key before its first use', async () => {
  const { withKeys, learned } = start();
  await withKeys(old).put('gemini', new Secret('stored'));
  await withKeys(old).test('nobody', new Secret('tried'), new AbortController().signal);
  expect(learned).toEqual(['stored', 'tried']);
  await withKeys(old).verify(); // as after a restart
  await withKeys(old).use('gemini');
  expect(learned).toEqual(['stored', 'tried', 'stored', 'stored']);
});

test('a start with a wrong or without the right encryption key is refused, and names what it would lose', async () => {
  const { withKeys } = start();
  await withKeys(old).put('gemini', new Secret('k'));
  const publicMessage = expect.stringMatching(/gemini.*CORRAL_KEYS_ENCRYPTION_KEY/);
  await expect(withKeys(wrong).verify()).rejects.toMatchObject({ code: 'invalid_request', publicMessage });
  await expect(withKeys(wrong, old).verify()).resolves.toBeUndefined();
});

test('a rotation that is cut continues with the rest; afterwards the old key is not needed', async () => {
  const { records, withKeys } = start();
  for (const provider of ['gemini', 'openai', 'anthropic']) await withKeys(old).put(provider, new Secret(provider));
  const put = records.put.bind(records);
  let puts = 0;
  records.put = (record) => (++puts > 1 ? Promise.reject(new Error('killed')) : put(record));
  expect(await withKeys(fresh, old).rotate()).toEqual({ rewrapped: 1, remaining: 2 });
  records.put = put;
  await withKeys(fresh, old).verify(); // halfway through the rotation, every key still opens
  expect(await withKeys(fresh, old).rotate()).toEqual({ rewrapped: 2, remaining: 0 });
  expect(await withKeys(fresh, old).rotate()).toEqual({ rewrapped: 0, remaining: 0 });
  const keys = withKeys(fresh);
  await keys.verify();
  expect((await keys.use('openai'))?.reveal()).toBe('openai');
});

type Keys = ReturnType<typeof createProviderKeyStore>;
test.each<[string, (keys: { both: Keys; before: Keys }) => Promise<unknown>, rewrapped: number, value: string]>([
  [
    'was replaced under the new key stays replaced',
    ({ both }) => both.put('gemini', new Secret('second')),
    0,
    'second',
  ],
  ['was used, which is noted, is rewrapped all the same', ({ before }) => before.use('gemini'), 1, 'first'],
])('a key that during a rotation %s', async (_, during, rewrapped, value) => {
  const { records, withKeys } = start();
  const [both, before] = [withKeys(fresh, old), withKeys(old)];
  await before.put('gemini', new Secret('first'));
  const get = records.get.bind(records);
  records.get = async (kind, id) => {
    const found = await get(kind, id);
    records.get = get;
    await during({ both, before });
    return found;
  };
  expect(await both.rotate()).toEqual({ rewrapped, remaining: 0 });
  expect((await withKeys(fresh).use('gemini'))?.reveal()).toBe(value);
});

test('a provider that does not answer is abandoned before ten seconds are over', async () => {
  const provider = createServer(() => {}).listen(0, '127.0.0.1');
  await once(provider, 'listening');
  const { port } = provider.address() as AddressInfo;
  const { records, clock } = start();
  const baseUrls = { gemini: `http://127.0.0.1:${port}` };
  const keys = createProviderKeyStore({ records, vault: createSecretSealer([old]), clock, baseUrls, learn: () => {} });
  const verdict = keys.test('gemini', new Secret('k'), new AbortController().signal);
  await once(provider, 'request');
  clock.advance(9_999);
  expect(await verdict).toEqual({ valid: false, message: 'The provider could not be reached.' });
  expect(clock.pending()).toBe(0);
  provider.closeAllConnections();
  provider.close();
});
