import { afterAll, expect, test } from 'vitest';
import type { NetworkReach } from '../../../../src/agents/models/registry.ts';
import { chooseNetworkReach, createReachLimitedFetch } from '../../../../src/app/parts/model-addresses.ts';
import { loadConfig } from '../../../../src/app/settings/config.ts';
import { createSecretSealer } from '../../../../src/auth/vault.ts';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { Secret } from '../../../../src/core/text/secret.ts';
import { createModelService, ModelSettingsStore } from '../../../../src/sessions/projects/model-service.ts';
import { createProviderKeyStore } from '../../../../src/sessions/projects/provider-keys.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { fakeKey, fakeProvider } from '../../../support/agents/fake-models/server.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const fake = await fakeProvider('compatible', []);
const other = await fakeProvider('compatible', []);
afterAll(() => Promise.all([fake[Symbol.asyncDispose](), other[Symbol.asyncDispose]()]));
const never = new AbortController().signal;
const key = () => new Secret(fakeKey);

interface World {
  readonly env?: Record<string, string>;
  readonly records?: ReturnType<typeof createInMemoryStore>['records'];
  readonly reach?: NetworkReach;
  readonly checkModel?: (ref: string) => void;
}
function start({ env = {}, reach = 'private', checkModel = () => {}, ...more }: World = {}) {
  const { records = createInMemoryStore().records } = more;
  const config = loadConfig(env, '');
  const clock = manualClock(1_000);
  const vault = createSecretSealer([new Secret('11'.repeat(32))]);
  const keys = createProviderKeyStore({ records, vault, clock, baseUrls: {}, learn: () => {} });
  const directory = new ModelSettingsStore({ records, models: config.models });
  const models = createModelService({
    directory,
    keys,
    settings: config,
    setBy: (name) => config.sources?.[name],
    refusal: () => undefined,
    checkModel,
    reach: () => reach,
    fetchWithin: createReachLimitedFetch,
    learn: () => {},
    clock,
  });
  return { models, keys, directory, records, clock };
}
const local = { provider: 'local', baseUrl: fake.url };
const server = { ...local, key: key(), model: 'qwen3' };

test('a tested server is stored with its key and its model, and another server of the store knows at once', async () => {
  const { models, records } = start();
  const tested = await models.test({ ...local, key: key() }, never);
  expect([[tested.ok, tested.models.length], (await models.inForce()).model]).toEqual([[true, 3], 'demo']); // a test stores nothing
  await models.use({ ...local, key: key(), model: 'meta/llama-9' }, never);
  const elsewhere = start({ records });
  const { providers, ...inForce } = await elsewhere.models.inForce();
  expect(inForce).toMatchObject({ model: 'local/meta/llama-9', setBy: null });
  expect(providers).toContainEqual(expect.objectContaining({ id: 'local', from: 'page', address: fake.url }));
  const { compatible, catalog } = await elsewhere.directory.config();
  expect(compatible.local).toEqual({ baseUrl: fake.url, reach: 'private' });
  expect(catalog['local/meta/llama-9']).toMatchObject({ window: 131_072, price: { input: 0.15, output: 0.6 } });
  expect((await elsewhere.keys.use('local'))?.reveal()).toBe(fakeKey);
  expect(JSON.stringify(await records.get('provider-key', 'local'))).not.toContain(fakeKey);
});

test('a provider is stored without a change of the usual model, also where a variable sets that', async () => {
  for (const env of [{}, { CORRAL_MODEL: 'demo' }]) {
    const { models, keys } = start({ env });
    const { model, providers } = await models.use({ ...local, key: key() }, never);
    expect([model, providers.at(-1)]).toEqual(['demo', expect.objectContaining({ id: 'local', isReady: true })]);
    expect((await keys.use('local'))?.reveal()).toBe(fakeKey);
  }
});

test('what is forgotten is gone with its key, and the usual model with it', async () => {
  const { models, keys } = start();
  await models.use(server, never);
  expect([(await models.forget('local')).model, await keys.use('local')]).toEqual(['demo', undefined]);
  await expect(models.forget('local')).rejects.toMatchObject({ code: 'not_found' });
});

test.each([
  [{ CORRAL_MODEL: 'demo' }, { ...local, model: 'qwen3' }, 'CORRAL_MODEL'],
  [{ OPENAI_API_KEY: 'k' }, { provider: 'openai', key: key(), model: 'gpt-5' }, 'OPENAI_API_KEY'],
])('a variable precedes the page, which shows its name (%o)', async (env, choice, name) => {
  const { models, directory } = start({ env: env as unknown as Record<string, string> });
  const expected = { code: 'invalid_request', publicMessage: expect.stringContaining(`${name} is set`) };
  await expect(models.use(choice, never)).rejects.toMatchObject(expected);
  expect((await directory.stored()).model).toBeNull();
});

test('a server of the settings keeps its address, whatever a person enters under its name', async () => {
  const env = { CORRAL_MODELS_COMPATIBLE: JSON.stringify({ local: { 'base-url': 'http://settings.test/v1' } }) };
  const { models, directory } = start({ env });
  const answer = await models.test(local, never);
  expect(answer).toMatchObject({ ok: false, message: expect.stringContaining('models.compatible.local') });
  expect((await directory.config()).compatible.local?.baseUrl).toBe('http://settings.test/v1');
});

test('a stored key goes to no other address than its own', async () => {
  const { models, keys } = start();
  await models.use(server, never);
  const before = other.requests.length;
  await models.test({ provider: 'local', baseUrl: other.url }, never);
  await models.use({ provider: 'local', baseUrl: other.url, model: 'qwen3' }, never);
  const sent = other.requests.slice(before);
  expect(sent.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
  expect(await keys.use('local')).toBeUndefined();
});

test('private addresses are refused where people may not enter them, and metadata services everywhere', async () => {
  const outside = start({ reach: 'public' }).models;
  const requested = fake.requests.length;
  const expected = { ok: false, message: expect.stringContaining('CORRAL_MODELS_PRIVATE_ADDRESSES') };
  expect(await outside.test(local, never)).toMatchObject(expected);
  await expect(outside.use({ ...local, model: 'qwen3' }, never)).rejects.toMatchObject({ code: 'forbidden' });
  expect(fake.requests.length).toBe(requested);
  const inside = start().models;
  for (const host of ['169.254.169.254', '[fd00:ec2::254]', '100.100.100.200', '[::ffff:169.254.169.254]', '0.0.0.0']) {
    const answer = await inside.test({ provider: 'meta', baseUrl: `http://${host}/latest` }, never);
    expect([host, answer.ok, answer.message]).toEqual([host, false, expect.stringContaining('private network')]);
  }
});

const addresses = ['file:///etc/passwd', 'http://user:pw@models.test/v1', 'http://models.test/v1?a=b', 'no address'];
const names = ['demo', 'compatible', '__proto__', 'Upper', 'a/b', '-a', 'a'.repeat(32)];
test.each([
  ...[...addresses, `http://x/${'a'.repeat(3_000)}`].map((baseUrl) => ['local', baseUrl, 'must be like https://']),
  ...names.map((provider) => [provider, fake.url, 'A name must']),
])('a server %s at %.40s is refused before any request', async (provider = '', baseUrl = '', message = '') => {
  const answer = await start().models.test({ provider, baseUrl }, never);
  const field = message.startsWith('A name') ? 'provider' : 'baseUrl';
  expect(answer).toMatchObject({ ok: false, field, message: expect.stringContaining(message) });
});

test('a model that this server must not use is refused, and nothing is stored', async () => {
  const refuse = () => {
    throw new AppError('invalid_request', 'No isolation.');
  };
  const { models, directory } = start({ checkModel: refuse });
  await expect(models.use(server, never)).rejects.toThrow('No isolation.');
  expect((await directory.stored()).servers).toEqual({});
});

test('a default model whose provider has no key is refused, and the demo can be the default again', async () => {
  const { models } = start();
  await models.use(server, never);
  const keyless = models.use({ provider: 'openai', model: 'gpt-99' }, never);
  await expect(keyless).rejects.toThrow('The model openai/gpt-99 needs a key: set OPENAI_API_KEY');
  expect((await models.inForce()).model).toBe('local/qwen3');
  expect((await models.use({ provider: 'demo', model: 'demo' }, never)).model).toBe('demo');
});

test('the lists of the ready providers are shared for ten minutes, and one that fails says why', async () => {
  const { models, clock } = start();
  await models.use(server, never);
  const before = fake.requests.length;
  const [first] = await Promise.all([models.offered(never), models.offered(never)]);
  expect(first).toEqual([expect.objectContaining({ provider: 'local', trouble: null })]);
  expect(first?.[0]?.models).toHaveLength(3);
  expect(fake.requests.length).toBe(before + 1);
  clock.advance(600_001);
  await models.offered(never);
  expect(fake.requests.length).toBe(before + 2);
  await models.use({ provider: 'gone', baseUrl: 'http://127.0.0.1:9/v1', model: 'x' }, never);
  const gone = { provider: 'gone', models: [], trouble: expect.stringContaining('not responding') };
  expect(await models.offered(never)).toContainEqual(expect.objectContaining(gone));
});

test.each<[Record<string, string>, boolean, NetworkReach]>([
  [{}, false, 'private'],
  [{}, true, 'public'],
  [{ CORRAL_TOKEN: 'a-token-of-thirty-two-characters!' }, false, 'public'],
  [{ HOST: '0.0.0.0', CORRAL_TOKEN: 'a-token-of-thirty-two-characters!' }, false, 'public'],
  [{ CORRAL_MODELS_PRIVATE_ADDRESSES: 'allow', CORRAL_TOKEN: 'a-token-of-thirty-two-characters!' }, true, 'private'],
  [{ CORRAL_MODELS_PRIVATE_ADDRESSES: 'refuse' }, false, 'public'],
])('who may enter private addresses (%o, keys: %s)', (env, needsCredential, reach) => {
  const config = loadConfig(env, '');
  expect(chooseNetworkReach(config, { setting: config.models.privateAddresses, needsCredential })).toBe(reach);
});
