import { expect, test } from 'vitest';
import { createSecretSealer as sealing } from '../../../../src/auth/vault.ts';
import { createIdSource } from '../../../../src/core/model/ids.ts';
import { vaultCredentialKind } from '../../../../src/core/model/records.ts';
import { Secret } from '../../../../src/core/text/secret.ts';
import { CredentialRecords } from '../../../../src/sessions/vaults/credential-records.ts';
import { McpTokenProvider } from '../../../../src/sessions/vaults/mcp-tokens.ts';
import { createVaultService } from '../../../../src/sessions/vaults/vault-service.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const key = new Secret('ab'.repeat(32));
const bearer = (mcpServerUrl: string, token: string) => ({
  displayName: null,
  metadata: {},
  auth: { type: 'static_bearer' as const, mcpServerUrl },
  secrets: { token: new Secret(token) },
});
function world() {
  const { records } = createInMemoryStore();
  const learned: string[] = [];
  const learn = (secret: Secret) => void learned.push(secret.reveal());
  const credentials = new CredentialRecords({ records, vault: sealing([key]), learn });
  const clock = manualClock();
  const fetch = () => Promise.reject(new Error('no request is expected here'));
  const onFailure = async () => {};
  const tokens = new McpTokenProvider({ records, credentials, fetch, clock, warn: () => {}, onFailure });
  const vaults = createVaultService({ records, credentials, tokens, clock, ids: createIdSource() });
  const aVault = async () => (await vaults.create({ displayName: 'Alice', metadata: {}, owner: 'one' })).id;
  const tokenFor = async (url: string, ...ids: string[]) =>
    (await tokens.of(url, { ids, session: { owner: 'one' } }))?.reveal();
  return { records, learned, credentials, tokens, vaults, aVault, tokenFor };
}

test('a secret is nowhere in the store in plain text, and the log learns to mask it', async () => {
  const { vaults, aVault, records, learned } = world();
  const id = await aVault();
  const made = await vaults.addCredential(id, bearer('https://mcp.example/', 'very-secret-token'));
  expect(JSON.stringify([made, await vaults.credentials(id)])).not.toContain('very-secret-token');
  expect(JSON.stringify(await records.list(vaultCredentialKind))).not.toContain('very-secret-token');
  expect(learned).toContain('very-secret-token');
});

test('a vault has one active credential for an address, however it is written; of two at once one wins', async () => {
  const { vaults, aVault, tokenFor } = world();
  const id = await aVault();
  const both = ['https://MCP.example:443/mcp/', 'https://mcp.example/mcp'];
  const added = await Promise.allSettled(both.map((url, n) => vaults.addCredential(id, bearer(url, `token-${n}`))));
  expect(added.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  const [first] = await vaults.credentials(id);
  await vaults.archiveCredential(id, first?.id ?? '');
  expect(await tokenFor('https://mcp.example/mcp', id)).toBeUndefined();
  await vaults.addCredential(id, bearer('https://mcp.example/mcp', 'third-token'));
  expect(await tokenFor('HTTPS://mcp.example/mcp/', id)).toBe('third-token');
  expect((await vaults.credentials(id)).map(({ archivedAt }) => archivedAt === null).sort()).toEqual([false, true]);
  const change = vaults.changeCredential(id, first?.id ?? '', (now) => now);
  await expect(change).rejects.toMatchObject({ code: 'invalid_request' });
});

test('the first vault with a token counts, a changed one at once, and an ended one no more', async () => {
  const { vaults, aVault, tokenFor } = world();
  const [one, two] = [await aVault(), await aVault()];
  const url = 'https://mcp.example/';
  const { id } = await vaults.addCredential(one, bearer(url, 'token-one'));
  await vaults.addCredential(two, bearer(url, 'token-two'));
  expect([await tokenFor(url, two, one), await tokenFor(url, one, two)]).toEqual(['token-two', 'token-one']);
  await vaults.changeCredential(one, id, (now) => ({ ...now, secrets: { token: new Secret('token-new') } }));
  expect(await tokenFor(url, one, two)).toBe('token-new');
  await vaults.deleteCredential(one, id);
  expect(await tokenFor(url, one, two)).toBe('token-two');
  expect(await tokenFor('https://mcp.example/other', one, two)).toBeUndefined();
});

test('a vault has one active variable of a name, the first vault counts, and an archived one has no value', async () => {
  const { vaults, aVault, credentials, tokenFor } = world();
  const [one, two] = [await aVault(), await aVault()];
  const places = { header: true, body: false };
  const variable = (secretName: string, token: string) => ({
    ...bearer('', token),
    auth: { type: 'environment_variable' as const, secretName, hosts: ['a.example'], places },
  });
  const { id } = await vaults.addCredential(one, variable('KEY', 'of-one'));
  await vaults.addCredential(two, variable('KEY', 'of-two'));
  await vaults.addCredential(two, variable('key', 'of-two-too'));
  const expected = { code: 'conflict', publicMessage: expect.stringContaining('KEY') };
  await expect(vaults.addCredential(one, variable('KEY', 'again'))).rejects.toMatchObject(expected);
  const session = { owner: 'one' };
  const values = async () => {
    const variables = await credentials.readVariables({ ids: [one, two], session });
    return (await Promise.all(variables.map((it) => it.value()))).map((value) => value.reveal());
  };
  const [held] = await credentials.readVariables({ ids: [one], session });
  expect((await values()).sort()).toEqual(['of-one', 'of-two-too']);
  await vaults.archiveCredential(one, id);
  expect((await values()).sort()).toEqual(['of-two', 'of-two-too']);
  await expect(held?.value()).rejects.toMatchObject({ code: 'not_found' });
  expect(await tokenFor('https://mcp.example/', one, two)).toBeUndefined();
});

test('an archived vault stays readable, its secrets are erased, and nothing can be added', async () => {
  const { vaults, aVault, tokenFor, records, credentials } = world();
  const id = await aVault();
  const url = 'https://mcp.example/';
  const { id: credential } = await vaults.addCredential(id, bearer(url, 'token-one'));
  await vaults.archive(id);
  expect((await vaults.archive(id)).archivedAt).not.toBeNull();
  expect(await tokenFor(url, id)).toBeUndefined();
  expect((await vaults.credential(id, credential)).archivedAt).not.toBeNull();
  expect(await records.list(vaultCredentialKind)).toHaveLength(1);
  const secrets = credentials.readSecrets(await credentials.find(id, credential));
  await expect(secrets).rejects.toMatchObject({ code: 'not_found' });
  await expect(vaults.addCredential(id, bearer(url, 'token-two'))).rejects.toMatchObject({ code: 'invalid_request' });
  await expect(vaults.update(id, (now) => now)).rejects.toMatchObject({ code: 'invalid_request' });
  await vaults.delete(id);
  expect(await records.list(vaultCredentialKind)).toEqual([]);
  await expect(vaults.credentials(id)).rejects.toMatchObject({ code: 'not_found' });
});

test('a vault takes twenty credentials, and belongs to its owner', async () => {
  const { vaults, aVault } = world();
  const id = await aVault();
  for (let n = 0; n < 20; n++) await vaults.addCredential(id, bearer(`https://mcp.example/${n}`, 'token'));
  const oneMore = vaults.addCredential(id, bearer('https://mcp.example/x', 'token'));
  await expect(oneMore).rejects.toMatchObject({ code: 'quota' });
  expect([(await vaults.list('one')).map((vault) => vault.id), await vaults.list('two')]).toEqual([[id], []]);
});

test('a new encryption key takes over the stored credentials', async () => {
  const { vaults, aVault, records } = world();
  const id = await aVault();
  await vaults.addCredential(id, bearer('https://mcp.example/', 'token-one'));
  const fresh = new Secret('cd'.repeat(32));
  const learn = () => {};
  const both = new CredentialRecords({ records, vault: sealing([fresh, key]), learn });
  expect(await both.rotate()).toEqual({ rewrapped: 1, remaining: 0 });
  const only = new CredentialRecords({ records, vault: sealing([fresh]), learn });
  await only.verify();
  const found = await only.findFor(id, 'https://mcp.example/');
  expect(found && (await only.readSecrets(found)).token.reveal()).toBe('token-one');
  const none = new CredentialRecords({ records, vault: sealing([new Secret('ef'.repeat(32))]), learn });
  await expect(none.verify()).rejects.toMatchObject({ code: 'invalid_request' });
});
