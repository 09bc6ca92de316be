import { expect, test } from 'vitest';
import { createSecretSealer } from '../../../../src/auth/vault.ts';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { createIdSource } from '../../../../src/core/model/ids.ts';
import type { Principal } from '../../../../src/core/model/principal.ts';
import { Secret } from '../../../../src/core/text/secret.ts';
import { createAccessCheck, withAccessChecks } from '../../../../src/sessions/access/checked-service.ts';
import { guardCredentials } from '../../../../src/sessions/access/guarded-resources.ts';
import { type SecretService, secretRules } from '../../../../src/sessions/api/server/secrets.ts';
import { NamedSecretStore } from '../../../../src/sessions/vaults/named-secrets.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const [oldKey, newKey] = ['ab', 'cd'].map((pair) => new Secret(pair.repeat(32))) as [Secret, Secret];
const parts = { clock: manualClock(), ids: createIdSource(), learn: () => {} };
const secretsOf = (records = createInMemoryStore().records, keys = [oldKey]) =>
  new NamedSecretStore({ ...parts, records, vault: createSecretSealer(keys) });
const value = new Secret('a-real-value');
const guarded = ({ get }: SecretService, principalOf: () => Principal) =>
  ({ principalOf, get, noun: 'secret', listedBy: 'admin' }) as const;
const code = (thrown: unknown) => (thrown instanceof AppError ? thrown.code : thrown);

test('no record has the value in clear, and a rotation leaves it readable by the new key alone', async () => {
  const { records } = createInMemoryStore();
  const { id } = await secretsOf(records).service.create({ name: 'a', value, metadata: {} });
  expect(JSON.stringify(await records.list('named-secret'))).not.toContain('a-real-value');
  const rotating = secretsOf(records, [newKey, oldKey]);
  expect(await rotating.rotate()).toEqual({ rewrapped: 1, remaining: 0 });
  expect((await secretsOf(records, [newKey]).value(id, {})).reveal()).toBe('a-real-value');
  await expect(secretsOf(records).verify()).rejects.toThrow('The secrets of programs');
});

test('two owners have the same name apart, and nobody reaches the other one by name or id', async () => {
  const { service } = secretsOf();
  let principal: Principal = { role: 'user', owner: 'o1' };
  const checks = guarded(service, () => principal);
  const own = withAccessChecks(service, secretRules, checks);
  const first = await own.create({ name: 'key', value, metadata: {} });
  principal = { role: 'user', owner: 'o2' };
  expect([await own.find('key').catch(code), await own.find(first.id).catch(code)]).toEqual(['not_found', 'not_found']);
  const second = await own.create({ name: 'key', value, metadata: {} });
  expect(second.id).not.toBe(first.id);
  expect(await own.list()).toEqual([second]);
  principal = { role: 'reader', owner: 'o2' };
  expect(await own.create({ name: 'b', value, metadata: {} }).catch(code)).toBe('forbidden');
  principal = { role: 'admin' };
  expect(await own.list()).toHaveLength(2);
  expect(await own.find('key').catch(code)).toBe('not_found'); // a name belongs to one owner
  expect((await own.find(first.id)).owner).toBe('o1');
});

test('a caller binds its own secrets only, and only where it may work', async () => {
  const { service } = secretsOf();
  const { id: secret } = await service.create({ name: 'key', value, metadata: {}, owner: 'o1' });
  const bound: unknown[] = [];
  const credentials = { bind: async (...args: unknown[]) => void bound.push(args) } as never;
  let principal: Principal = { role: 'user', owner: 'o2' };
  const checks = {
    holder: (of: string) => (of === 'foreign' ? Promise.reject(new AppError('session_not_found', '')) : undefined),
    secret: createAccessCheck<string>(guarded(service, () => principal)),
  };
  const { bind } = guardCredentials<string>(credentials, {} as never, checks);
  const credential = { name: 'a', hosts: ['a.example'], header: 'x-a', env: [] };
  const use = { secret, before: '', after: '' };
  expect(await bind('mine', credential, use).catch(code)).toBe('not_found');
  principal = { role: 'user', owner: 'o1' };
  expect([await bind('foreign', credential, use).catch(code), bound]).toEqual(['session_not_found', []]);
  await bind('mine', credential, use);
  expect(bound).toEqual([['mine', credential, use]]);
});

test('an owner has at most 500, and a value that two callers replace at once has both versions', async () => {
  const { service } = secretsOf();
  for (let n = 0; n < 500; n++) await service.create({ name: `s${n}`, value, metadata: {}, owner: 'o1' });
  expect(await service.create({ name: 'more', value, metadata: {}, owner: 'o1' }).catch(code)).toBe('quota');
  const { id } = await service.create({ name: 'more', value, metadata: {}, owner: 'o2' });
  await Promise.all([service.replace(id, value), service.replace(id, value, { a: 'b' })]);
  expect(await service.get(id)).toMatchObject({ version: 3, metadata: { a: 'b' } });
});
