import { expect, onTestFinished, test } from 'vitest';
import { openApiKeys } from '../../../src/auth/api-keys.ts';
import { createPeppers } from '../../../src/auth/pepper.ts';
import { createIdSource } from '../../../src/core/model/ids.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

const kind = 'apikey';
function place({ hasToken = true, secrets = ['pepper'] }: { hasToken?: boolean; secrets?: string[] } = {}) {
  const store = createInMemoryStore();
  const manual = manualClock(1_000_000);
  const clock = {
    ...manual,
    /** Advances in steps of one second, so that the store's promises settle in between. */
    async advance(ms: number) {
      for (let left = ms; left >= 0; left -= 1_000) {
        manual.advance(Math.min(left, 1_000));
        await new Promise(setImmediate);
      }
    },
  };
  const open = async (options: { shared?: boolean; secrets?: string[]; onlyOne?: boolean } = {}) => {
    const warned: string[] = [];
    const keys = await openApiKeys({
      records: store.records,
      clock,
      ids: createIdSource(),
      shared: false,
      hasToken,
      ...options,
      peppers: async () => createPeppers((options.secrets ?? secrets).map((secret) => new Secret(secret))),
      warn: (_about, text) => void warned.push(text),
    });
    onTestFinished(() => keys[Symbol.dispose]());
    return Object.assign(keys, { warned });
  };
  return { store, clock, open };
}

/** A place with one key, and the server that made it. */
async function keyed(
  input: Partial<Parameters<Awaited<ReturnType<ReturnType<typeof place>['open']>>['create']>[0]> = {},
) {
  const it = place();
  const keys = await it.open();
  return { ...it, keys, ...(await keys.create({ name: 'one', role: 'user', ...input })) };
}

test('a key has an id, 256 random bits and a prefix that scanners know', async () => {
  const { keys, key, view } = await keyed();
  expect(key).toMatch(/^crl_[0-9a-f]{12}_[\w-]{43}$/);
  expect(key.startsWith(`${view.prefix}_`)).toBe(true);
  expect(keys.find([key])).toMatchObject({ role: 'user', key: view.id, owner: view.id });
});

test('the stored form of a key is no valid key', async () => {
  const { store, keys, key } = await keyed();
  expect(JSON.stringify(await store.records.list(kind))).not.toContain(key.slice(17));
  const [record] = await store.records.list(kind);
  const hash = (record?.doc as { hash: string } | undefined)?.hash;
  expect(keys.find([`${key.slice(0, 17)}${hash}`])).toBeUndefined();
});

test.each([
  ['with its last letter changed', (key: string) => key.slice(0, -1) + (key.endsWith('A') ? 'B' : 'A')],
  ['without its last letter', (key: string) => key.slice(0, -1)],
  ['with a letter more', (key: string) => `${key}A`],
  ['under another id', (key: string) => key.replace(/_[0-9a-f]/, (at) => (at === '_0' ? '_1' : '_0'))],
  ['with its prefix alone', (key: string) => key.slice(0, 16)],
  ['empty', () => ''],
])('a key %s opens nothing', async (_what, changed) => {
  const { keys, key } = await keyed();
  expect(keys.find([changed(key)])).toBeUndefined();
});

test('a second server on the same store knows the key, and not under another pepper', async () => {
  const { open, key } = await keyed();
  expect((await open()).find([key])).toBeDefined();
  const other = await open({ secrets: ['another'] });
  expect([other.find([key]), other.any, other.warned.length]).toEqual([undefined, true, 1]);
});

test('a key outlives the rotation of what it is hashed under, and its first use leaves the old one behind', async () => {
  const { open, clock, key } = await keyed();
  expect((await open({ secrets: ['new', 'pepper'] })).find([key])).toBeDefined();
  await clock.advance(0);
  expect((await open({ secrets: ['new'] })).find([key])).toBeDefined();
});

test('revoking ends the actor at once and for good', async () => {
  const { open, keys, key, view } = await keyed();
  const actor = keys.find([key]);
  expect(actor?.ended?.aborted).toBe(false);
  expect(await keys.revoke(view.id)).toMatchObject({ state: 'revoked' });
  expect(actor?.ended?.aborted).toBe(true);
  expect([keys.find([key]), keys.live(view.id)]).toEqual([undefined, undefined]);
  expect((await open()).find([key])).toBeUndefined();
});

test('an expired key opens nothing from that moment on, and what it has open ends within 5 s', async () => {
  const { clock, keys, key } = await keyed({ expiresAt: 1_060_000 });
  const actor = keys.find([key]);
  await clock.advance(59_999);
  expect(keys.find([key])).toBe(actor);
  await clock.advance(1);
  expect(keys.find([key])).toBeUndefined();
  await clock.advance(4_999);
  expect(actor?.ended?.aborted).toBe(true);
  expect(await keys.list()).toMatchObject([{ state: 'expired' }]);
});

test('a key that another server made is known within 5 s, and one that it revoked ends within 5 s', async () => {
  const { open, clock } = place();
  const [here, there] = [await open({ shared: true }), await open({ shared: true })];
  const { key, view } = await there.create({ name: 'one', role: 'user' });
  await clock.advance(5_000);
  const actor = here.find([key]);
  expect(actor).toBeDefined();
  await there.revoke(view.id);
  await clock.advance(5_000);
  expect(actor?.ended?.aborted).toBe(true);
});

test('the store notes the use of a key at most once a minute', async () => {
  const { store, clock, keys, key, view } = await keyed();
  const version = async () => (await store.records.get(kind, view.id))?.version;
  const used = async () =>
    ((await store.records.get(kind, view.id))?.doc as { lastUsedAt: number | null } | undefined)?.lastUsedAt;
  expect(await used()).toBeNull();
  for (let n = 0; n < 50; n++) keys.find([key]);
  await clock.advance(1);
  expect([await version(), await used()]).toEqual([2, clock.now() - 1]);
  await clock.advance(59_000);
  keys.find([key]);
  await clock.advance(1);
  expect(await version()).toBe(2);
  await clock.advance(1_000);
  keys.find([key]);
  await clock.advance(1);
  expect(await version()).toBe(3);
});

test("without a token the first key must be an administrator's, and the last administrator's key cannot be revoked", async () => {
  const keys = await place({ hasToken: false }).open();
  await expect(keys.create({ name: 'one', role: 'user' })).rejects.toMatchObject({ code: 'invalid_request' });
  const { view } = await keys.create({ name: 'root', role: 'admin' });
  await keys.create({ name: 'one', role: 'user' });
  await expect(keys.revoke(view.id)).rejects.toMatchObject({ code: 'conflict' });
  await keys.create({ name: 'root 2', role: 'admin' });
  expect(await keys.revoke(view.id)).toMatchObject({ state: 'revoked' });
});

test('a server that required a key once requires one for ever, also after all keys are revoked', async () => {
  const { open } = place();
  const keys = await open();
  expect(keys.any).toBe(false);
  const { view } = await keys.create({ name: 'one', role: 'user' });
  await keys.revoke(view.id);
  expect([keys.any, (await open()).any]).toEqual([true, true]);
});

test('the first key ends the access of callers without a key', async () => {
  const keys = await place({ hasToken: false }).open();
  expect(keys.anonymous.ended?.aborted).toBe(false);
  await keys.create({ name: 'root', role: 'admin' });
  expect(keys.anonymous.ended?.aborted).toBe(true);
});

test('a key next to another has its sessions, so that a key can be replaced', async () => {
  const { keys, view } = await keyed();
  const second = await keys.create({ name: 'new one', role: 'viewer', beside: view.id });
  expect(keys.find([second.key])).toMatchObject({ role: 'viewer', owner: view.id });
  await expect(keys.create({ name: 'x', role: 'user', beside: 'nobody' })).rejects.toMatchObject({ code: 'not_found' });
});

test('without isolation all keys belong to one owner, and a store with keys of several owners is refused', async () => {
  const { open, clock } = place();
  const keys = await open({ onlyOne: true });
  const { view } = await keys.create({ name: 'one', role: 'user', expiresAt: 1_060_000 });
  await expect(keys.create({ name: 'two', role: 'user' })).rejects.toThrow(/no isolation/);
  await keys.create({ name: 'beside', role: 'user', beside: view.id, expiresAt: 1_060_000 });
  await (await open()).create({ name: 'two', role: 'user' });
  await expect(open({ onlyOne: true })).rejects.toThrow(/API keys of several users/);
  await clock.advance(60_000); // the first user's keys have expired
  expect((await (await open({ onlyOne: true })).list()).filter(({ state }) => state === 'active')).toHaveLength(1);
});
