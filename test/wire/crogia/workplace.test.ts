import { expect } from 'vitest';
import { AppError, type ErrorCode } from '../../../src/core/errors/errors.ts';
import { type TestServer, testServer } from '../../support/clients/http.ts';
import { serverTest } from '../../support/clients/server-tests.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { testHangingUp } from '../../support/servers/hang-up.ts';

const now = '2023-11-14T22:13:20.000Z';

const sessionIn = async ({ call }: TestServer) =>
  (await call('POST', '/api/sessions', { task: 'T' })).body.session_id as string;
const test = serverTest(() => testServer({ clock: manualClock(Date.parse(now)) }))
  .extend('sid', ({ server }) => sessionIn(server))
  .extend('base', ({ sid }) => `/api/sessions/${sid}`);
const failing =
  (code: ErrorCode, text = 'Words of the service.') =>
  async () => {
    throw new AppError(code, text);
  };

test('a written file can be read and listed, and answers repeat the path unchanged', async ({ server, base }) => {
  const content = 'from flask import Flask\nhéllo';
  expect((await server.call('POST', `${base}/files/content`, { path: 'src/app.py', content })).body).toEqual({
    message: 'File src/app.py written successfully',
  });
  const expected = { path: 'src/app.py', content };
  expect((await server.call('GET', `${base}/files/content?path=src/app.py`)).body).toEqual(expected);
  const absolute = await server.call('GET', `${base}/files/content?path=/workspace/src/app.py&encoding=base64`);
  expect(absolute.body).toEqual({ path: '/workspace/src/app.py', content: Buffer.from(content).toString('base64') });
  expect((await server.call('GET', `${base}/files`)).body).toEqual({
    path: '.',
    items: [{ name: 'src', type: 'directory', size: null, modified: now }],
  });
  expect((await server.call('GET', `${base}/files?path=src`)).body).toEqual({
    path: 'src',
    items: [{ name: 'app.py', type: 'file', size: 30, modified: now }],
  });
});

test('invalid UTF-8 bytes become U+FFFD, and stay unchanged in base64', async ({ server, base }) => {
  server.others.services.files.read = async () => Buffer.from([0x61, 0xff, 0x62]);
  expect((await server.call('GET', `${base}/files/content?path=a`)).body.content).toBe('a\ufffdb');
  expect((await server.call('GET', `${base}/files/content?path=a&encoding=base64`)).body.content).toBe('Yf9i');
});

test('an empty file can be written, and a link or a socket is listed as a file', async ({ server, base }) => {
  expect((await server.call('POST', `${base}/files/content`, { path: 'empty', content: '' })).status).toBe(200);
  server.others.services.files.list = async () => [{ name: 'l', type: 'other', size: 3, modified: now }];
  expect((await server.call('GET', `${base}/files`)).body.items).toEqual([
    { name: 'l', type: 'file', size: 3, modified: now },
  ]);
});

test.for([
  ['list', 'GET', '/files?path=x', 'file_not_found', 404, 'Directory not found'],
  ['list', 'GET', '/files?path=x', 'invalid_request', 400, 'Path is not a directory'],
  ['list', 'GET', '/files?path=x', 'path_outside', 400, 'Path is outside the workspace'],
  ['list', 'GET', '/files?path=x', 'sandbox_unavailable', 503, 'Words of the service.'],
  ['read', 'GET', '/files/content?path=x', 'file_not_found', 404, 'File not found'],
  ['read', 'GET', '/files/content?path=x', 'invalid_request', 400, 'Path is not a file'],
  ['read', 'GET', '/files/content?path=x', 'path_outside', 400, 'Path is outside the workspace'],
  ['read', 'GET', '/files/content?path=x', 'payload_too_large', 413, 'Words of the service.'],
  ['write', 'POST', '/files/content', 'path_outside', 400, 'Path is outside the workspace'],
  ['find', 'POST', '/search/files', 'file_not_found', 404, 'Directory not found'],
  ['grep', 'POST', '/search/grep', 'invalid_request', 400, 'Words of the service.'],
  ['grep', 'POST', '/search/grep', 'path_outside', 400, 'Path is outside the workspace'],
] as const)(
  'files.%s: %s %s that fails with %s is %i %s',
  async ([name, method, path, code, status, detail], { server, base }) => {
    server.others.services.files[name] = failing(code);
    const body = method === 'POST' ? { path: 'x', content: '', pattern: 'p' } : undefined;
    expect(await server.call(method, base + path, body)).toMatchObject({ status, body: { detail } });
  },
);

test('the search for files and lines answers with relative paths, 1-based lines and the query', async ({
  server,
  base,
}) => {
  await server.call('POST', `${base}/files/content`, { path: 'app.py', content: '\n  from flask import Flask' });
  await server.call('POST', `${base}/files/content`, { path: 'notes.md', content: 'Flask' });
  const expected = { pattern: '*', path: '.', matches: ['app.py', 'notes.md'] };
  expect((await server.call('POST', `${base}/search/files`, { pattern: '*' })).body).toEqual(expected);
  expect(
    (await server.call('POST', `${base}/search/grep`, { pattern: 'Flask', file_types: '*.py, *.js' })).body,
  ).toEqual({
    pattern: 'Flask',
    path: '.',
    matches: [{ file: 'app.py', line: 2, content: 'from flask import Flask' }],
  });
});

test('a truncated search is marked as such, and `*` among the file types means all', async ({ server, base }) => {
  const requested: unknown[] = [];
  server.others.services.files.find = async (_id, query) => {
    requested.push(query);
    return { matches: ['a'], truncated: true };
  };
  const body = { pattern: 'a*', path: 'src', file_types: '*.py,*' };
  const expected = { pattern: 'a*', path: 'src', matches: ['a'], truncated: true };
  expect((await server.call('POST', `${base}/search/files`, body)).body).toEqual(expected);
  expect(requested).toEqual([{ pattern: 'a*', path: 'src', types: [] }]);
});

test('processes can be listed and stopped, and their logs read', async ({ server, base }) => {
  const list = async () => (await server.call('GET', `${base}/processes`)).body;
  const process = { pid: 1234, cmd: 'python app.py', status: 'running', log: '.agent_logs/0a1b2c3d.log', started: now };
  server.others.processes.push(process as never);
  server.others.logs.set(1234, 'a\nb\nc');
  expect(await list()).toEqual([process]);
  expect((await server.call('GET', `${base}/processes/1234/logs?lines=2`)).body).toEqual({ logs: 'b\nc', pid: 1234 });
  server.others.logs.set(1234, Array.from({ length: 60 }, (_, n) => `${n}`).join('\n'));
  expect((await server.call('GET', `${base}/processes/1234/logs`)).body.logs.split('\n')).toHaveLength(50);
  expect((await server.call('POST', `${base}/processes/1234/stop`)).body).toEqual({
    message: 'Sent SIGTERM to process 1234',
  });
  expect(await list()).toEqual([]);
  for (const pid of ['1234', '-1', '0', '999999999', '9'.repeat(400)]) {
    for (const [method, rest] of [
      ['POST', 'stop'],
      ['GET', 'logs'],
    ] as const) {
      const expected = { status: 404, body: { detail: 'Process not found' } };
      expect(await server.call(method, `${base}/processes/${pid}/${rest}`)).toMatchObject(expected);
    }
  }
});

test('a command runs in a login shell, and both its outputs come as one text with plain line ends', async ({
  server,
  sid,
  base,
}) => {
  server.others.services.sandboxes.exec = async (id, command) => {
    server.others.ran.push({ id, command });
    return { exitCode: 3, stdout: 'one\r\ntwo\n', stderr: '', timedOut: false };
  };
  expect(await server.call('POST', `${base}/shell`, { cmd: 'ls -la', tty: true, timeout: 1.5 })).toMatchObject({
    status: 200,
    body: { command: 'ls -la', output: 'one\ntwo\n', timestamp: now, exit_code: 3, timed_out: false },
  });
  expect(server.others.ran).toEqual([
    { id: sid, command: { command: 'ls -la', login: true, merge: true, timeoutMs: 1_500 } },
  ]);
});

testHangingUp(async () => {
  const server = await testServer();
  return {
    url: `${server.url}/api/sessions/${await sessionIn(server)}/shell`,
    body: { cmd: 'make' },
    requests: server.requests,
    onExec: (exec) => {
      server.others.services.sandboxes.exec = (_id, _command, signal) => exec(signal);
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}, 'output');

test('a command that times out is 200, and the answer reports the timeout', async ({ server, base }) => {
  server.others.services.sandboxes.exec = async () => ({ exitCode: 124, stdout: 'x', stderr: '', timedOut: true });
  const expected = { exit_code: 124, timed_out: true, output: 'x' };
  expect((await server.call('POST', `${base}/shell`, { cmd: 'sleep 9' })).body).toMatchObject(expected);
});

test('a command starts a stopped sandbox, because this facade has no other way to start it', async ({
  server,
  base,
}) => {
  const { sandboxes } = server.others.services;
  const requested: string[] = [];
  sandboxes.start = async () => {
    requested.push('start');
    return { started: true };
  };
  sandboxes.exec = async () => {
    requested.push('exec');
    if (!requested.includes('start')) throw new AppError('sandbox_not_found', 'The sandbox is not running.');
    return { exitCode: 0, stdout: 'hi\n', stderr: '', timedOut: false };
  };
  const expected = { status: 200, body: { output: 'hi\n', exit_code: 0 } };
  expect(await server.call('POST', `${base}/shell`, { cmd: 'echo hi' })).toMatchObject(expected);
  expect(requested).toEqual(['exec', 'start', 'exec']);
  sandboxes.exec = failing('sandbox_unavailable');
  expect((await server.call('POST', `${base}/shell`, { cmd: 'echo hi' })).status).toBe(503);
  expect(requested).toHaveLength(3);
});

test('a background command answers at once with its pid and the path of its log', async ({ server, base }) => {
  expect((await server.call('POST', `${base}/shell`, { cmd: 'sleep 9', background: true })).body).toEqual({
    command: 'sleep 9',
    output: '',
    timestamp: now,
    exit_code: null,
    timed_out: false,
    pid: 7,
    log: '.agent_logs/0.log',
  });
});

test.for([
  ['GET', '/processes/abc/logs', undefined, ['path', 'pid']],
  ['POST', '/processes/1.5/stop', undefined, ['path', 'pid']],
  ['GET', '/processes/1/logs?lines=0', undefined, ['query', 'lines']],
  ['GET', '/processes/1/logs?lines=10001', undefined, ['query', 'lines']],
  ['GET', '/processes/1/logs?lines=x', undefined, ['query', 'lines']],
  ['GET', '/files?path=', undefined, ['query', 'path']],
  ['GET', '/files?path=a&path=b', undefined, ['query', 'path']],
  ['GET', '/files/content', undefined, ['query', 'path']],
  ['GET', '/files/content?path=a%00b', undefined, ['query', 'path']],
  ['GET', '/files/content?path=a&encoding=latin1', undefined, ['query', 'encoding']],
  ['POST', '/files/content', { path: 'a' }, ['body', 'content']],
  ['POST', '/files/content', { content: 'a' }, ['body', 'path']],
  ['POST', '/search/files', {}, ['body', 'pattern']],
  ['POST', '/search/grep', { pattern: '' }, ['body', 'pattern']],
  ['POST', '/search/grep', { pattern: 'a', file_types: 7 }, ['body', 'file_types']],
  ['POST', '/shell', {}, ['body', 'cmd']],
  ['POST', '/shell', { cmd: ' ' }, ['body', 'cmd']],
  ['POST', '/shell', { cmd: 'a\0b' }, ['body', 'cmd']],
  ['POST', '/shell', { cmd: 'ls', timeout: 601 }, ['body', 'timeout']],
  ['POST', '/shell', { cmd: 'ls', timeout: 0 }, ['body', 'timeout']],
  ['POST', '/shell', { cmd: 'ls', tty: 'yes' }, ['body', 'tty']],
  ['POST', '/tasks', { task: 'T', mode: 'later' }, ['body', 'mode']],
] as const)('%s %s %j is 422 at %j', async ([method, path, body, loc], { server, base }) => {
  const answer = await server.call(method, base + path, body);
  expect([answer.status, answer.body.detail[0].loc]).toEqual([422, loc]);
});

test('a body over the limit is 413', async () => {
  await using server = await testServer({ config: { maxBodyBytes: 1_000 } });
  const { status, body } = await server.call('POST', '/api/sessions', { task: 'x'.repeat(1_000) });
  expect([status, body]).toEqual([413, { detail: 'The request body is too large.' }]);
});
