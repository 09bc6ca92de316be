import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openClient } from '../../support/clients/trpc.ts';
import { type ServerProcess, serverProcess } from '../../support/servers/server-process.ts';

const bare = {
  CORRAL_DRIVER: 'process',
  PATH: '/nowhere', // no bubblewrap
  CORRAL_MODEL: 'gemini/some-model',
  GEMINI_API_KEY: 'a-key',
  CORRAL_MODELS_GEMINI_BASE_URL: 'http://127.0.0.1:9',
};
const sessions = async (url: string, token?: string) =>
  (await fetch(`${url}/sessions${token === undefined ? '' : `?token=${token}`}`)).status;

test('a server without isolation creates a token at its first start', { tags: ['nightly'] }, async () => {
  await using server = await serverProcess({ ...bare, CORRAL_UNCONFINED: '1' });
  const printed = () => /Open http:\S+\/\?token=([\w-]{43,}) /.exec(server.output())?.[1];
  await expect.poll(printed).toBeDefined(); // the server answers a moment before it prints
  const token = printed();
  expect([await sessions(server.url), await sessions(server.url, token)]).toEqual([401, 200]);
  server.kill('SIGTERM');
  await server.restart();
  expect([await sessions(server.url), await sessions(server.url, token)]).toEqual([401, 200]);
  await expect.poll(() => server.output()).toContain('The token in the link that the first start printed');
  expect(server.output()).not.toContain(token);
});

describe('a server with the demo model and without isolation', () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await serverProcess({ ...bare, CORRAL_MODEL: 'demo' });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('without isolation a server with the demo model lets no session or project choose a real model', async () => {
    using client = openClient(server.url, 'ws');
    const model = 'gemini/some-model';
    await expect(client.sessions.create.mutate({ model })).rejects.toThrow(
      /without any isolation.*CORRAL_UNCONFINED=1/,
    );
    expect((await client.sessions.list.query()).items).toEqual([]);
    const { id } = await client.projects.create.mutate({ name: 'One' });
    const agent = await fetch(`${server.url}/api/v1/projects/${id}/agent-config`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ llm_provider: 'gemini', llm_model: 'some-model' }),
    });
    expect([agent.status, await agent.text()]).toEqual([422, expect.stringContaining('CORRAL_UNCONFINED=1')]);
    expect((await client.sessions.create.mutate({ model: 'demo' })).status).toBe('pending');
  });

  test("the demo model runs without isolation, and the start and each session's log warn about it", async () => {
    expect(await sessions(server.url)).toBe(200);
    expect(server.output()).toContain('sandboxes have NO isolation');
    using client = openClient(server.url, 'ws');
    const { id: sessionId } = await client.sessions.create.mutate();
    const details = async () =>
      (await client.events.list.query({ sessionId })).events.map((event) => JSON.stringify(event.data)).join('\n');
    await expect.poll(details).toContain('WITHOUT ISOLATION');
    expect(await details()).not.toContain('Egress policy');
  });
});
