import { expect, test } from 'vitest';
import {
  applyCredentialChange,
  CredentialChangeBody,
  NewCredentialBody,
  toCredential,
  toNewCredential,
} from '../../../../src/facades/compat/managed-agents/resources/credential-shapes.ts';
import { parseInput } from '../../../../src/facades/compat/managed-agents/wire.ts';

const now = Date.parse('2026-11-20T10:00:00.000Z');
const url = 'https://mcp.example/mcp';
const refresh = {
  client_id: 'c',
  refresh_token: 'refresh-token',
  token_endpoint: 'https://auth.example/token',
  token_endpoint_auth: { type: 'client_secret_basic', client_secret: 'client-secret' },
  scope: 'read',
};
const oauth = { type: 'mcp_oauth', access_token: 'access-token', mcp_server_url: url, refresh };
const made = (auth: object) => {
  const { secrets, ...facts } = toNewCredential(parseInput(NewCredentialBody, { auth }), now);
  const times = { createdAt: now, updatedAt: now, archivedAt: null };
  return { secrets, credential: { id: 'vcrd_1', vaultId: 'vlt_1', ...facts, ...times } };
};
const change = (auth: object, of: object = oauth) =>
  applyCredentialChange(made(of).credential, parseInput(CredentialChangeBody, { auth }), now);

test('a credential is shown with every field and without a secret', () => {
  const { credential, secrets } = made({ ...oauth, expires_at: '2026-11-20T11:00:00' });
  expect(toCredential(credential)).toEqual({
    id: 'vcrd_1',
    type: 'vault_credential',
    vault_id: 'vlt_1',
    display_name: null,
    metadata: {},
    created_at: '2026-11-20T10:00:00.000Z',
    updated_at: '2026-11-20T10:00:00.000Z',
    archived_at: null,
    auth: {
      type: 'mcp_oauth',
      mcp_server_url: url,
      expires_at: '2026-11-20T11:00:00.000Z',
      refresh: {
        client_id: 'c',
        token_endpoint: 'https://auth.example/token',
        token_endpoint_auth: { type: 'client_secret_basic' },
        resource: null,
        scope: 'read',
      },
    },
  });
  const values = [secrets.token, secrets.refreshToken, secrets.clientSecret].map((secret) => secret?.reveal());
  expect(values).toEqual(['access-token', 'refresh-token', 'client-secret']);
});

const variable = {
  type: 'environment_variable',
  secret_name: 'API_KEY',
  secret_value: 'very secret',
  networking: { type: 'limited', allowed_hosts: ['api.example.com', '*.example.org'] },
};
test.each<[string, object, object, object]>([
  ['places left out', {}, {}, { injection_location: { header: true, body: true } }],
  [
    'one place',
    { injection_location: { header: true } },
    {},
    { injection_location: { header: true, body: false }, networking: variable.networking },
  ],
  [
    'a place added later',
    { injection_location: { body: true }, networking: { type: 'unrestricted' } },
    { injection_location: { header: true } },
    { injection_location: { header: true, body: true }, networking: { type: 'unrestricted' } },
  ],
  ['other hosts later', {}, { networking: { type: 'unrestricted' } }, { networking: { type: 'unrestricted' } }],
])('a variable with %s is shown without its value', (_, more, later, shown) => {
  const of = { ...variable, ...more };
  expect(made(of).secrets.token.reveal()).toBe('very secret');
  const next = { ...made(of).credential, ...change({ type: 'environment_variable', ...later }, of) };
  expect(toCredential(next).auth).toMatchObject({ type: 'environment_variable', secret_name: 'API_KEY', ...shown });
  expect(JSON.stringify(toCredential(next))).not.toContain('very secret');
  expect(change({ type: 'environment_variable', secret_value: 'new' }, of).secrets?.token?.reveal()).toBe('new');
});

test('a change keeps what it leaves out, and the way in which the client proves itself', () => {
  const auth = {
    type: 'mcp_oauth',
    refresh: { token_endpoint_auth: { type: 'client_secret_post', client_secret: 'x' } },
  };
  const next = change(auth);
  expect(next.auth).toMatchObject({ refresh: { clientAuth: 'client_secret_basic', scope: 'read' } });
  expect(Object.keys(next.secrets ?? {})).toEqual(['clientSecret']);
  expect(change({ type: 'mcp_oauth', refresh: { scope: '' } }).auth).toMatchObject({ refresh: { scope: null } });
});

test.each([
  ['a time in the past', { ...oauth, expires_at: '2020-01-01T00:00:00Z' }],
  ['a token with a line break', { type: 'static_bearer', token: 'a\r\nx: y', mcp_server_url: url }],
  ['a name in the address', { type: 'static_bearer', token: 'a', mcp_server_url: 'https://me:pw@mcp.example/' }],
  ['another scheme', { type: 'static_bearer', token: 'a', mcp_server_url: 'file:///etc/passwd' }],
  ['a token endpoint that is no address', { ...oauth, refresh: { ...refresh, token_endpoint: 'auth' } }],
  ['a variable without hosts', { ...variable, networking: undefined }],
  ['a variable of the daemon', { ...variable, secret_name: 'CORRAL_TOKEN' }],
  ['a variable whose name no shell takes', { ...variable, secret_name: 'A-B' }],
  ['a variable whose value no header carries', { ...variable, secret_value: 'a\nb' }],
  ['seventeen hosts', { ...variable, networking: { type: 'limited', allowed_hosts: Array(17).fill('a.example') } }],
  ['an address as a host', { ...variable, networking: { type: 'limited', allowed_hosts: ['https://a.example/'] } }],
  ['no place', { ...variable, injection_location: {} }],
  ['null as its places', { ...variable, injection_location: null }],
  ['an unknown field', { type: 'static_bearer', token: 'a', mcp_server_url: url, colour: 'red' }],
])('a credential with %s is refused', (_, auth) =>
  expect(() => made(auth)).toThrow(expect.objectContaining({ code: 'invalid_request' })),
);

test.each([
  ['another type', { type: 'static_bearer', token: 'x' }, oauth],
  ['another address', { type: 'mcp_oauth', mcp_server_url: 'https://other.example/' }, oauth],
  ['another name of a variable', { type: 'environment_variable', secret_name: 'B' }, variable],
  ['no place', { type: 'environment_variable', injection_location: { header: false, body: false } }, variable],
  ['a variable', { type: 'environment_variable', secret_value: 'x' }, oauth],
  ['a refresh that it never had', { type: 'mcp_oauth', refresh: { scope: 'x' } }, { ...oauth, refresh: null }],
  [
    'a client secret where there is none',
    { type: 'mcp_oauth', refresh: { token_endpoint_auth: { type: 'client_secret_basic', client_secret: 'x' } } },
    { ...oauth, refresh: { ...refresh, token_endpoint_auth: { type: 'none' } } },
  ],
])('a change to %s is refused', (_, auth, of) =>
  expect(() => change(auth, of)).toThrow(expect.objectContaining({ code: 'invalid_request' })),
);
