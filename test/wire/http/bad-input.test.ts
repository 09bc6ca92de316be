import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect } from 'vitest';
import { AppError } from '../../../src/core/errors/errors.ts';
import { type TestServer, testServer } from '../../support/clients/http.ts';
import { rawRequest } from '../../support/clients/raw-request.ts';
import { httpTest } from '../../support/clients/server-tests.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { processorMs } from '../../support/servers/processor-time.ts';

const base = '/api/v1/sessions';
const test = httpTest.extend('sid', ({ server }) => server.newSession());
const post = (path: string, headers: string, body: string) =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n\r\n${body}`;
const alive = async (server: TestServer) => expect((await server.call('GET', base)).status).toBe(200);

test('an unknown route is 404 in the format of the facade that owns the path', async ({ server }) => {
  for (const path of [`${base}/x/y/z`, `${base}/0123456789abcdef/nothing`]) {
    const expected = { status: 404, body: { code: 404, msg: 'Not Found', data: null } };
    expect(await server.call('GET', path), path).toMatchObject(expected);
  }
  for (const path of ['/nothing', '/api/v1/sessionsx', '/api/v1', '/docs/assets/a/b']) {
    expect(await server.call('POST', path, '{broken'), path).toMatchObject({
      status: 404,
      body: { detail: 'Not Found' },
    });
  }
});

test('a known path with another method is 405, with the allowed methods', async ({ server }) => {
  const expected: [string, string, string][] = [
    ['PATCH', base, 'GET, HEAD, POST, PUT'],
    ['POST', `${base}/0123456789abcdef`, 'DELETE, GET, HEAD'],
    ['GET', `${base}/0123456789abcdef/chat`, 'POST'],
    ['PUT', `${base}/0123456789abcdef/events/`, 'GET'],
  ];
  for (const [method, path, allow] of expected) {
    const { status, headers, body } = await server.call(method, path);
    expect([status, body], path).toEqual([405, { code: 405, msg: 'Method Not Allowed', data: null }]);
    expect(headers.get('allow')?.split(', ').sort().join(', ')).toBe(allow);
  }
  for (const method of ['PROPFIND', 'QUERY']) {
    const raw = await rawRequest(server.port, `${method} ${base} HTTP/1.1\r\nHost: localhost\r\n\r\n`, (got) =>
      got.includes('}'),
    );
    expect(raw, method).toMatch(/^HTTP\/1.1 405 /);
  }
  const { status, headers, body } = await server.call('DELETE', '/health');
  expect([status, headers.get('allow'), body]).toEqual([405, 'GET, HEAD', { detail: 'Method Not Allowed' }]);
});

test('a path with a trailing slash reaches the same route', async ({ server }) => {
  expect((await server.call('PUT', `${base}/`)).status).toBe(200);
  expect((await server.call('GET', `${base}/`)).body.data.sessions).toHaveLength(1);
});

test.for([
  'text/plain',
  'application/x-www-form-urlencoded',
  'garbage',
  'multipart/form-data',
  'application/json; charset=latin1',
])('a JSON body sent as %s is still parsed as JSON', async (type, { server, sid }) => {
  server.fake.files.set('a', 'content');
  const { status, body } = await server.call('POST', `${base}/${sid}/file`, { file: 'a' }, { 'content-type': type });
  expect([status, body.data]).toEqual([200, { content: 'content', file: 'a' }]);
});

test.for([
  '',
  '{',
  'null',
  '[]',
  '"file"',
  '7',
  '{}',
  '{"file":null}',
  '{"file":7}',
  '{"file":1e999}',
  '\u{feff}{}',
  '{"file":"a"}x',
])('F097 the body %j is 400', async (body, { server, sid }) => {
  const answer = await server.call('POST', `${base}/${sid}/file`, body);
  expect(answer).toMatchObject({ status: 400, body: { code: 400, msg: expect.any(String), data: null } });
  await alive(server);
});

test.for([
  ['arrays 10,000 deep', '['.repeat(10_000) + ']'.repeat(10_000)],
  ['objects 65 deep', `${'{"a":'.repeat(65)}1${'}'.repeat(65)}`],
  ['a million keys', `{${Array.from({ length: 1_000_000 }, (_, n) => `"${n.toString(36)}":1`).join(',')}}`],
] as const)('F097 %s are 400 before they are parsed', async ([_name, body], { server, sid }) => {
  const { parseJsonBody } = await import('../../../src/http/transport/json-body.ts');
  const bytes = Buffer.from(body);
  const refused = () => expect(() => parseJsonBody(bytes)).toThrow(AppError);
  await refused();
  expect(await processorMs(refused)).toBeLessThan(200);
  expect((await server.call('POST', `${base}/${sid}/file`, body)).status).toBe(400);
});

test('F097 keys with a special meaning in JavaScript are ignored like all unknown keys', async ({ server, sid }) => {
  server.fake.files.set('a', '');
  const body =
    '{"__proto__":{"polluted":1,"file":"b"},"constructor":{"prototype":{"polluted":1}},"file":"b","file":"a","toString":1}';
  expect((await server.call('POST', `${base}/${sid}/file`, body)).body.data).toEqual({ content: '', file: 'a' });
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

test('F098 a body one byte over the limit is 413, with or without a declared length', async () => {
  await using server = await testServer({ config: { maxBodyBytes: 100_000 } });
  const sid = await server.newSession();
  const path = `${base}/${sid}/file`;
  const fitting = `{"file":"${'x'.repeat(99_989)}"}`;
  expect(fitting.length).toBe(100_000);
  // Not 413: the server read the body, and refuses the path in it.
  expect((await server.call('POST', path, fitting)).status).toBe(400);
  const answer = { code: 413, msg: 'The request body is too large.', data: null };
  expect(await server.call('POST', path, `${fitting} `)).toMatchObject({ status: 413, body: answer });
  const chunked = `186a1\r\n${fitting} \r\n0\r\n\r\n`;
  const raw = await rawRequest(server.port, post(path, 'Transfer-Encoding: chunked\r\nConnection: close', chunked));
  expect(raw).toMatch(/^HTTP\/1.1 413 /);
  expect(raw).toContain(JSON.stringify(answer));
});

test('F098 a client that sends its whole body before it reads gets the reason for the refusal', async ({ server }) => {
  const body = Buffer.alloc(12 * 1024 * 1024, 'x');
  const head = `POST ${base}/0123456789abcdef/file HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`;
  const { promise: answer, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect(server.port, '127.0.0.1');
  socket.pause().on('error', reject);
  socket.write(head);
  socket.write(body, (error) => {
    if (error) return reject(error);
    socket.resume().once('data', (chunk) => resolve(chunk.toString()));
  });
  expect(await answer).toMatch(/^HTTP\/1.1 413 /);
  socket.destroy();
});

test('F098 a declared length over the limit is refused before any byte of the body arrives', async ({ server }) => {
  const raw = await rawRequest(server.port, post(base, 'Content-Length: 999999999999', '{'), (got) =>
    got.includes('}'),
  );
  expect(raw).toMatch(/^HTTP\/1.1 40[45] |^HTTP\/1.1 413 /);
  await alive(server);
});

test('F098 compressed bodies are refused', async ({ server, sid }) => {
  const init = { method: 'POST', headers: { 'content-encoding': 'gzip' }, body: gzipSync('{"file":"a"}') };
  const response = await fetch(`${server.url}${base}/${sid}/file`, init);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ code: 400, msg: 'Compressed request bodies are not accepted.' });
});

test.for([
  ['headers of 17 KiB', `GET /health HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(17 * 1024)}\r\n\r\n`, 431],
  ['a URL of 64 KiB', `GET /${'x'.repeat(64 * 1024)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 431],
  ['2,000 headers', `GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${'a: b\r\n'.repeat(2_000)}\r\n`, 400],
  ['a URL with half an escape', 'GET /%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', 400],
  ['a URL with broken UTF-8', `GET ${base}/%ff HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`, 400],
  ['no HTTP at all', 'hello\r\n\r\n', 400],
] as const)('F099 %s is refused, and the server stays healthy', async ([_name, bytes, status], { server }) => {
  const raw = await rawRequest(server.port, bytes);
  expect(raw.split('\r\n')[0]).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(raw.split('\r\n\r\n').at(-1)).toMatch(/^\{.*\}$/);
  await alive(server);
});

const smuggled = 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n';
test.for([
  [
    'a length and chunks',
    post(base, `Content-Length: ${5 + smuggled.length}\r\nTransfer-Encoding: chunked`, '0\r\n\r\n'),
  ],
  ['chunks and a length', post(base, 'Transfer-Encoding: chunked\r\nContent-Length: 5', '0\r\n\r\n')],
  ['two lengths', post(base, `Content-Length: 0\r\nContent-Length: ${smuggled.length}`, '')],
  ['a length with a sign', post(base, 'Content-Length: +5', 'abcde')],
  ['chunks that are not the last coding', post(base, 'Transfer-Encoding: chunked, identity', '0\r\n\r\n')],
  ['a coding that looks like chunks', post(base, 'Transfer-Encoding: xchunked', '0\r\n\r\n')],
  ['chunks that end with a line feed alone', post(base, 'Transfer-Encoding: chunked', '0\n\n')],
  ['a chunk of a size that is none', post(base, 'Transfer-Encoding: chunked', '0x0\r\n\r\n')],
  ['lines that end with a line feed alone', 'GET /health HTTP/1.1\nHost: localhost\n\n'],
  ['a folded header', 'GET /health HTTP/1.1\r\nHost: localhost\r\nA: b\r\n c\r\n\r\n'],
  ['a space before the colon', 'GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length : 5\r\n\r\nabcde'],
] as const)(
  'F101 %s: 400, and the smuggled bytes behind it are not served as a request',
  async ([, bytes], { server }) => {
    const raw = await rawRequest(server.port, bytes + smuggled); // until the server closes
    expect(raw).toMatch(/^HTTP\/1.1 400 /);
    expect(raw.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    await alive(server);
  },
);

test('F100 a client whose headers never end is cut off alone', { tags: ['nightly'] }, async ({ server }) => {
  const ends = Array.from({ length: 100 }, () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    let got = '';
    const socket = connect(server.port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nX: '));
    socket.on('data', (chunk) => {
      got += chunk;
    });
    const drip = setInterval(() => socket.write('x'), 2_000);
    socket.on('error', () => {});
    socket.on('close', () => {
      clearInterval(drip);
      resolve(got);
    });
    return promise;
  });
  await alive(server);
  for (const got of await Promise.all(ends)) expect(got).toMatch(/^HTTP\/1.1 408 /);
});

test('F100 a request must arrive whole within 30 s, even one that is refused', async () => {
  const clock = manualClock();
  await using server = await testServer({ clock });
  for (const [host, status] of [
    ['localhost', 408],
    ['evil.example', 403],
  ]) {
    const waiting = clock.pending();
    const head = `POST ${base} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 10`;
    const answer = rawRequest(server.port, `${head}\r\n\r\nx`);
    await expect.poll(() => clock.pending()).toBeGreaterThan(waiting);
    clock.advance(29_000);
    expect(clock.pending()).toBeGreaterThan(waiting);
    clock.advance(1_000);
    expect(await answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `)); // and the server closes the connection
  }
});

test('an unexpected error is 500 without details in the answer, and the log has the details', async ({ server }) => {
  server.fake.instead.pieces = async function* () {
    yield* [];
    throw new Error('connect mongodb://root:password=hunter2@db');
  };
  const { status, body, headers } = await server.call('GET', base);
  expect([status, body]).toEqual([500, { code: 500, msg: 'Internal server error', data: null }]);
  expect(JSON.stringify([body, [...headers]])).not.toContain('hunter2');
  expect(String(server.lines.find(({ level }) => level === 'error')?.fields.err)).toContain('hunter2');
});

test('deleting a session while its stream opens ends the stream and logs no error', async ({ server, sid }) => {
  server.fake.instead.follow = async function* () {
    yield* [];
    throw new AppError('session_not_found', 'Session not found');
  };
  const { status, body } = await server.call('GET', `${base}/${sid}/events`);
  expect([status, body]).toEqual([200, ': connected\n\n']);
  expect(server.lines.filter(({ level }) => level === 'error')).toEqual([]);
});

test('an error after the stream began breaks the connection, so that the client resumes', async ({ server, sid }) => {
  server.fake.instead.follow = async function* () {
    yield* [];
    throw new Error('password=hunter2');
  };
  const raw = await rawRequest(server.port, `GET ${base}/${sid}/events HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  expect(raw).not.toContain('hunter2');
  expect(server.lines.some(({ level, text }) => level === 'error' && text === 'a stream failed')).toBe(true);
});
