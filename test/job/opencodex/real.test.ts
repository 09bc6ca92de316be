// @module-tag nightly
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { streamOf } from '../../support/clients/opencodex.ts';
import { needs } from '../../support/servers/components.ts';
import { type ServerProcess, serverProcess } from '../../support/servers/server-process.ts';

// The whole server with real sandboxes and the demo model.
const settings = { CORRAL_DRIVER: 'process', CORRAL_RATE_LIMIT_PER_MINUTE: '0', CORRAL_EGRESS_POLICY: 'none' };

function clientOf(server: ServerProcess) {
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
  const call = async (method: string, path: string, body?: unknown): Promise<any> => {
    const sent = body === undefined ? {} : { body: body instanceof FormData ? body : JSON.stringify(body) };
    const response = await fetch(`${server.url}/api/v1${path}`, { method, ...sent });
    const text = await response.text();
    return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text };
  };
  return {
    call,
    upload: async (project: string, name: string, content: string) => {
      const form = new FormData();
      form.set('file', new File([content], name));
      return (await call('POST', `/files/upload/${project}`, form)).body;
    },
    execute: async (sid: string, command: string, more = {}) =>
      call('POST', `/sandbox/${sid}/execute`, { command, ...more }),
    stream: (sid: string, query = '') =>
      streamOf(`${server.url.replace('http', 'ws')}/api/v1/chats/${sid}/stream${query}`),
    /** Ends all sandboxes of this server, which would outlive it. */
    remove: (project: string) => call('DELETE', `/projects/${project}`),
  };
}
const types = (frames: { type: string }[]) => frames.map(({ type }) => type);

test('a project, its chat, its files and its agent work on a real sandbox, and survive a restart', async (context) => {
  await needs(context, 'bubblewrap');
  await using server = await serverProcess(settings);
  const client = clientOf(server);
  const { call, execute } = client;
  const project = (await call('POST', '/projects', { name: 'Website' })).body.id;
  const chat = (await call('POST', `/chats?project_id=${project}`, { name: 'Chat of today' })).body;
  const sid = chat.id;

  const { id: first, hash } = await client.upload(project, 'in.txt', 'one\n');
  expect(hash).toBe(createHash('sha256').update('one\n').digest('hex'));
  using live = client.stream(sid);
  await live.send({
    type: 'message',
    content: `Copy it\n${fence('sh', 'cat project_files/in.txt; pwd')}\n${fence('file:out/a.txt', 'A')}`,
  });
  await expect.poll(() => types(live.frames)).toContain('end');
  expect(types(live.frames).filter((type) => type !== 'chunk')).toEqual(
    'user_text_block start title_updated action observation action observation end'.split(' '),
  );
  const { messages } = (await call('GET', `/chats/${sid}/messages`)).body;
  expect(messages[1].content).toBe(
    live.frames.flatMap(({ type, content }) => (type === 'chunk' ? [content] : [])).join(''),
  );
  expect(messages[1].agent_actions).toMatchObject([
    { action_type: 'bash', action_output: { success: true, result: 'one\n/workspace\n', exit_code: 0 } },
    { action_type: 'file_write', action_input: { path: '/workspace/out/a.txt', content: 'A' } },
  ]);
  expect((await call('GET', `/chats/${sid}`)).body).toMatchObject({ name: 'Copy it', container_id: `sbx-${sid}` });

  // Before the next command, the workspace gets the new content of replaced files and loses the deleted ones.
  const { id: second } = await client.upload(project, 'in.txt', 'two\n');
  expect((await execute(sid, 'cat in.txt', { workdir: '/workspace/project_files' })).body).toEqual({
    exit_code: 0,
    stdout: 'two\n',
    stderr: '',
  });
  expect((await call('GET', `/files/${first}/download`)).status).toBe(404);
  expect((await execute(sid, 'pwd', { workdir: '/tmp' })).body.stdout).toBe('/tmp\n');
  for (const workdir of ['/none', '/workspace/none', '/workspace/../etc'])
    expect((await execute(sid, 'pwd', { workdir })).status, workdir).toBe(400);
  await execute(sid, 'ln -s /etc/passwd out/link; mkdir -p .hidden && touch .hidden/x');
  const files = (await call('GET', `/chats/${sid}/workspace/files`)).body;
  expect(files.uploaded).toMatchObject([{ id: second, name: 'in.txt', size: 4 }]);
  expect(files.output.map((file: { name: string }) => file.name)).toEqual(['out/a.txt']);
  expect((await call('GET', `/chats/${sid}/workspace/files/content?path=/workspace/out/link`)).status).toBe(400);
  await call('DELETE', `/files/${second}`);
  expect((await execute(sid, 'ls project_files')).body.stdout).toBe('');

  // A disabled tool fails its step.
  await call('PUT', `/projects/${project}/agent-config`, { enabled_tools: ['file_read'] });
  await live.send({ type: 'message', content: fence('sh', 'echo no') });
  await expect.poll(() => types(live.frames).filter((type) => type === 'end').length).toBe(2);
  expect(live.frames.findLast(({ type }) => type === 'observation')).toMatchObject({ tool: 'bash', success: false });

  await client.upload(project, 'kept.txt', 'kept\n');
  expect((await call('POST', '/settings/api-keys', { provider: 'gemini', api_key: 'canary-key' })).status).toBe(201);
  expect(statSync(join(server.data, 'encryption-key')).mode & 0o777).toBe(0o600);
  const before = (await call('GET', `/chats/${sid}/messages`)).body;
  server.kill('SIGTERM');
  await server.restart();
  expect((await call('GET', `/chats/${sid}/messages`)).body).toEqual(before);
  expect((await call('GET', `/projects/${project}/agent-config`)).body.enabled_tools).toEqual(['file_read']);
  expect((await call('GET', '/settings/api-keys')).body.api_keys).toMatchObject([{ provider: 'gemini' }]);
  expect((await execute(sid, 'cat project_files/kept.txt')).body.stdout).toBe('kept\n');
  expect(server.output()).not.toContain('canary-key');
  expect([(await client.remove(project)).status, (await call('GET', '/chats')).body.total]).toEqual([204, 0]);
});
