import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../../src/app/settings/config.ts';
import { readEncryptionKeys } from '../../../src/auth/keys/encryption-keys.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const hex = (byte: string) => byte.repeat(32);
function start(env: Record<string, string> = {}) {
  const folder = temporaryFolder();
  const config = { ...loadConfig(env, ''), dataDir: join(folder.path, 'data') };
  const own = join(config.dataDir, 'encryption-key');
  const open = async (isSealed = false) =>
    (await readEncryptionKeys({ config, isSealed, newKey: () => hex('ab') })).map((key) => key.reveal());
  return { folder, own, open, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

test('a server without a configured key creates one, readable by its user only, and finds it again', async () => {
  using place = start();
  expect([await place.open(), statSync(place.own).mode & 0o777]).toEqual([[hex('ab')], 0o600]);
  expect(readFileSync(place.own, 'utf8')).toBe(`${hex('ab')}\n`);
  chmodSync(place.own, 0o644);
  expect([await place.open(true), statSync(place.own).mode & 0o777]).toEqual([[hex('ab')], 0o600]);
});

test('a made key that is gone while something is sealed with it is not made again', async () => {
  using place = start();
  await expect(place.open(true)).rejects.toMatchObject({ publicMessage: expect.stringContaining('Put it back') });
  expect(() => statSync(place.own)).toThrow();
});

test('several keys can be set, the primary one first', async () => {
  using place = start({ CORRAL_KEYS_ENCRYPTION_KEY: `${hex('11')},${hex('22')}` });
  expect(await place.open(true)).toEqual([hex('11'), hex('22')]);
});

test('a file of keys has one to a line, and one that is missing is refused', async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'keys');
  using place = start({ CORRAL_KEYS_ENCRYPTION_KEY_FILE: path });
  await expect(place.open()).rejects.toMatchObject({ publicMessage: expect.stringContaining('ENOENT') });
  writeFileSync(path, `${hex('11')}\n${hex('22')}\n`);
  expect(await place.open()).toEqual([hex('11'), hex('22')]);
  writeFileSync(path, '\n');
  await expect(place.open()).rejects.toMatchObject({ publicMessage: expect.stringContaining('empty') });
});
