import { afterAll, beforeAll, expect, test } from 'vitest';
import { SessionId } from '../../../src/core/model/ids.ts';
import { type CallOptions, call } from '../../support/clients/call.ts';
import { type ComposedServer, composedServer } from '../../support/servers/composed.ts';

// The requests of a work queue, on a server that asks for no credential.
let server: ComposedServer;
beforeAll(async () => {
  server = await composedServer({ CORRAL_MANAGED_AGENTS: 'on', CORRAL_MANAGED_AGENTS_ROOT: 'on' });
});
afterAll(() => server?.[Symbol.asyncDispose]());

// biome-ignore lint/suspicious/noExplicitAny: read by assertions
type Body = any;
const responseTo = (method: string, path: string, sent?: CallOptions) => call(method, server.url + path, sent);
const ask = async (method: string, path: string, body?: object): Promise<Body> =>
  (await responseTo(method, `/anthropic/v1${path}`, body && { body })).body;
const environment = async (config: object = { type: 'self_hosted' }): Promise<string> =>
  (await ask('POST', '/environments', { name: 'own', config })).id;
async function queued() {
  const env = await environment();
  const agent = await ask('POST', '/agents', { model: 'demo', name: 'Coder' });
  const session = await ask('POST', '/sessions', { agent: agent.id, environment_id: env });
  return { env, agent: agent.id as string, session: session.id as string };
}

test('a self-hosted environment is shown as it was made, and keeps its type', async () => {
  const id = await environment();
  const own = await ask('GET', `/environments/${id}`);
  expect([own.config, own.scope]).toEqual([{ type: 'self_hosted' }, 'organization']);
  const renamed = await ask('POST', `/environments/${id}`, { name: 'other', config: { type: 'self_hosted' } });
  expect([renamed.name, renamed.config]).toEqual(['other', { type: 'self_hosted' }]);
  const changed = await responseTo('POST', `/anthropic/v1/environments/${id}`, { body: { config: { type: 'cloud' } } });
  expect([changed.status, changed.body.error.details.error_code]).toEqual([400, 'invalid_config_type_change']);
});

test('a poll without work answers null as JSON, also at the root', async () => {
  const id = await environment();
  for (const at of ['/anthropic/v1', '/v1']) {
    const { status, text, headers } = await responseTo('GET', `${at}/environments/${id}/work/poll?block_ms=1`);
    expect([status, text, headers.get('content-type')?.split(';')[0]]).toEqual([200, 'null', 'application/json']);
    expect(headers.get('request-id')).toBeTruthy();
  }
});

test('a tool whose schema no model takes is left out with a notice, and shown as the client sent it', async () => {
  const id = await environment({ type: 'cloud' });
  const never = { allOf: [{ type: 'string' }, { type: 'number' }] };
  const input_schema = { type: 'object', properties: { $a: never }, required: ['$a'] };
  const tools = [{ type: 'custom', name: 'find', description: 'Finds.', input_schema }];
  const agent = await ask('POST', '/agents', { model: 'demo', name: 'Finder', tools });
  const initial_events = [{ type: 'user.message', content: [{ type: 'text', text: 'hi' }] }];
  const session = await ask('POST', '/sessions', { agent: agent.id, environment_id: id, initial_events });
  expect([agent.tools, session.agent.tools]).toMatchObject([tools, tools]);
  const sid = SessionId.parse(session.id.slice('sesn_'.length));
  const detail = expect.stringMatching(/^The custom tool find is left out: no value fits its parameter/);
  const notices = async () =>
    (await server.core.services.sessions.page(sid, 0, 100)).events.filter(({ type }) => type === 'run.notice');
  await expect.poll(notices).toMatchObject([{ data: { kind: 'left_out', detail } }]);
});

test.each([
  ['a poll that blocks for 0 ms', 'GET', 'work/poll?block_ms=0', {}],
  ['a poll that blocks for a second', 'GET', 'work/poll?block_ms=1000', {}],
  ['a poll that blocks for words', 'GET', 'work/poll?block_ms=long', {}],
  ['a poll with a negative age', 'GET', 'work/poll?reclaim_older_than_ms=-1', {}],
  ['a worker with a long name', 'GET', 'work/poll', { headers: { 'anthropic-worker-id': 'x'.repeat(257) } }],
  ['a heartbeat that names no time', 'POST', 'work/{work}/heartbeat?expected_last_heartbeat=never', {}],
  ['a heartbeat with a strange lease', 'POST', 'work/{work}/heartbeat?desired_ttl_seconds=1e9', {}],
  ['a stop with an unknown field', 'POST', 'work/{work}/stop', { body: { now: true } }],
  ['a stop that is no object', 'POST', 'work/{work}/stop', { body: '[[[[' }],
  ['metadata that are too long', 'POST', 'work/{work}', { body: { metadata: { a: 'x'.repeat(513) } } }],
  ['too many metadata', 'POST', 'work/{work}', { body: { metadata: pairs(17) } }],
  ['a list with a bad limit', 'GET', 'work?limit=0', {}],
  ['a list with a strange cursor', 'GET', 'work?page=abc', {}],
  ['a key without a name', 'POST', 'keys', { body: { name: '' } }],
  ['a body that is nested deep', 'POST', 'keys', { body: `{"name":${'['.repeat(5_000)}${']'.repeat(5_000)}}` }],
])('%s is refused and changes nothing', async (_, method, path, shown) => {
  const { env, session } = await queued();
  const [item] = (await ask('GET', `/environments/${env}/work`)).data;
  const answer = await responseTo(
    method,
    `/anthropic/v1/environments/${env}/${path.replace('{work}', item.id)}`,
    shown,
  );
  expect([answer.status, answer.body.type]).toEqual([400, 'error']);
  expect((await ask('GET', `/environments/${env}/work`)).data).toEqual([item]);
  expect(item).toMatchObject({ state: 'queued', secret: null, data: { type: 'session', id: session } });
});
function pairs(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [`key-${n}`, 'x']));
}

test('an environment that is no queue has none, and unknown items and keys are missing', async () => {
  const [cloud, own] = [await environment({ type: 'cloud' }), await environment()];
  const status = async (method: string, path: string) =>
    (await responseTo(method, `/anthropic/v1/environments/${path}`)).status;
  expect([await status('GET', `${cloud}/work/poll`), await status('GET', `${cloud}/keys`)]).toEqual([400, 400]);
  expect(await status('GET', 'env_ffffffffffffffffffffffff/work/poll')).toBe(404);
  for (const path of ['work/work_0123456789abcdefx1/ack', 'work/nonsense/stop', 'work/..%2f..%2fx/heartbeat'])
    expect(await status('POST', `${own}/${path}`), path).toBe(404);
  expect(await status('DELETE', `${own}/keys/ffffffffffff`)).toBe(404);
});

test('an interrupt queues a session again whose item was stopped, and archiving it ends its item', async () => {
  const { env, session } = await queued();
  const states = async () => (await ask('GET', `/environments/${env}/work`)).data.map(({ state }: Body) => state);
  const [item] = (await ask('GET', `/environments/${env}/work`)).data;
  await ask('POST', `/environments/${env}/work/${item.id}/stop`);
  expect(await states()).toEqual(['stopped']);
  await ask('POST', `/sessions/${session}/events`, { events: [{ type: 'user.interrupt' }] });
  expect(await states()).toEqual(['queued', 'stopped']);
  await ask('POST', `/sessions/${session}/archive`);
  expect(await states()).toEqual(['stopped', 'stopped']);
});

test('files of a session without a sandbox here are refused', async () => {
  const { env, agent } = await queued();
  const resources = [{ type: 'file', file_id: 'file_1' }];
  const body = { agent, environment_id: env, resources };
  const { status, text } = await responseTo('POST', '/anthropic/v1/sessions', { body });
  expect([status, text.includes('not supported with self-hosted environments')]).toEqual([400, true]);
});

test('where no credential is requested, one of a worker opens its routes alone, until it is revoked', async () => {
  const { env } = await queued();
  const { id, key } = await ask('POST', `/environments/${env}/keys`, { name: 'laptop' });
  const status = async (path: string, headers: Record<string, string>) =>
    (await responseTo('GET', `/anthropic/v1${path}`, { headers })).status;
  const queue = `/environments/${env}/work/stats`;
  expect(await status(queue, { 'x-api-key': key })).toBe(200);
  expect(await status(queue, { authorization: `Bearer ${key}` })).toBe(200);
  expect(await status('/agents', { 'x-api-key': key })).toBe(403);
  expect(await status(queue, { 'x-corral-worker': key })).toBe(200); // as without a key: the header is the server's own
  const listed = (await ask('GET', `/environments/${env}/keys`)).data;
  expect(listed).toMatchObject([{ id, name: 'laptop', revoked_at: null }]);
  expect(JSON.stringify(listed)).not.toContain(key);
  await ask('DELETE', `/environments/${env}/keys/${id}`);
  const refused = await responseTo('GET', `/anthropic/v1${queue}`, { headers: { 'x-api-key': key } });
  const expected = [401, expect.stringContaining('The key of this environment was revoked.')];
  expect([refused.status, refused.text]).toEqual(expected);
  expect(await status(queue, { authorization: 'Bearer crlenv_nonsense' })).toBe(401);
});

test('a worker downloads the skills of its sessions, and no others', async () => {
  const skill = async (name: string): Promise<string> => {
    const form = new FormData();
    form.append('files[]', new Blob([`---\nname: ${name}\ndescription: x\n---\nBe brief.\n`]), `${name}/SKILL.md`);
    const made = await fetch(`${server.url}/v1/skills`, { method: 'POST', body: form });
    return ((await made.json()) as Body).id;
  };
  const [own, other, env] = [await skill('own-style'), await skill('other-style'), await environment()];
  const skills = [{ type: 'custom', skill_id: own }];
  const agent = await ask('POST', '/agents', { model: 'demo', name: 'Writer', skills });
  const session = await ask('POST', '/sessions', { agent: agent.id, environment_id: env });
  const [{ version }] = session.agent.skills;
  const { key } = await ask('POST', `/environments/${env}/keys`, { name: 'laptop' });
  const item = await ask('GET', `/environments/${env}/work/poll`);
  const token = JSON.parse(Buffer.from(item.secret, 'base64url').toString()).sessions_token;
  for (const credential of [key, token]) {
    const answer = async (path: string, method = 'GET') => {
      const headers = { authorization: `Bearer ${credential}` };
      return await fetch(`${server.url}/anthropic/v1/skills/${path}`, { method, headers });
    };
    expect(await (await answer(`${own}/versions/${version}`)).json()).toMatchObject({ id: version, name: 'own-style' });
    const archive = await answer(`${own}/versions/${version}/content`);
    expect(
      Buffer.from(await archive.arrayBuffer())
        .subarray(0, 2)
        .toString(),
    ).toBe('PK');
    for (const [path, method, status] of [
      [`${other}/versions/latest`, 'GET', 404],
      [`${other}/versions/latest/content?x=/v1/skills/${own}/`, 'GET', 404],
      [own, 'GET', 403],
      [`${own}/versions`, 'GET', 403],
      [`${own}/versions/${version}`, 'DELETE', 403],
    ] as const)
      expect([path, (await answer(path, method)).status]).toEqual([path, status]);
  }
});

test("a worker keeps its session's memory stores, those to be read unchanged, and no others", async () => {
  const store = async (name: string): Promise<string> => (await ask('POST', '/memory_stores', { name })).id;
  const [own, rules, other, env] = [
    await store('Own'),
    await store('Rules'),
    await store('Other'),
    await environment(),
  ];
  const agent = await ask('POST', '/agents', { model: 'demo', name: 'Writer' });
  const resources = [
    { type: 'memory_store', memory_store_id: own },
    { type: 'memory_store', memory_store_id: rules, access: 'read_only' },
  ];
  const session = await ask('POST', '/sessions', { agent: agent.id, environment_id: env, resources });
  expect(session.resources.map((one: Body) => one.mount_path)).toEqual(['/mnt/memory/own', '/mnt/memory/rules']);
  const { key } = await ask('POST', `/environments/${env}/keys`, { name: 'laptop' });
  const item = await ask('GET', `/environments/${env}/work/poll`);
  const token = JSON.parse(Buffer.from(item.secret, 'base64url').toString()).sessions_token;
  const by = async (credential: string, method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${credential}` };
    return await responseTo(method, `/anthropic/v1/memory_stores/${path}`, { headers, ...(body && { body }) });
  };
  const made = await by(token, 'POST', `${own}/memories`, { path: '/a.md', content: 'x' });
  const changed = await by(token, 'POST', `${own}/memories/${made.body.id}`, { content: 'y' });
  expect([made.status, changed.status]).toEqual([200, 200]);
  const versions = await ask('GET', `/memory_stores/${own}/memory_versions?session_id=${session.id}`);
  expect(versions.data.map((one: Body) => one.created_by)).toEqual(
    Array(2).fill({ type: 'session_actor', session_id: session.id }),
  );
  const status = async (...asking: Parameters<typeof by>) => (await by(...asking)).status;
  const text = { path: '/b.md', content: 'x' };
  expect(await status(token, 'GET', `${rules}/memories`)).toBe(200);
  expect(await status(token, 'POST', `${rules}/memories`, text)).toBe(403);
  expect(await status(token, 'POST', `${other}/memories?x=/v1/sessions/${session.id}`, text)).toBe(404);
  expect([await status(token, 'GET', `${other}/memories`), await status(token, 'GET', own)]).toEqual([404, 403]);
  expect(await status(token, 'DELETE', own)).toBe(403);
  expect(await status(token, 'GET', `${own}/memory_versions`)).toBe(403);
  expect(await status(key, 'GET', `${own}/memories`)).toBe(403);
});
