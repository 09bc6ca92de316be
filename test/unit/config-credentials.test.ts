import { expect, test } from 'vitest';
import { openProxyCredentials } from '../../src/app/parts/credentials.ts';
import { loadConfig } from '../../src/app/settings/config.ts';
import { SessionId } from '../../src/core/model/ids.ts';
import type { SessionAgent } from '../../src/core/model/session-agent.ts';
import { Secret } from '../../src/core/text/secret.ts';
import { anyHostEntry } from '../../src/sandboxes/egress/policy.ts';

const from = (credentials: object) => loadConfig({ CORRAL_EGRESS_CREDENTIALS: JSON.stringify(credentials) }, '');
const opened = (credentials: object, env: Record<string, string> = { REAL: 'r-e-a-l' }, learn = (_: Secret) => {}) => {
  const config = { ...from(credentials), keys: { encryptionKey: undefined, encryptionKeyFile: 'package.json' } };
  return openProxyCredentials({ config, env, newKey: () => 'k', now: () => 0, learn });
};
const anthropic = { hosts: ['api.anthropic.com'], header: 'X-API-Key', 'value-from': { env: 'REAL' } };

test('a credential of the file is read with its defaults', () => {
  const yaml = 'egress:\n  credentials:\n    git: {hosts: [git.example], value-from: {file: /run/token}}\n';
  expect(loadConfig({}, yaml).egress.credentials).toEqual([
    {
      name: 'git',
      hosts: ['git.example'],
      from: { file: '/run/token' },
      env: [],
      header: 'authorization',
      scheme: 'bearer',
    },
  ]);
});

test.each<[string, object, string]>([
  ['a header as it is', { header: 'X-Api-Key' }, 'x-api-key: r-e-a-l'],
  ['a bearer token', {}, 'authorization: Bearer r-e-a-l'],
  ['a bearer token in another header', { header: 'X-Auth', scheme: 'bearer' }, 'x-auth: Bearer r-e-a-l'],
  ['Basic', { scheme: 'basic', user: 'me' }, `authorization: Basic ${Buffer.from('me:r-e-a-l').toString('base64')}`],
])('the value is written as %s', async (_, how, expected) => {
  const { of } = await opened({ one: { hosts: ['a.example'], 'value-from': { env: 'REAL' }, ...how } });
  const [one] = await of(SessionId.parse('0123456789abcdef'));
  expect(`${one?.header}: ${one?.write((await one.value()).reveal())}`).toBe(expected);
});

test('sandboxes get placeholders that do not contain the value', async () => {
  const { env } = await opened({ anthropic: { ...anthropic, env: ['ANTHROPIC_API_KEY'] } });
  expect(env.ANTHROPIC_API_KEY).toMatch(/^corral-anthropic-[0-9a-f]{24}$/);
});

test('the log masks each value', async () => {
  const masked: string[] = [];
  await opened({ anthropic }, undefined, (secret) => masked.push(secret.reveal()));
  expect(masked).toEqual(['r-e-a-l']);
});

test('a value that is missing at the start is an error that names the place', async () => {
  await expect(opened({ anthropic }, {})).rejects.toThrow(/credentials\.anthropic: the variable REAL is empty/);
  const file = { ...anthropic, 'value-from': { file: '/no/such/file' } };
  await expect(opened({ anthropic: file })).rejects.toThrow(/the file \/no\/such\/file is empty/);
});

test('a value that no header can carry is an error that does not repeat it', async () => {
  const wrong = opened({ anthropic }, { REAL: 'two\nlines' });
  await expect(wrong).rejects.toThrow(/headers cannot carry/);
  await expect(wrong).rejects.not.toThrow(/lines/);
});

test('two credentials for one header of one host are an error', () =>
  expect(opened({ one: anthropic, two: anthropic })).rejects.toThrow(/one and two both set x-api-key of/));

test.each([
  ['an unknown key', { one: { ...anthropic, colour: 'red' } }],
  ['no host', { one: { ...anthropic, hosts: [] } }],
  ['a host with a path', { one: { ...anthropic, hosts: ['a.example/b'] } }],
  ['a name with capitals', { One: anthropic }],
  ['a header that the proxy itself writes', { one: { ...anthropic, header: 'Host' } }],
  ['a variable of the daemon', { one: { ...anthropic, env: ['CORRAL_DESKTOP'] } }],
])('%s is refused', (_, credentials) => expect(() => from(credentials)).toThrow(/egress\.credentials/));

test("users' credentials come before the server's, a change here counts at once, and one elsewhere within a second", async () => {
  const id = SessionId.parse('0123456789abcdef');
  const config = {
    ...from({ server: { ...anthropic, env: ['API_KEY', 'OTHER'] } }),
    keys: { encryptionKey: undefined, encryptionKeyFile: 'package.json' },
  };
  let now = 0;
  const it = await openProxyCredentials({
    config,
    env: { REAL: 'r-e-a-l' },
    newKey: () => 'k',
    now: () => now,
    learn: () => {},
  });
  const uses = { secret: 'sec_1', before: 'Token "', after: '"' };
  const mine = { name: 'mine', hosts: ['b.example'], header: 'x-b', env: ['API_KEY'], holder: id, uses };
  let held = [mine];
  let isDown = false;
  const inForce = async () => {
    if (isDown) throw new Error('no store');
    return held;
  };
  it.readFrom({
    keys: async () => undefined,
    ring: {
      inForce,
      inForceFor: async () => ({ held: await inForce(), repositories: [], vaults: { ids: ['vlt_1'], session: {} } }),
      value: async () => new Secret('of-the-user'),
    },
    variables: async ({ ids }) =>
      ids.map((vault) => ({
        type: 'environment_variable' as const,
        id: `vcrd_of_${vault}`,
        vaultId: vault,
        secretName: 'OTHER',
        hosts: null,
        places: { header: true, body: false },
        value: async () => new Secret('of-the-vault'),
      })),
  });
  const names = async () => (await it.of(id)).map(({ name }) => name).slice(1);
  expect(await names()).toEqual(['mine', 'server']);
  const [variable, first] = await it.of(id);
  expect(variable).toMatchObject({ name: 'OTHER', hosts: [anyHostEntry], replaces: { header: true, body: false } });
  expect((await first?.value())?.reveal()).toBe('of-the-user');
  expect(first?.write('x')).toBe('Token "x"');
  const env = await it.readEnv({ id, projectId: null });
  expect([env.API_KEY, env.OTHER]).toEqual([first?.placeholder, it.env.OTHER]);
  const agent = { vaults: ['vlt_1'] } as unknown as SessionAgent;
  expect((await it.readEnv({ id, projectId: null, agent })).OTHER).toBe(variable?.placeholder);

  held = [];
  expect(await names()).toEqual(['mine', 'server']);
  now += 1_000;
  expect(await names()).toEqual(['server']);
  held = [mine];
  it.changed();
  expect(await names()).toEqual(['mine', 'server']);
  now += 1_000;
  isDown = true;
  expect(await names()).toEqual(['mine', 'server']);
});
