import { expect } from 'vitest';
import { z } from 'zod';
import { AppError } from '../../../src/core/errors/errors.ts';
import { SessionId } from '../../../src/core/model/ids.ts';
import { opencodexServer } from '../../support/clients/opencodex.ts';
import { opencodexTest } from '../../support/clients/server-tests.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

const test = opencodexTest.extend('id', ({ server }) => server.newProject());
const uuid = expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
const at = '2023-11-14T22:13:20.000Z';
const unknown = '00000000-0000-4000-8000-000000000000';

test('a project can be created, read, changed, listed newest change first, and deleted once', async () => {
  const clock = manualClock(1_700_000_000_000);
  await using server = await opencodexServer({ clock });
  const created = await server.call('POST', '/projects', { name: 'Website', description: 'Ours' });
  expect(created).toMatchObject({
    status: 201,
    body: { id: uuid, name: 'Website', description: 'Ours', created_at: at, updated_at: at },
  });
  const { id } = created.body;
  expect((await server.call('GET', `/projects/${id}`)).body).toEqual(created.body);
  clock.advance(1_000);
  const other = await server.newProject('Other');
  clock.advance(1_000);
  const changed = await server.call('PUT', `/projects/${id}`, { description: null });
  expect(changed).toMatchObject({
    status: 200,
    body: { name: 'Website', description: null, created_at: at, updated_at: '2023-11-14T22:13:22.000Z' },
  });
  const list = (await server.call('GET', '/projects')).body;
  expect([list.total, list.projects.map((project: { id: string }) => project.id)]).toEqual([2, [id, other]]);
  const page = (await server.call('GET', '/projects?skip=1&limit=1')).body;
  expect([page.total, page.projects.map((project: { id: string }) => project.id)]).toEqual([2, [other]]);
  expect(await server.call('DELETE', `/projects/${id}`)).toMatchObject({ status: 204, body: '' });
  expect(await server.call('DELETE', `/projects/${id}`)).toMatchObject({
    status: 404,
    body: { detail: `Project with id ${id} not found` },
  });
});

test('deleting a project deletes its chats and files, and keeps those of other projects', async ({ server }) => {
  const [id, other] = [await server.newProject(), await server.newProject()];
  const [own, strange] = [await server.newChat(id), await server.newChat(other)];
  const form = new FormData();
  form.set('file', new File(['x'], 'x.txt'));
  const file = (await server.call('POST', `/files/upload/${id}`, form)).body.id;
  await server.call('DELETE', `/projects/${id}`);
  expect((await server.call('GET', `/chats/${own}`)).status).toBe(404);
  expect((await server.call('GET', `/files/${file}/download`)).status).toBe(404);
  expect((await server.call('GET', `/projects/${id}/agent-config`)).status).toBe(404);
  expect((await server.call('GET', `/chats/${strange}`)).status).toBe(200);
});

test('an invalid input is 422, with the place of the error', async ({ server, id }) => {
  const missing = { detail: [{ type: 'missing', loc: ['body', 'name'], msg: 'Field required' }] };
  expect(await server.call('POST', '/projects', {})).toMatchObject({ status: 422, body: missing });
  const cases: [string, string, unknown, (string | number)[]][] = [
    ['POST', '/projects', { name: '' }, ['body', 'name']],
    ['POST', '/projects', { name: 'x'.repeat(256) }, ['body', 'name']],
    ['POST', '/projects', { name: 7 }, ['body', 'name']],
    ['POST', '/projects', '{"name":', ['body']],
    ['POST', '/projects', '[]', ['body']],
    ['GET', '/projects?limit=0', undefined, ['query', 'limit']],
    ['GET', '/projects?limit=501', undefined, ['query', 'limit']],
    ['GET', '/projects?skip=-1', undefined, ['query', 'skip']],
    ['GET', '/projects?skip=x', undefined, ['query', 'skip']],
    ['POST', '/chats', {}, ['query', 'project_id']],
    ['PUT', `/projects/${id}/agent-config`, { llm_provider: 'nobody' }, ['body', 'llm_provider']],
    ['PUT', `/projects/${id}/agent-config`, { enabled_tools: ['rm'] }, ['body', 'enabled_tools', 0]],
  ];
  for (const [method, path, body, loc] of cases) {
    const answer = await server.call(method, path, body);
    expect([answer.status, answer.body.detail?.[0]?.loc], `${method} ${path} ${JSON.stringify(body)}`).toEqual([
      422,
      loc,
    ]);
  }
});

test('inputs of exactly the maximum size are accepted', async ({ server }) => {
  expect((await server.call('POST', '/projects', { name: 'x'.repeat(255) })).status).toBe(201);
  expect((await server.call('GET', '/projects?skip=0&limit=500')).status).toBe(200);
  const sid = await server.newChat();
  expect((await server.call('PUT', `/chats/${sid}`, { name: 'x'.repeat(255) })).status).toBe(200);
  const message = { content: 'x'.repeat(200_000) };
  expect((await server.call('POST', `/chats/${sid}/messages`, message)).status).toBe(201);
  for (const [length, status] of [
    [200_000, 200],
    [200_001, 422],
  ] as const) {
    const command = 'x'.repeat(length);
    expect((await server.call('POST', `/sandbox/${sid}/execute`, { command })).status).toBe(status);
  }
});

test('a chat belongs to its project, and its default name is not a title', async () => {
  const clock = manualClock(1_700_000_000_000);
  await using server = await opencodexServer({ clock });
  const id = await server.newProject();
  const chat = await server.call('POST', `/projects/${id}/chat-sessions`, { name: 'Chat of today' });
  expect(chat).toMatchObject({
    status: 201,
    body: {
      id: expect.stringMatching(/^[0-9a-f]{16}$/),
      project_id: id,
      name: 'Chat of today',
      status: 'active',
      created_at: at,
      updated_at: at,
      container_id: null,
      environment_type: 'python3.11',
    },
  });
  const sid = SessionId.parse(chat.body.id);
  expect(await Array.fromAsync(server.fake.sessions.history(sid))).not.toContainEqual(
    expect.objectContaining({ type: 'title' }),
  );
  clock.advance(1_000);
  const second = await server.call('POST', `/chats?project_id=${id}`, {});
  expect(second).toMatchObject({ status: 201, body: { project_id: id, name: 'New Chat' } });
  for (const path of [`/projects/${id}/chat-sessions`, `/chats?project_id=${id}`, '/chats']) {
    const { chat_sessions, total } = (await server.call('GET', path)).body;
    expect([total, chat_sessions.map((one: { id: string }) => one.id)], path).toEqual([2, [second.body.id, sid]]);
  }
  expect((await server.call('GET', `/chats/${sid}`)).body).toEqual(chat.body);
});

test('a session of another facade appears as a chat without a project', async ({ server }) => {
  const { id } = await server.fake.sessions.create({ origin: 'sheikhbox' });
  const expected = { id, project_id: null, name: 'New Chat', environment_type: null };
  expect((await server.call('GET', `/chats/${id}`)).body).toMatchObject(expected);
  expect((await server.call('GET', '/chats')).body.total).toBe(1);
});

test('renaming a chat appends an event, archiving does not, and a chat is deleted once', async ({ server }) => {
  const sid = SessionId.parse(await server.newChat());
  const expected = { name: 'Mine', status: 'active' };
  expect((await server.call('PUT', `/chats/${sid}`, { name: 'Mine' })).body).toMatchObject(expected);
  expect((await server.call('PUT', `/chats/${sid}`, { status: 'archived' })).body).toMatchObject({
    name: 'Mine',
    status: 'archived',
  });
  expect((await Array.fromAsync(server.fake.sessions.history(sid))).map(({ type }) => type)).toEqual(['title']);
  expect((await server.call('PUT', `/chats/${sid}`, { status: 'gone' })).status).toBe(422);
  expect(await server.call('DELETE', `/chats/${sid}`)).toMatchObject({ status: 204, body: '' });
  expect(await server.call('DELETE', `/chats/${sid}`)).toMatchObject({
    status: 404,
    body: { detail: `Chat session with id ${sid} not found` },
  });
});

test("a project's agent starts with the default template and the configured model", async ({ server, id }) => {
  const { body } = await server.call('GET', `/projects/${id}/agent-config`);
  expect(body).toEqual({
    id: uuid,
    project_id: id,
    agent_type: 'code_agent',
    environment_type: 'python3.11',
    system_instructions: expect.stringContaining('software developer'),
    enabled_tools: ['bash', 'file_read', 'file_write', 'file_edit', 'search', 'browser'],
    llm_provider: 'demo',
    llm_model: 'demo',
    llm_config: {},
  });
});

test('an agent can be changed field by field, and a template does not change its model', async ({ server, id }) => {
  const path = `/projects/${id}/agent-config`;
  const before = (await server.call('GET', path)).body;
  const change = { llm_provider: 'gemini', llm_model: 'gemini-2.5-pro', llm_config: { temperature: 0.5 } };
  expect((await server.call('PUT', path, change)).body).toEqual({ ...before, ...change });
  const refused = await server.call('PUT', path, { llm_config: { stream: true } });
  expect([refused.status, refused.body.detail[0].loc]).toEqual([422, ['body', 'llm_config']]);
  const narrow = { enabled_tools: ['bash', 'bash'], system_instructions: null };
  const narrowed = { ...before, ...change, enabled_tools: ['bash'], system_instructions: null };
  expect((await server.call('PUT', path, narrow)).body).toEqual(narrowed);
  const applied = await server.call('POST', `${path}/apply-template/code_reviewer`);
  expect(applied).toMatchObject({ status: 200, body: { ...change, enabled_tools: ['bash', 'file_read', 'search'] } });
  expect((await server.call('GET', path)).body).toEqual(applied.body);
  const expected = { status: 404, body: { detail: 'Template with id nothing not found' } };
  expect(await server.call('POST', `${path}/apply-template/nothing`)).toMatchObject(expected);
});

test('an agent has fall-backs and tool servers of its own, and shows them once it has some', async ({ server }) => {
  const path = `/projects/${await server.newProject()}/agent-config`;
  const own = {
    llm_fallbacks: ['openai/gpt-5-mini'],
    mcp_servers: {
      files: { command: 'npx', args: ['-y', 'server'], env: {}, tools: ['read_*'], 'timeout-seconds': 30 },
    },
  };
  expect(await server.call('PUT', path, own)).toMatchObject({ status: 200, body: own });
  expect((await server.call('GET', path)).body).toMatchObject(own);
  const refused = async (change: object) => {
    const { status, body } = await server.call('PUT', path, change);
    return [status, body.detail[0].loc[1], body.detail[0].msg];
  };
  const unknown = 'The fallback nobody/x uses the unknown provider nobody.';
  expect(await refused({ llm_fallbacks: ['nobody/x'] })).toEqual([422, 'llm_fallbacks', unknown]);
  const byAddress = await refused({ mcp_servers: { docs: { url: 'https://docs.example/mcp' } } });
  expect(byAddress).toEqual([422, 'mcp_servers', expect.stringContaining('is called by Corral itself')]);
  const { body } = await server.call('PUT', path, { llm_fallbacks: null, mcp_servers: {} });
  expect(Object.keys(body)).not.toEqual(expect.arrayContaining(['llm_fallbacks']));
  expect(body.mcp_servers).toBeUndefined();
});

test('the eight templates are a bare array, and each can be read alone', async ({ server }) => {
  const { body } = await server.call('GET', '/projects/templates/list');
  expect(body.map((one: { id: string }) => one.id)).toEqual(
    'python_dev node_dev data_analyst script_writer code_reviewer test_writer minimal default'.split(' '),
  );
  for (const template of body) {
    expect(Object.keys(template).sort()).toEqual(
      ['agent_type', 'description', 'enabled_tools', 'environment_type', 'id', 'name'].sort(),
    );
    expect((await server.call('GET', `/projects/templates/${template.id}`)).body).toEqual(template);
  }
  expect((await server.call('GET', '/projects/templates/nothing')).status).toBe(404);
});

test('a chat can be created without a body; it needs an existing project and room', async ({ server, id }) => {
  for (const path of [`/chats?project_id=${id}`, `/projects/${id}/chat-sessions`])
    expect(await server.call('POST', path)).toMatchObject({ status: 201, body: { name: 'New Chat' } });
  const missing = { status: 404, body: { detail: `Project with id ${unknown} not found` } };
  for (const path of [`/chats?project_id=${unknown}`, `/projects/${unknown}/chat-sessions`]) {
    expect(await server.call('POST', path, {})).toMatchObject(missing);
    expect(await server.call('GET', path)).toMatchObject(missing);
  }
  server.fake.instead.create = () =>
    Promise.reject(new AppError('sandbox_capacity', 'There are 500 sessions already.'));
  const expected = { status: 503, body: { detail: 'There are 500 sessions already.' } };
  expect(await server.call('POST', `/chats?project_id=${id}`, {})).toMatchObject(expected);
});

test('every documented answer and body has an example that matches its schema', async ({ server }) => {
  for (const { method, url, schema, doc, replies } of server.routes.filter((route) => route.method !== 'HEAD')) {
    for (const [status, { content }] of replies) {
      const json = content?.['application/json'];
      if (status === 'default' || !json) continue;
      expect(json.schema.parse(json.example), `${method} ${url} ${status}`).toEqual(json.example);
    }
    if (!(schema?.body instanceof z.ZodType)) continue;
    expect(schema.body.safeParse(doc?.bodyExample).success, `${method} ${url}`).toBe(true);
  }
});
