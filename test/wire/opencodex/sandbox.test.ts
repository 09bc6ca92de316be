import { Readable } from 'node:stream';
import { expect } from 'vitest';
import { AppError } from '../../../src/core/errors/errors.ts';
import { SessionId } from '../../../src/core/model/ids.ts';
import { type OpencodexServer, opencodexServer } from '../../support/clients/opencodex.ts';
import { opencodexTest as test } from '../../support/clients/server-tests.ts';
import { testHangingUp } from '../../support/servers/hang-up.ts';
import { httpServer } from '../../support/servers/http-server.ts';
import { unzip } from '../../support/unzip.ts';

const signal = new AbortController().signal;
const file = (name: string, modified = '') => ({ name, type: 'file' as const, size: 1, modified });
const folder = (name: string) => ({ name, type: 'directory' as const, size: null, modified: '' });
const write = (server: OpencodexServer, sid: string, path: string, content: string | Uint8Array) =>
  server.others.services.files.write(SessionId.parse(sid), path, content, signal);

test('a sandbox can be started once, inspected, stopped and reset', async ({ server, sid }) => {
  const path = `/sandbox/${sid}`;
  const container_id = `sbx-${sid}`;
  const expected = { running: false, container_id: null, stats: null };
  expect((await server.call('GET', `${path}/status`)).body).toEqual(expected);
  expect(await server.call('POST', `${path}/start`)).toMatchObject({
    status: 201,
    body: { message: 'Sandbox started successfully', container_id },
  });
  expect(await server.call('POST', `${path}/start`)).toMatchObject({
    status: 200,
    body: { message: 'Sandbox is already running', container_id },
  });
  expect((await server.call('GET', `${path}/status`)).body).toEqual({
    running: true,
    container_id,
    stats: { cpu_seconds: 1.5, memory_bytes: 1_000, memory_limit_bytes: null, processes: 2 },
  });
  expect(await server.call('POST', `${path}/reset`)).toMatchObject({
    status: 200,
    body: { message: 'Sandbox reset successfully' },
  });
  expect((await server.call('POST', `${path}/stop`)).body).toEqual({ message: 'Sandbox stopped successfully' });
  expect((await server.call('POST', `${path}/stop`)).body).toEqual({ message: 'Sandbox was not running' });
});

test('a reset or a command on a stopped sandbox is 404', async ({ server, sid }) => {
  const gone = () => Promise.reject(new AppError('sandbox_not_found', 'The sandbox is not running.'));
  Object.assign(server.others.services.sandboxes, { exec: gone, reset: gone });
  for (const [action, body] of [
    ['reset', undefined],
    ['execute', { command: 'ls' }],
  ] as const) {
    const expected = { status: 404, body: { detail: 'Sandbox not running. Start it first.' } };
    expect(await server.call('POST', `/sandbox/${sid}/${action}`, body)).toMatchObject(expected);
  }
});

test('a command runs in the requested folder with the requested timeout', async ({ server, sid }) => {
  const path = `/sandbox/${sid}/execute`;
  const expected = { status: 200, body: { exit_code: 3, stdout: 'ls\n', stderr: 'oh\n' } };
  expect(await server.call('POST', path, { command: 'ls' })).toMatchObject(expected);
  await server.call('POST', path, { command: 'ls', workdir: '/workspace/a/../b', timeout: 5 });
  await server.call('POST', path, { command: 'ls', workdir: 'sub' });
  expect(server.others.ran.map(({ command }) => command)).toEqual([
    { command: 'ls', cwd: '.', timeoutMs: 120_000 },
    { command: 'ls', cwd: 'b', timeoutMs: 5_000 },
    { command: 'ls', cwd: 'sub', timeoutMs: 120_000 },
  ]);
});

test('a working folder outside the workspace is checked and then entered, whatever its name', async ({ server }) => {
  const commands: string[] = [];
  const exec = async (_id: string, { command }: { command: string }) => {
    commands.push(command);
    return { exitCode: 0, stdout: '', stderr: '', timedOut: false };
  };
  Object.assign(server.others.services.sandboxes, { exec });
  const path = `/sandbox/${await server.newChat()}/execute`;
  expect((await server.call('POST', path, { command: 'ls', workdir: "/tmp/it's; $(here)" })).status).toBe(200);
  const quoted = `'/tmp/it'\\''s; $(here)'`;
  expect(commands).toEqual([`cd -- ${quoted}`, `cd -- ${quoted} || exit 1\nls`]);
});

testHangingUp(async () => {
  const server = await opencodexServer();
  return {
    url: `${server.url}/api/v1/sandbox/${await server.newChat()}/execute`,
    body: { command: 'make' },
    requests: server.requests,
    onExec: (exec) => {
      server.others.services.sandboxes.exec = (_id, _command, signal) => exec(signal);
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}, 'stdout');

test.for([
  [{}, 422],
  [{ command: ' ' }, 422],
  [{ command: 'a\0b' }, 422],
  [{ command: 'ls', timeout: 0 }, 422],
  [{ command: 'ls', timeout: 601 }, 422],
  [{ command: 'ls', timeout: 600 }, 200],
  [{ command: 'ls', timeout: 1 }, 200],
  [{ command: 'ls', workdir: '/workspace/../etc' }, 400],
  [{ command: 'ls', workdir: '../etc' }, 400],
  [{ command: 'ls', workdir: '/no/such' }, 400],
] as const)('the command %o is %i', async ([body, status], { server, sid }) => {
  expect((await server.call('POST', `/sandbox/${sid}/execute`, body)).status).toBe(status);
});

test('the list of a workspace separates uploaded files from files the agent made', async ({ server, sid }) => {
  const project = (await server.call('GET', `/chats/${sid}`)).body.project_id;
  const form = new FormData();
  form.set('file', new File(['a'], 'in.csv'));
  const { id } = (await server.call('POST', `/files/upload/${project}`, form)).body;
  for (const path of [
    'project_files/in.csv',
    'project_files/by-hand.txt',
    'project_files/sub/in.csv',
    'out/report.md',
    'top.bin',
    '.git/config',
    'out/.cache/x',
  ]) {
    await write(server, sid, path, 'text');
  }
  const { uploaded, output } = (await server.call('GET', `/chats/${sid}/workspace/files`)).body;
  const of = (name: string, mime_type: string, more = {}) => {
    return { name, path: `/workspace/project_files/${name}`, size: 4, type: 'uploaded', mime_type, ...more };
  };
  expect(uploaded).toEqual([
    of('by-hand.txt', 'text/plain'),
    of('in.csv', 'text/csv', { id }),
    of('sub/in.csv', 'text/csv'),
  ]);
  expect(output.sort((a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name))).toEqual([
    { name: 'out/report.md', path: '/workspace/out/report.md', size: 4, type: 'output', mime_type: 'text/markdown' },
    { name: 'top.bin', path: '/workspace/top.bin', size: 4, type: 'output', mime_type: null },
  ]);
});

test('a file is read as text with its type, and downloads byte for byte', async ({ server, sid }) => {
  await write(server, sid, 'a/notes.md', 'héllo');
  const at = (action: string, path: string) =>
    server.call('GET', `/chats/${sid}/workspace/files/${action}?path=${encodeURIComponent(path)}`);
  const expected = { path: '/workspace/a/notes.md', content: 'héllo', is_binary: false, mime_type: 'text/markdown' };
  expect((await at('content', '/workspace/a/notes.md')).body).toEqual(expected);
  const download = await at('download', '/workspace/a/notes.md');
  expect([download.status, download.body, download.headers.get('content-type')]).toEqual([
    200,
    'héllo',
    'text/markdown',
  ]);
  expect(download.headers.get('content-disposition')).toMatch(/^attachment; .*notes\.md/);
  expect(download.headers.get('content-security-policy')).toBe("default-src 'none'; sandbox");
  for (const action of ['content', 'download']) {
    expect(await at(action, '/workspace/none')).toMatchObject({ status: 404, body: { detail: 'File not found' } });
    for (const outside of ['/etc/passwd', '/workspace/../etc/passwd', 'a/notes.md', '/workspace/'])
      expect((await at(action, outside)).status, outside).toBe(400);
    expect((await server.call('GET', `/chats/${sid}/workspace/files/${action}`)).status).toBe(422);
  }
});

test('all files of one kind can be downloaded as a zip', async ({ server, sid }) => {
  const path = `/chats/${sid}/workspace/download-all`;
  expect((await server.call('GET', `${path}?type=output`)).status).toBe(404);
  expect((await server.call('GET', `${path}?type=all`)).status).toBe(400);
  expect((await server.call('GET', path)).status).toBe(422);
  await write(server, sid, 'out/a.txt', 'A');
  await write(server, sid, 'project_files/in.txt', 'I');
  expect(await packed(server, `${path}?type=output`)).toEqual(['out/a.txt']);
  expect(await packed(server, `${path}?type=uploaded`)).toEqual(['project_files/in.txt']);
});

test('a zip contains all files, even when the list shows only the newest', async ({ server, sid }) => {
  for (let n = 0; n < 501; n++) await write(server, sid, `out/${n}.txt`, `${n}`);
  const { output, truncated } = (await server.call('GET', `/chats/${sid}/workspace/files`)).body;
  expect([output.length, truncated]).toEqual([500, true]);
  expect(await packed(server, `/chats/${sid}/workspace/download-all?type=output`)).toHaveLength(501);
});

test('a list of files stays small even with very long paths', async ({ server, sid }) => {
  const folders = ['a', 'b', 'c'].map(folder);
  const list = async (_id: string, path: string) =>
    path === '.'
      ? folders
      : path.length > 1
        ? []
        : Array.from({ length: 15_000 }, (_, n) => file(`${n}`.padStart(255, 'x')));
  Object.assign(server.others.services.files, { list });
  const { status, body } = await server.call('GET', `/chats/${sid}/workspace/download-all?type=output`);
  expect([status, body.detail]).toEqual([413, expect.stringContaining('too many files')]);
});

async function packed(server: OpencodexServer, path: string): Promise<string[]> {
  const response = await fetch(`${server.url}/api/v1${path}`);
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/zip']);
  expect(response.headers.get('content-disposition')).toMatch(
    /^attachment; filename="(output|uploaded)-[0-9a-f]{16}\.zip"/,
  );
  expect(response.headers.get('content-security-policy')).toBe("default-src 'none'; sandbox");
  return (await unzip(Buffer.from(await response.arrayBuffer()))).map(({ name }) => name);
}

test('a workspace file can be copied to a project', async ({ server, sid }) => {
  const other = await server.newProject('Other');
  await write(server, sid, 'out/report.md', '# Hi');
  const path = `/chats/${sid}/workspace/files/upload-to-project`;
  const { status, body } = await server.call('POST', path, { path: '/workspace/out/report.md', project_id: other });
  expect([status, body]).toMatchObject([
    201,
    { project_id: other, filename: 'report.md', file_type: 'output', size: 4, mime_type: 'text/markdown' },
  ]);
  expect((await server.call('GET', `/files/${body.id}/download`)).body).toBe('# Hi');
  expect((await server.call('POST', path, { path: '/workspace/none', project_id: other })).status).toBe(404);
  expect(await server.call('POST', path, { path: '/workspace/out/report.md', project_id: 'none' })).toMatchObject({
    status: 404,
    body: { detail: 'Project with id none not found' },
  });
  expect((await server.call('POST', path, { path: '/etc/passwd', project_id: other })).status).toBe(400);
  expect((await server.call('POST', path, { path: '/workspace/out/report.md' })).status).toBe(422);
});

test('a file is downloaded, zipped and copied while it is read, and copied up to the upload limit', async () => {
  await using server = await opencodexServer({ maxUploadBytes: 123 });
  const sid = await server.newChat();
  const project = await server.newProject();
  await write(server, sid, 'a.txt', 'A');
  const requested: string[] = [];
  const read = async () => {
    requested.push('read');
    return Buffer.from('A');
  };
  let text = 'A';
  const open = async () => {
    requested.push('open');
    return opened(text);
  };
  Object.assign(server.others.services.files, { read, open });
  const base = `/chats/${sid}/workspace`;
  await server.call('GET', `${base}/files/content?path=/workspace/a.txt`);
  const download = await server.call('GET', `${base}/files/download?path=/workspace/a.txt`);
  expect([download.body, download.headers.get('content-length')]).toEqual(['A', '1']);
  await packed(server, `${base}/download-all?type=output`);
  const keep = { path: '/workspace/a.txt', project_id: project };
  expect((await server.call('POST', `${base}/files/upload-to-project`, keep)).status).toBe(201);
  expect(requested).toEqual(['read', 'open', 'open', 'open']);
  text = 'A'.repeat(124);
  expect((await server.call('POST', `${base}/files/upload-to-project`, keep)).status).toBe(413);
});

const opened = (text: string) => ({ size: text.length, content: Readable.from([Buffer.from(text)]) });

test('keys can be stored, replaced and deleted, and the list never shows them', async ({ server }) => {
  const keys = '/settings/api-keys';
  expect((await server.call('GET', keys)).body).toEqual({ api_keys: [] });
  const canary = 'sk-canary-0123456789';
  const expected = { status: 201, body: { message: 'API key for gemini saved' } };
  expect(await server.call('POST', keys, { provider: 'gemini', api_key: canary })).toMatchObject(expected);
  await server.call('POST', keys, { provider: 'gemini', api_key: 'second' });
  const { body } = await server.call('GET', keys);
  expect(body).toEqual({
    api_keys: [
      { provider: 'gemini', is_configured: true, last_used_at: null, created_at: expect.stringMatching(/Z$/) },
    ],
  });
  expect((await server.keys.use('gemini'))?.reveal()).toBe('second');
  expect((await server.call('GET', keys)).body.api_keys[0].last_used_at).toMatch(/Z$/);
  const stored = JSON.stringify([await server.fake.store.records.list('provider-key'), server.lines]);
  expect(stored).not.toMatch(/canary|second/);
  expect((await server.call('DELETE', `${keys}/gemini`)).status).toBe(204);
  expect(await server.call('DELETE', `${keys}/gemini`)).toMatchObject({
    status: 404,
    body: { detail: 'API key for provider gemini not found' },
  });
});

test.for([
  [{ provider: 'nobody', api_key: 'x' }, 'provider'],
  [{ provider: 'demo', api_key: 'x' }, 'provider'],
  [{ provider: 'gemini', api_key: ' ' }, 'api_key'],
  [{ provider: 'gemini' }, 'api_key'],
] as const)('the key %o is refused', async ([body, field], { server }) => {
  for (const path of ['/settings/api-keys', '/settings/api-keys/test']) {
    const answer = await server.call('POST', path, body);
    expect([answer.status, answer.body.detail[0].loc]).toEqual([422, ['body', field]]);
  }
});

test('a key is tested by a request to its provider, and a missing key is not valid', async () => {
  const requested: (string | undefined)[] = [];
  const statuses: Record<string, number> = { good: 200, busy: 429, broken: 502 };
  await using provider = await httpServer((request, response) => {
    requested.push(`${request.url} ${request.headers['x-goog-api-key']}`);
    response.writeHead(statuses[`${request.headers['x-goog-api-key']}`] ?? 400).end('{}');
  });
  const baseUrls = { gemini: `${provider.url}/`, openai: 'http://127.0.0.1:1' };
  await using server = await opencodexServer({ baseUrls });
  const ask = async (name: string, api_key: string) =>
    (await server.call('POST', '/settings/api-keys/test', { provider: name, api_key })).body;
  expect(await ask('gemini', 'good')).toEqual({ valid: true, message: 'The provider accepts this key.' });
  expect(await ask('gemini', 'bad')).toEqual({ valid: false, message: 'The provider refused this key (status 400).' });
  expect(await ask('openai', 'good')).toEqual({ valid: false, message: 'The provider could not be reached.' });
  expect(requested).toEqual(['/v1beta/models?pageSize=1 good', '/v1beta/models?pageSize=1 bad']);
  expect((await ask('gemini', 'busy')).valid).toBe(true); // the rate limit is the provider's, so the key is valid
  expect((await ask('gemini', 'broken')).valid).toBe(false);
});

test('a compatible server of the settings is a provider: listed, chosen by a project, and its key stored and tested', async () => {
  const requested: string[] = [];
  await using endpoint = await httpServer((request, response) => {
    requested.push(`${request.url} ${request.headers.authorization}`);
    response.writeHead(request.headers.authorization === 'Bearer good' ? 200 : 401).end('{}');
  });
  const baseUrl = `${endpoint.url}/v1`;
  await using server = await opencodexServer({ compatible: { local: { baseUrl } } });
  const { providers } = (await server.call('GET', '/settings/llm-providers')).body;
  const expected = { id: 'local', name: 'local', models: [], env_key: 'models.compatible.local.api-key' };
  expect(providers.at(-1)).toEqual(expected);
  const ask = async (api_key: string) =>
    (await server.call('POST', '/settings/api-keys/test', { provider: 'local', api_key })).body.valid;
  expect([await ask('good'), await ask('bad')]).toEqual([true, false]);
  expect(requested).toEqual(['/v1/models Bearer good', '/v1/models Bearer bad']);
  expect((await server.call('POST', '/settings/api-keys', { provider: 'local', api_key: 'good' })).status).toBe(201);
  const change = { llm_provider: 'local', llm_model: 'qwen3' };
  const id = await server.newProject();
  expect((await server.call('PUT', `/projects/${id}/agent-config`, change)).body).toMatchObject(change);
});

test('providers are listed with their models, or on request with the featured ones only', async ({ server }) => {
  const { providers } = (await server.call('GET', '/settings/llm-providers')).body;
  expect(providers.map((one: { id: string }) => one.id)).toEqual(['demo', 'gemini', 'openai', 'anthropic']);
  const expected = { id: 'demo', name: 'Demo', models: [{ id: 'demo', name: expect.any(String) }], env_key: null };
  expect(providers[0]).toEqual(expected);
  expect(providers[1]).toMatchObject({ env_key: 'GEMINI_API_KEY' });
  for (const requested of ['true', '1', 'false', '0', '']) {
    const answer = await server.call('GET', `/settings/llm-providers?featured_only=${requested}`);
    expect(answer.body, requested).toEqual({ providers });
  }
  expect((await server.call('GET', '/settings/llm-providers?featured_only=maybe')).status).toBe(422);
});

test('F125 a workspace with very many files lists the newest 500, marked as truncated', async ({ server, sid }) => {
  const entry = (n: number) => file(`${n}.txt`, new Date(1_700_000_000_000 + n * 1_000).toISOString());
  const folders = Array.from({ length: 60 }, (_, n) => folder(`d${n}`));
  let calls = 0;
  const list = async (_id: string, path: string) => {
    calls++;
    if (path === 'project_files') return [];
    return path === '.' ? folders : Array.from({ length: 2_000 }, (_, n) => entry(n));
  };
  Object.assign(server.others.services.files, { list });
  const { output, truncated } = (await server.call('GET', `/chats/${sid}/workspace/files`)).body;
  expect([output.length, output[0].name.endsWith('/1999.txt'), truncated]).toEqual([500, true, true]);
  expect(calls).toBeLessThan(40); // the search stops long before the last folder
  const all = await server.call('GET', `/chats/${sid}/workspace/download-all?type=output`);
  expect([all.status, all.body.detail]).toEqual([413, expect.stringContaining('too many files')]);
});

test('F125 endlessly nested folders are read to a limit only', async ({ server, sid }) => {
  let calls = 0;
  const list = async () => {
    calls++;
    return ['a', 'b', 'c'].map(folder);
  };
  Object.assign(server.others.services.files, { list });
  const expected = { uploaded: [], output: [], truncated: true };
  expect((await server.call('GET', `/chats/${sid}/workspace/files`)).body).toEqual(expected);
  expect(calls).toBeLessThan(10_000);
});
