// @module-tag all
// Templates of agents with a real server: listed, named by sessions over each API, and refused where they are wrong.
import { afterEach, expect, test, vi } from 'vitest';
import { call } from '../../support/clients/call.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { needs } from '../../support/servers/components.ts';
import { composedServer } from '../../support/servers/composed.ts';
import { settingsFolder } from '../../support/stores/store.ts';

afterEach(() => void vi.unstubAllEnvs());

test('sessions name a template over every API, and an unknown one is refused with the names', async () => {
  using folder = settingsFolder({ 'templates/house.yaml': 'label: House\nmode: react\n' });
  vi.stubEnv('CORRAL_CONFIG', folder.config);
  await using server = await composedServer();
  const client = openClient(server.url, 'sse');
  const send = (method: string, path: string, body: object) => call(method, server.url + path, { body });
  const templateOf = async (id: string) => (await client.sessions.get.query({ id })).template;

  const { templates } = await client.templates.list.query();
  expect(templates.map(({ id }) => id)).toEqual(expect.arrayContaining(['python_dev', 'plan_act', 'house']));
  expect(templates.at(-1)).toMatchObject({ id: 'house', name: 'House', mode: 'react', prompt: null });
  expect(await (await fetch(`${server.url}/api/v1/templates`)).json()).toEqual({ templates });

  const { id } = await client.sessions.create.mutate({ template: 'house' });
  expect(await templateOf(id)).toBe('house');
  expect(await templateOf((await client.sessions.create.mutate()).id)).toBe('default');
  const put = (await send('PUT', '/api/v1/sessions', { template: 'minimal' })).body;
  expect(await templateOf(put.data.session_id)).toBe('minimal');
  const cambio = (await send('POST', '/sessions', { template: 'minimal' })).body;
  expect(await templateOf(cambio.id)).toBe('minimal');
  const crogia = (await send('POST', '/api/sessions', { task: 'hi', template: 'minimal' })).body;
  expect(await templateOf(crogia.id ?? crogia.session_id)).toBe('minimal');

  const refusal = 'There is no template "hose". Templates: python_dev,';
  await expect(client.sessions.create.mutate({ template: 'hose' })).rejects.toThrow(refusal);
  await expect(client.sessions.create.mutate({ template: 'computer_use' })).rejects.toThrow('CORRAL_SANDBOX_DESKTOP');
  for (const [method, path] of [
    ['PUT', '/api/v1/sessions'],
    ['POST', '/sessions'],
    ['POST', '/api/sessions'],
  ] as const) {
    const { status, text } = await send(method, path, { task: 'hi', template: 'hose' });
    expect([status, text]).toEqual([400, expect.stringContaining('no template')]);
  }
  client.close();
});

test.for([
  ['false', 'true'],
  ['true', 'false'],
])(
  'a server with desktops %s starts a sandbox of a template with desktop %s',
  async ([servers = '', own = ''], context) => {
    await needs(context, 'bubblewrap');
    await needs(context, 'desktop');
    using folder = settingsFolder({ 'templates/other.yaml': `sandbox: {desktop: ${own}}` });
    vi.stubEnv('CORRAL_CONFIG', folder.config);
    await using server = await composedServer({
      CORRAL_DRIVER: 'process',
      CORRAL_SANDBOX_DESKTOP: servers,
    });
    using client = openClient(server.url, 'ws');
    const { id: sessionId } = await client.sessions.create.mutate({ template: 'other' });
    const ran = await client.sandbox.exec.mutate({ sessionId, command: 'echo here' });
    expect(ran).toMatchObject({ exitCode: 0, stdout: 'here\n' });
    await client.sessions.delete.mutate({ id: sessionId });
  },
);
