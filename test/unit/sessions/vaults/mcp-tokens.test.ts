import { expect, test } from 'vitest';
import { createSecretSealer } from '../../../../src/auth/vault.ts';
import { createIdSource } from '../../../../src/core/model/ids.ts';
import { Secret } from '../../../../src/core/text/secret.ts';
import type { OAuthRefresh } from '../../../../src/sessions/api/server/vaults.ts';
import { CredentialRecords } from '../../../../src/sessions/vaults/credential-records.ts';
import { McpTokenProvider, type VaultFetch } from '../../../../src/sessions/vaults/mcp-tokens.ts';
import { createVaultService } from '../../../../src/sessions/vaults/vault-service.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const url = 'https://mcp.example/';
const refresh: OAuthRefresh = {
  clientId: 'a client',
  tokenEndpoint: 'https://auth.example/token',
  clientAuth: 'client_secret_post',
  scope: 'read',
  resource: null,
};
const granted = (body: object) => new Response(JSON.stringify(body), { status: 200 });

async function world(answer: (form: URLSearchParams, init: RequestInit) => Response | Promise<Response>) {
  const { records } = createInMemoryStore();
  const vault = createSecretSealer([new Secret('ab'.repeat(32))]);
  const credentials = new CredentialRecords({ records, vault, learn: () => {} });
  const clock = manualClock();
  const requests: URLSearchParams[] = [];
  const warned: string[] = [];
  const failed: string[] = [];
  const fetch: VaultFetch = async (_, init) => {
    const form = new URLSearchParams(String(init.body));
    requests.push(form);
    return await answer(form, init);
  };
  const serverOf = () =>
    new McpTokenProvider({
      records,
      credentials,
      fetch,
      clock,
      warn: (about, text) => void warned.push(JSON.stringify([about, text])),
      onFailure: async ({ id: credential }, { owner }) => void failed.push(`${credential} of ${owner}`),
    });
  const tokens = serverOf();
  const vaults = createVaultService({ records, credentials, tokens, clock, ids: createIdSource() });
  const { id } = await vaults.create({ displayName: 'Alice', metadata: {}, owner: 'alice' });
  const made = await vaults.addCredential(id, {
    displayName: null,
    metadata: {},
    auth: { type: 'mcp_oauth', mcpServerUrl: url, expiresAt: clock.now() + 3_600_000, refresh },
    secrets: { token: new Secret('old'), refreshToken: new Secret('refresh-1'), clientSecret: new Secret('client-1') },
  });
  const tokenFor = async (refused?: string, by = tokens) => {
    const vaultsOf = { ids: [id], session: { owner: 'alice' } };
    return (await by.of(url, vaultsOf, refused === undefined ? undefined : new Secret(refused)))?.reveal();
  };
  const storedRefresh = async () => {
    const found = await credentials.findFor(id, url);
    return found && (await credentials.readSecrets(found)).refreshToken?.reveal();
  };
  return { vaults, id, made, clock, requests, warned, failed, tokenFor, serverOf, storedRefresh };
}

test('a token is used until a minute before its end, then it is replaced once for all who wait', async () => {
  const { tokenFor, clock, requests, storedRefresh, vaults, id, made } = await world(() =>
    granted({ access_token: 'new', refresh_token: 'refresh-2', expires_in: '7200' }),
  );
  expect([await tokenFor(), requests]).toEqual(['old', []]);
  clock.advance(3_590_000);
  expect(await Promise.all([tokenFor(), tokenFor(), tokenFor()])).toEqual(['new', 'new', 'new']);
  const client = { client_id: 'a client', client_secret: 'client-1' };
  const form = { grant_type: 'refresh_token', refresh_token: 'refresh-1', scope: 'read', ...client };
  expect(requests.map((one) => Object.fromEntries(one))).toEqual([form]);
  expect(await storedRefresh()).toBe('refresh-2');
  const { auth } = await vaults.credential(id, made.id);
  expect(auth).toMatchObject({ expiresAt: clock.now() + 7_200_000 });
  expect([await tokenFor(), requests.length]).toEqual(['new', 1]);
});

test('a token that the tool server refused is replaced; the refresh token stays where the answer has no other', async () => {
  const { tokenFor, storedRefresh } = await world(() => granted({ access_token: 'new' }));
  expect([await tokenFor('another'), await tokenFor('old')]).toEqual(['old', 'new']);
  expect(await storedRefresh()).toBe('refresh-1');
});

test('a token endpoint that refuses is not called again immediately, and no secret is in the warning', async () => {
  const { tokenFor, requests, warned, failed, clock, vaults, id, made } = await world(
    () => new Response('{"error":"refresh-1 is old"}', { status: 400 }),
  );
  expect([[await tokenFor('old'), await tokenFor('old')], requests.length]).toEqual([['old', 'old'], 1]);
  expect([warned.length, failed]).toEqual([1, [`${made.id} of alice`]]);
  expect(warned[0]).not.toContain('refresh-1');
  clock.advance(31_000);
  await tokenFor('old');
  expect(requests).toHaveLength(2);
  const secrets = { refreshToken: new Secret('refresh-9') };
  await vaults.changeCredential(id, made.id, (now) => ({ ...now, secrets }));
  await tokenFor('old');
  expect(requests.at(-1)?.get('refresh_token')).toBe('refresh-9');
});

test('a token that a person enters during a refresh wins over the one that comes back', async () => {
  const { tokenFor, vaults, id, made, storedRefresh } = await world(async () => {
    const secrets = { token: new Secret('by hand'), refreshToken: new Secret('refresh-hand') };
    await vaults.changeCredential(id, made.id, (now) => ({ ...now, secrets }));
    return granted({ access_token: 'late', refresh_token: 'late-refresh' });
  });
  expect([await tokenFor('old'), await storedRefresh()]).toEqual(['by hand', 'refresh-hand']);
});

test('of two servers that refresh at once, the one whose refresh token was used already takes the token of the other', async () => {
  let uses = 0;
  const both = Promise.withResolvers<void>();
  const first = Promise.withResolvers<void>();
  const { tokenFor, serverOf } = await world(async () => {
    uses += 1;
    if (uses === 2) {
      both.resolve();
      await first.promise;
      return new Response('{"error":"invalid_grant"}', { status: 400 });
    }
    await both.promise;
    return granted({ access_token: 'new', refresh_token: 'refresh-2' });
  });
  const one = tokenFor('old').finally(first.resolve);
  const two = tokenFor('old', serverOf());
  expect(await Promise.all([one, two])).toEqual(['new', 'new']);
});

test.each([
  ['no JSON', () => new Response('<html>', { status: 200 })],
  ['a token that no header can carry', () => granted({ access_token: 'a\r\nb' })],
  ['a redirect', () => new Response(null, { status: 302, headers: { location: 'https://evil.example/' } })],
  ['no answer', () => Promise.reject(new Error('it broke off'))],
  ['an endless answer', () => new Response(new Blob(['{"access_token":"', 'a'.repeat(100_000), '"}']).stream())],
])('%s from a token endpoint is no token', async (_, answer) => {
  const { tokenFor } = await world(answer);
  expect(await tokenFor('old')).toBe('old');
});
