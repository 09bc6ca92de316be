import { expect, test } from 'vitest';
import { createSecretSealer } from '../../../../src/auth/vault.ts';
import { SessionId } from '../../../../src/core/model/ids.ts';
import { Secret } from '../../../../src/core/text/secret.ts';
import { createBoundCredentialStore, createServerCredentials } from '../../../../src/sessions/projects/credentials.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const id = SessionId.parse('0123456789abcdef');
const value = new Secret('a-real-value');
const places = { hosts: ['api.example'], header: 'x-api-key', env: ['API_KEY'] };
const fixed = { name: 'fixed', hosts: ['fixed.example'], header: 'authorization', env: ['FIXED_KEY'] };

function service() {
  const { records } = createInMemoryStore();
  const ring = createBoundCredentialStore({
    records,
    vault: createSecretSealer([new Secret('ab'.repeat(32))]),
    clock: manualClock(),
    learn: () => {},
    onChange: () => {},
    secretValue: async () => value,
  });
  const it = createServerCredentials({ ring, settings: [fixed], setBy: 'CORRAL_EGRESS_CREDENTIALS' });
  return { records, ring, it };
}

test('a stored credential of the server counts in every session after those of the session and its project', async () => {
  const { records, ring, it } = service();
  await it.put('api', places, value);
  const ofSessions = ring.createService<SessionId>(async () => {});
  await ofSessions.put(id, { ...places, name: 'mine' }, value);
  const held = await ring.inForce({ id, projectId: null });
  expect(held.map(({ holder, name }) => `${holder} ${name}`)).toEqual([`${id} mine`, 'server api']);
  expect((await ring.inForceFor(id)).held.map(({ name }) => name)).toEqual(['api']); // no record for the session
  expect(JSON.stringify(await records.list('credential'))).not.toContain('a-real-value');
});

test('the list has the credentials of the settings, with what sets them, and no value', async () => {
  const { it } = service();
  await it.put('api', places, value);
  const all = await it.list();
  expect(all.map(({ name, setBy }) => `${name} ${setBy}`)).toEqual(['fixed CORRAL_EGRESS_CREDENTIALS', 'api null']);
  expect(JSON.stringify(all)).not.toContain('a-real-value');
});

test('a credential of the settings cannot be replaced, revoked, or get a rival for its place', async () => {
  const { it } = service();
  await expect(it.put('fixed', places, value)).rejects.toThrow('CORRAL_EGRESS_CREDENTIALS sets the credential');
  await expect(it.revoke('fixed')).rejects.toThrow('CORRAL_EGRESS_CREDENTIALS sets the credential');
  const rival = it.put('rival', { ...places, env: ['FIXED_KEY'] }, value);
  await expect(rival).rejects.toThrow("'fixed' of CORRAL_EGRESS_CREDENTIALS already sets the variable FIXED_KEY");
  expect((await it.list()).map(({ name }) => name)).toEqual(['fixed']);
});

test('a revoked credential is gone, and revoking it again says so', async () => {
  const { ring, it } = service();
  await it.put('api', places, value);
  await it.revoke('api');
  expect(await ring.inForce({ id, projectId: null })).toEqual([]);
  await expect(it.revoke('api')).rejects.toThrow("There is no credential 'api' here");
});
