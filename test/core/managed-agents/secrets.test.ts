import { expect, test } from 'vitest';
import type { SandboxSpec } from '../../../drivers/driver.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { SessionId } from '../../../src/core/model/ids.ts';
import { fakeRefs } from '../../support/agents/fake-models/models.ts';
import { fakeKey, fakeProvider } from '../../support/agents/fake-models/server.ts';
import { call } from '../../support/clients/call.ts';
import { MemoryBackend } from '../../support/memory-driver/backend.ts';
import { memoryDriver } from '../../support/memory-driver/memory.ts';
import { composedServer } from '../../support/servers/composed.ts';

const settings = { CORRAL_MANAGED_AGENTS: 'on' };
type Server = Awaited<ReturnType<typeof composedServer>>;
type Json = Record<string, unknown> & { id: string };
function program({ url, core }: Server) {
  const ask = async (path: string, body?: object): Promise<Json> =>
    (await call(body ? 'POST' : 'GET', `${url}/anthropic/v1/${path}`, { body })).body;
  const plain = async () => ({
    agent: (await ask('agents', { model: 'demo', name: 'A', tools: [{ type: 'agent_toolset_20260401' }] })).id,
    environment_id: (await ask('environments', { name: 'plain' })).id,
  });
  /** Sends a message to the session. */
  const send = (id: string, text: string) => ask(`sessions/${id}/events`, { events: [say(text)] });
  const ownId = (id: unknown) => SessionId.parse(`${id}`.replace('sesn_', ''));
  return { ask, plain, send, ownId, core };
}
const say = (text: string) => ({ type: 'user.message', content: [{ type: 'text', text }] });

test('a variable of a vault is a placeholder in the sandboxes of its sessions', async () => {
  const specs: SandboxSpec[] = [];
  const memory = memoryDriver(new MemoryBackend(systemClock, ['corral/sandbox']));
  const provision: typeof memory.provision = (spec, call) => {
    specs.push(spec);
    return memory.provision(spec, call);
  };
  await using server = await composedServer(settings, undefined, { driver: { ...memory, provision } });
  const { ask, plain, ownId, core } = program(server);
  const vault = await ask('vaults', { display_name: 'Alice' });
  const auth = {
    type: 'environment_variable',
    secret_name: 'API_KEY',
    secret_value: 'very-secret-value',
    networking: { type: 'limited', allowed_hosts: ['api.example.com'] },
  };
  const made = await ask(`vaults/${vault.id}/credentials`, { auth });
  const all = [
    made,
    await ask(`vaults/${vault.id}/credentials`),
    await ask(`vaults/${vault.id}/credentials/${made.id}`),
  ];
  expect(made.auth).toMatchObject({ secret_name: 'API_KEY', networking: auth.networking });
  const session = await ask('sessions', { ...(await plain()), vault_ids: [vault.id] });
  const { sandboxes } = core.services;
  await sandboxes.start(ownId(session.id), new AbortController().signal);
  expect(specs.at(-1)?.env?.API_KEY).toMatch(/^corral-API_KEY-[0-9a-f]{24}$/);
  expect(JSON.stringify([all, session, specs, server.lines])).not.toContain(auth.secret_value);
});

test.each([
  ['a host', ['api.example.com'], ['api.example.com', 'sub.example.org'], undefined],
  ['a wildcard', ['api.example.com'], ['*.example.com'], undefined],
  [
    'no host that the environment opens',
    ['api.example.com', 'other.example.com'],
    ['api.example.com'],
    'other.example.com',
  ],
  ['every name below one that is open', ['*.example.com'], ['api.example.com'], '*.example.com'],
])('a credential for %s is reported once where the environment does not open it', async (_, own, opened, host) => {
  await using server = await composedServer({ ...settings, CORRAL_EGRESS_POLICY: 'web' });
  const { ask, plain, send } = program(server);
  const vault = await ask('vaults', { display_name: 'Alice' });
  const networking = { type: 'limited', allowed_hosts: own };
  const auth = { type: 'environment_variable', secret_name: 'API_KEY', secret_value: 'very-secret-value', networking };
  const credential = await ask(`vaults/${vault.id}/credentials`, { auth });
  const config = { type: 'cloud', networking: { type: 'limited', allowed_hosts: opened } };
  const environment = await ask('environments', { name: 'narrow', config });
  const session = await ask('sessions', {
    ...(await plain()),
    environment_id: environment.id,
    vault_ids: [vault.id],
  });
  const list = async () => {
    const { data } = await ask(`sessions/${session.id}/events?limit=100`);
    return data as readonly Json[];
  };
  for (const runs of [1, 2]) {
    await send(session.id, 'Hello');
    await expect
      .poll(async () => (await list()).filter(({ type }) => type === 'session.status_idle'))
      .toHaveLength(runs);
  }
  const error = { type: 'credential_host_unreachable_error', credential_id: credential.id, vault_id: vault.id, host };
  expect((await list()).filter(({ type }) => type === 'session.error')).toMatchObject(
    host === undefined ? [] : [{ error }],
  );
});

test('a deployment keeps the token of a repository for its runs, and shows it nowhere', async () => {
  await using server = await composedServer(settings);
  const { ask, plain, ownId, core } = program(server);
  const token = 'ghp_very_secret_token';
  const repository = { type: 'github_repository', url: 'https://github.com/acme/tools', authorization_token: token };
  const made = await ask('deployments', {
    ...(await plain()),
    ...{ name: 'daily', initial_events: [say('Hello')], resources: [repository] },
  });
  const { authorization_token: _, ...shown } = repository;
  expect(made.resources).toEqual([{ ...shown, checkout: null, mount_path: null }]);
  const renamed = await ask(`deployments/${made.id}`, { name: 'nightly' });
  expect(renamed.resources).toEqual(made.resources);
  const run = await ask(`deployments/${made.id}/run`, {});
  const held = await core.services.sessionCredentials.list(ownId(run.session_id));
  expect(held).toMatchObject([{ name: 'github-1', git: 'write', paths: ['/acme/tools'] }]);
  const { repositories } = await core.services.sessions.get(ownId(run.session_id));
  expect(repositories).toMatchObject([{ url: repository.url }]);
  expect(JSON.stringify([made, renamed, run, await core.store.records.list('automation')])).not.toContain(token);
  const other = { ...repository, url: 'https://github.com/acme/other' };
  const moved = await ask(`deployments/${made.id}`, { resources: [other] });
  expect(moved.resources).toMatchObject([{ url: other.url }]);
  const next = await ask(`deployments/${made.id}/run`, {});
  const [one] = await core.services.sessionCredentials.list(ownId(next.session_id));
  expect(one?.paths).toEqual(['/acme/other']);
});

test('a session has its title in every API, and one made elsewhere the environment of the server', async () => {
  await using server = await composedServer(settings);
  const { ask, plain, ownId, core } = program(server);
  const own = await ask('sessions', { ...(await plain()), title: 'Mine' });
  expect(await core.services.sessions.get(ownId(own.id))).toMatchObject({ title: 'Mine' });
  const { id } = await core.services.sessions.create({ origin: 'trpc', title: 'Made elsewhere' });
  expect(await ask(`sessions/sesn_${id}`)).toMatchObject({ title: 'Made elsewhere', environment_id: 'env_server' });
});

test('the sessions of one version of an agent are listed', async () => {
  await using server = await composedServer(settings);
  const { ask, plain } = program(server);
  const input = await plain();
  const session = await ask('sessions', input);
  const listed = async (version: number) =>
    (await ask(`sessions?agent_id=${input.agent}&agent_version=${version}`)).data;
  expect([await listed(1), await listed(2)]).toMatchObject([[{ id: session.id }], []]);
});

test('a file that a session left has its name and type', async () => {
  await using server = await composedServer({ ...settings, CORRAL_DRIVER: 'process' });
  const { ask, plain, ownId } = program(server);
  const { id } = await ask('sessions', await plain());
  const path = `.session/outputs/${encodeURIComponent('résumé.csv')}`;
  await fetch(`${server.url}/streams/sessions/${ownId(id)}/file?path=${path}`, { method: 'PUT', body: 'a,b' });
  const [file] = (await ask(`files?scope_id=${id}`)).data as readonly Json[];
  const { headers } = await fetch(`${server.url}/anthropic/v1/files/${file?.id}/content`);
  expect(headers.get('content-type')).toMatch(/^text\/csv/);
  expect(headers.get('content-disposition')).toContain("filename*=UTF-8''r%C3%A9sum%C3%A9.csv");
});

test('the thinking of a reply is previewed, if requested, before its message', async () => {
  await using provider = await fakeProvider('compatible', () => ({ reasoning: 'Hm.', text: 'Hello' }));
  await using server = await composedServer({
    ...settings,
    CORRAL_MODELS_COMPATIBLE: JSON.stringify({ local: { 'base-url': provider.url, 'api-key': fakeKey } }),
  });
  const { ask, plain, send } = program(server);
  const agent = (await ask('agents', { model: fakeRefs.compatible, name: 'A' })).id;
  const { id } = await ask('sessions', { ...(await plain()), agent });
  const requested = 'event_deltas[]=agent.thinking&event_deltas[]=agent.message';
  const stream = await fetch(`${server.url}/anthropic/v1/sessions/${id}/events/stream?${requested}`);
  await send(id, 'Hello');
  let text = '';
  for await (const piece of stream.body ?? []) {
    text += Buffer.from(piece);
    if (text.includes('session.status_idle')) break;
  }
  const types = [...text.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => JSON.parse(data));
  expect(types.flatMap(({ type, event }) => (type === 'event_start' ? event.type : []))).toEqual([
    'agent.thinking',
    'agent.message',
  ]);
});

test('a memory at a taken path, and a change of a stale memory, are conflicts with types of their own', async () => {
  await using server = await composedServer(settings);
  const ask = async (path: string, body: object) =>
    (await call('POST', `${server.url}/anthropic/v1/memory_stores${path}`, { body })).body;
  const store = await ask('', { name: 'notes' });
  const memory = await ask(`/${store.id}/memories`, { path: '/a.md', content: 'one' });
  const taken = await ask(`/${store.id}/memories`, { path: '/a.md', content: 'two' });
  expect(taken.error?.type).toBe('memory_path_conflict_error');
  const precondition = { type: 'content_sha256', content_sha256: 'f'.repeat(64) };
  const stale = await ask(`/${store.id}/memories/${memory.id}`, { content: 'three', precondition });
  expect(stale.error?.type).toBe('memory_precondition_failed_error');
});
