import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { afterAll, test as base, beforeEach, expect, onTestFinished } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { AppError } from '../../../../src/core/errors/errors.ts';
import type { PathEntry, SandboxHandle } from '../../../../src/sessions/api/sandbox-interior.ts';
import { e2bFacade, pathEntry } from '../../../support/clients/e2b-facade.ts';

// Which request reaches which port of which sandbox, and with which credential.
const written = new Map<string, string>();
const program = createServer((request, response) => {
  void text(request).then((body) => {
    response.writeHead(418, 'A Teapot', ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-Own', 'Yes']);
    const { method, url, headers } = request;
    response.end(JSON.stringify({ method, url, headers, body }));
  });
});
new WebSocketServer({ server: program }).on('connection', (socket, { headers }) => {
  socket.send(JSON.stringify(headers));
  socket.on('message', (data) => socket.send(`echo ${data}`));
});
await once(program.listen(0, '127.0.0.1'), 'listening');
const inside: Partial<SandboxHandle> = {
  paths: {
    ...({} as SandboxHandle['paths']),
    stat: async (path) => pathEntry(path),
    open: async () => ({ size: 4, content: Readable.from([Buffer.from('text')], { objectMode: false }) }),
    async write(path, content) {
      if (path.includes('full')) throw new AppError('quota', 'The disk is full.');
      written.set(path, await text(content));
      return pathEntry(path);
    },
  },
  ports: {
    list: async () => [],
    async connect(port) {
      if (port === 3128) throw new AppError('forbidden', 'Port 3128 is reserved by Corral and cannot be opened.');
      if (port !== 3000) throw new AppError('not_found', 'Nothing listens.');
      const socket = connect((program.address() as AddressInfo).port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    },
  },
};
const it = await e2bFacade({ inside });
beforeEach(() => void it.did.splice(0));
afterAll(async () => {
  await it[Symbol.asyncDispose]();
  program.close();
});
const own = async (options: Parameters<typeof e2bFacade>[0]) => {
  const facade = await e2bFacade({ inside, ...options });
  onTestFinished(() => facade[Symbol.asyncDispose]());
  return facade;
};
const host = (name: string) => ({ host: `${name}.sandboxes.example` });
const basic = (user: string) => ({ authorization: `Basic ${Buffer.from(`${user}:`).toString('base64')}` });
const privatePorts = { network: { allowPublicTraffic: false } };
const resumable = { autoPause: true, autoResume: { enabled: true } };
const test = base.extend('box', () => it.create());

test('the name api of the domain is the control plane, whatever else the request says', async () => {
  const named = { ...host('api'), 'e2b-sandbox-id': 'f'.repeat(16), 'e2b-sandbox-port': '3000' };
  expect((await it.ask('/v2/sandboxes', { headers: named })).status).toBe(200);
  expect((await it.ask('/other', { headers: named })).status).toBe(501);
});
test('the name sandbox of the domain leads on by the headers', async ({ box: { sid } }) => {
  expect((await it.port(sid, 49_983, '/health', { headers: host('sandbox') })).status).toBe(204);
});
test.each(['/', '/v2/sandboxes', '/e2b/v2/sandboxes', '/api/v1/sessions', '/health', '/openapi.json'])(
  'the name sandbox of the domain leads nowhere else: %s',
  async (path) =>
    expect(await it.ask(path, { headers: host('sandbox') })).toMatchObject({ status: 400, body: { code: 400 } }),
);
test.each([
  ['api.sandboxes.example:8000', 'http://localhost', 403],
  ['api.sandboxes.example:8000', 'http://api.sandboxes.example', 403],
  ['api.sandboxes.example:8000', 'http://api.sandboxes.example:8000', 201],
  ['api.sandboxes.example', 'http://localhost', 403],
  ['127.0.0.1:8000', 'http://localhost:8000', 403],
])('a server without keys at %s is not for pages of %s, unless both are one: %i', async (name, origin, status) => {
  const headers = { host: name, origin };
  const body = JSON.stringify({ templateID: 'base' });
  expect((await it.ask('/v2/sandboxes', { method: 'POST', headers, body })).status).toBe(status);
});
test('a page that the browser calls one of another site owns nothing, whatever its other headers say', async () => {
  const own = { host: 'api.sandboxes.example', origin: 'http://api.sandboxes.example' };
  const headers = { ...own, 'sec-fetch-site': 'cross-site' };
  expect((await it.ask('/v2/sandboxes', { method: 'POST', headers, body: '{}' })).status).toBe(403);
});
test('a Host that this server does not answer to is refused, with the headers too', async ({ box: { sid } }) => {
  expect((await it.port(sid, 49_983, '/health', { headers: { host: 'evil.example' } })).status).toBe(403);
});
test.each(['0', '65536', '99999'])('a name with port %s is 400', async (port) => {
  const { sid } = await it.create();
  const { status, body } = await it.ask('/', { headers: host(`${port}-${sid}`) });
  expect([status, body]).toEqual([400, { code: 400, message: expect.any(String) }]);
});
test('a request of a page for leave to send the headers is not answered with it', async () => {
  const headers = { origin: 'http://localhost:3000', 'access-control-request-method': 'GET' };
  const asks = { ...headers, 'access-control-request-headers': 'e2b-sandbox-id,e2b-sandbox-port,x-access-token' };
  const answer = await it.ask('/', { method: 'OPTIONS', headers: asks });
  expect(answer.headers['access-control-allow-headers']).not.toMatch(/e2b|x-access/i);
});

test('OPTIONS to a public port reaches the program, whose answer a page of another site gets', async () => {
  const { sid } = await it.create();
  const preflight = { origin: 'https://app.example', 'access-control-request-method': 'PUT' };
  const headers = { ...host(`3000-${sid}`), ...preflight };
  const { status, headers: output, body } = await it.ask('/x', { method: 'OPTIONS', headers });
  const expected = [418, 'Yes', 'OPTIONS', preflight.origin];
  expect([status, output['x-own'], body.method, body.headers.origin]).toEqual(expected);
});
test('OPTIONS to a private port needs a token as any other request does, and names of the server answer themselves', async () => {
  const { sid } = await it.create(privatePorts);
  const ask = (name: string) => it.ask('/', { method: 'OPTIONS', headers: host(name) });
  expect([(await ask(`3000-${sid}`)).status, (await ask(`49983-${sid}`)).status]).toEqual([403, 204]);
  expect((await ask('api')).status).toBe(204);
});

test('a port named by headers needs a token of its sandbox, and the refusal names the sandbox', async () => {
  const { sid, access, traffic } = await it.create();
  const { access: another } = await it.create();
  for (const headers of [{}, { 'x-access-token': another }]) {
    const { status, body } = await it.port(sid, 3000, '/', { headers });
    expect([status, body]).toEqual([403, { sandboxId: sid, message: expect.any(String), code: 403 }]);
  }
  for (const headers of [{ 'x-access-token': access }, { 'e2b-traffic-access-token': traffic }])
    expect((await it.port(sid, 3000, '/', { headers: headers as Record<string, string> })).status).toBe(418);
});
test('a port named by its host is open, unless the create requested private ports', async ({ box: { sid } }) => {
  expect((await it.ask('/', { headers: host(`3000-${sid}`) })).status).toBe(418);
  const closed = await it.create(privatePorts);
  const to = host(`3000-${closed.sid}`);
  expect((await it.ask('/', { headers: to })).status).toBe(403);
  expect((await it.ask('/', { headers: { ...to, 'e2b-traffic-access-token': closed.traffic } })).status).toBe(418);
});
test('a port of a session that no program of this facade made needs a token under its host name too', async () => {
  const sid = await it.server.newSession();
  const { body } = await it.api('POST', `/v2/sandboxes/${sid}/connect`, {});
  const to = host(`3000-${sid}`);
  expect((await it.ask('/', { headers: to })).status).toBe(403);
  const named = { ...to, 'e2b-traffic-access-token': body.trafficAccessToken };
  expect((await it.ask('/', { headers: named })).status).toBe(418);
  expect((await it.api('GET', `/sandboxes/${sid}`)).body.network).toMatchObject({ allowPublicTraffic: false });
});
test('a port that the server never opens is 403 with every token', async () => {
  const { sid, access, traffic } = await it.create();
  const never = { sandboxId: sid, message: 'Port 3128 is reserved by Corral and cannot be opened.', code: 403 };
  const tokens = { 'x-access-token': access, 'e2b-traffic-access-token': traffic };
  const byHost = await it.ask('/', { headers: { ...host(`3128-${sid}`), ...tokens } });
  const byHeaders = await it.port(sid, 3128, '/', { headers: tokens });
  expect([byHost.status, byHost.body, byHeaders.status]).toEqual([403, never, 403]);
});
const wrong = { 'e2b-traffic-access-token': 'wrong' };
test.each<[who: string, created: object, port: number, shown: Record<string, string> | 'its token', status: number]>([
  ['a stranger, where its program did not ask for autoResume', { autoPause: true }, 3000, {}, 502],
  ['a wrong token, where its program did not ask for autoResume', { autoPause: true }, 3000, wrong, 502],
  ['a stranger, where no port is public', { ...resumable, ...privatePorts }, 3000, {}, 403],
  ['a wrong token, where no port is public', { ...resumable, ...privatePorts }, 3000, wrong, 403],
  ['a stranger on the code interpreter, which is never public', resumable, 49_999, {}, 403],
  ['a stranger on a public port', resumable, 3000, {}, 418],
  ['the token of ports on a port that is not public', { ...resumable, ...privatePorts }, 3000, 'its token', 418],
])('whether %s resumes a paused sandbox', async (_, created, port, shown, status) => {
  const { sid, traffic } = await it.createPaused(created);
  const token = shown === 'its token' ? { 'e2b-traffic-access-token': traffic } : shown;
  expect((await it.ask('/', { headers: { ...host(`${port}-${sid}`), ...token } })).status).toBe(status);
  expect(it.did).toEqual(['start', 'pause', ...(status === 418 ? ['start'] : [])]);
});
test('the code interpreter needs a token under its host name too', async ({ box: { sid, traffic } }) => {
  const to = host(`49999-${sid}`);
  expect((await it.ask('/health', { headers: to })).status).toBe(403);
  expect((await it.ask('/health', { headers: { ...to, 'e2b-traffic-access-token': traffic } })).status).toBe(200);
});
test('the agent needs the access token; another one is 401, in a stream by its last envelope', async () => {
  const { sid, traffic } = await it.create();
  for (const headers of [{}, { 'x-access-token': traffic }] as Record<string, string>[]) {
    expect(await it.port(sid, 49_983, '/envs', { headers })).toMatchObject({ status: 401, body: { code: 401 } });
    const call = { method: 'POST', body: '{}', headers: { ...headers, 'content-type': 'application/json' } };
    const stat = await it.port(sid, 49_983, '/filesystem.Filesystem/Stat', call);
    expect(stat).toMatchObject({ status: 401, body: { code: 'unauthenticated', message: expect.any(String) } });
    const start = { ...call, headers: { ...headers, 'content-type': 'application/connect+json' } };
    for (const method of ['Start', 'Connect', 'StreamInput']) {
      const { status, text } = await it.port(sid, 49_983, `/process.Process/${method}`, start);
      expect([status, text]).toEqual([200, expect.stringContaining('{"error":{"code":"unauthenticated"')]);
    }
  }
});

test('the program behind a port gets the request as it came, without tokens, and its answer comes back as it is', async () => {
  const { sid, access } = await it.create();
  const headers = { 'x-access-token': access, origin: 'http://a.example', authorization: 'Basic eA==' };
  const chunked = { 'transfer-encoding': 'chunked', 'content-type': 'text/own', 'content-encoding': 'gzip' };
  const input = { method: 'PATCH', body: 'bytes', headers: { ...headers, ...chunked } };
  const answer = await it.port(sid, 3000, '/a?b=%20', input);
  expect([answer.status, answer.headers['set-cookie'], answer.headers['x-own']]).toEqual([418, ['a=1', 'b=2'], 'Yes']);
  const { method, url, body, headers: got } = answer.body;
  expect([method, url, body]).toEqual(['PATCH', '/a?b=%20', 'bytes']);
  expect(got).toMatchObject({ origin: 'http://a.example', authorization: 'Basic eA==', 'content-type': 'text/own' });
  expect(got).toMatchObject({ 'content-encoding': 'gzip', 'x-forwarded-host': expect.stringContaining('127.0.0.1') });
  expect(Object.keys(got).join()).not.toMatch(/token|e2b/);
});
test('the program behind a port sees the Host that the create chose', async () => {
  const { sid } = await it.create({ network: { maskRequestHost: ['inner:$', '{PORT}'].join('') } });
  const { headers } = (await it.ask('/', { headers: host(`3000-${sid}`) })).body;
  expect(headers).toMatchObject({ host: 'inner:3000', 'x-forwarded-host': `3000-${sid}.sandboxes.example` });
});
test('a WebSocket goes through to the port, and one without a token is refused', async ({ box: { sid, access } }) => {
  const named = { 'e2b-sandbox-id': sid, 'e2b-sandbox-port': '3000' };
  const socket = new WebSocket(`${it.server.url}/socket`, { headers: { ...named, 'x-access-token': access } });
  const received: string[] = [];
  socket.on('message', (data) => received.push(String(data)));
  await new Promise((done) => socket.once('open', done));
  socket.send('hi');
  await expect.poll(() => received).toEqual([expect.not.stringContaining(access), 'echo hi']);
  const closed = new Promise((done) => socket.once('close', done));
  await it.api('DELETE', `/sandboxes/${sid}`);
  await closed; // the sandbox is gone
  const status = (url: string, headers: Record<string, string>) =>
    new Promise((done) => {
      const refused = new WebSocket(url, { headers });
      refused.once('unexpected-response', (_, answer) => done(answer.statusCode));
      refused.on('error', () => {});
    });
  const { sid: other } = await it.create();
  expect(await status(it.server.url, { ...named, 'e2b-sandbox-id': other })).toBe(403);
  expect(await status(it.server.url, { ...named, 'e2b-sandbox-id': sid })).toBe(502);
});

test('a user can be named, root is an alias, and an empty name is none', async ({ box: { sid, access } }) => {
  const read = (query: string, more: Record<string, string> = {}) =>
    it.port(sid, 49_983, `/files?path=x${query}`, { headers: { 'x-access-token': access, ...more } });
  for (const query of ['', '&username=', '&username=user', '&username=root'])
    expect([query, (await read(query)).status]).toEqual([query, 200]);
  expect([(await read('', basic('user'))).status, (await read('', basic('daemon'))).status]).toEqual([200, 401]);
});
test('CORRAL_E2B_ROOT=refuse answers 401 to requests for root, and to no other', async () => {
  const strict = await own({ settings: { root: 'refuse' } });
  const sandbox = await strict.create();
  const read = (path: string, headers: Record<string, string> = {}) =>
    strict.port(sandbox.sid, 49_983, path, { headers: { 'x-access-token': sandbox.access, ...headers } });
  const ask = (user: string) =>
    Promise.all([
      read('/files?path=x', basic(user)),
      strict.agent(sandbox, '/filesystem.Filesystem/Stat', '{"path":"x"}', basic(user)),
    ]);
  const [file, call] = await ask('root');
  expect([file.status, file.body.code, call.status, call.body.code]).toEqual([401, 401, 401, 'unauthenticated']);
  expect((await ask('user')).map(({ status }) => status)).toEqual([200, 200]);
  expect((await read('/files?path=x&username=root')).status).toBe(401);
});

interface Link {
  readonly path?: string;
  readonly operation?: 'read' | 'write';
  readonly username?: string;
  readonly expiration?: number;
}
function signed(token: string, { path = 'r.txt', operation = 'read', username, expiration }: Link = {}) {
  const text = [path, operation, username ?? '', token, ...(expiration === undefined ? [] : [expiration])].join(':');
  const signature = `v1_${createHash('sha256').update(text).digest('base64').replace(/=+$/, '')}`;
  const query = new URLSearchParams({ path, signature });
  if (username !== undefined) query.set('username', username);
  if (expiration !== undefined) query.set('signature_expiration', String(expiration));
  return `/files?${query}`;
}
test('a signature opens its file for its operation and user alone, without a name, by headers and by host', async () => {
  const { sid, access } = await it.create();
  const soon = Date.UTC(2100, 0, 1) / 1_000;
  for (const link of [{}, { username: 'user' }, { expiration: soon }, { path: '/a b' }]) {
    for (const headers of [{}, host(`49983-${sid}`)] as Record<string, string>[])
      expect((await it.ask(signed(access, link), { headers })).text).toBe('text');
    expect((await it.port(sid, 49_983, signed(access, link))).text).toBe('text');
  }
  const body = 'sent';
  const upload = { method: 'POST', body, headers: { 'content-type': 'application/octet-stream' } };
  expect((await it.ask(signed(access, { operation: 'write', path: 'w' }), upload)).status).toBe(200);
  expect(written.get('/home/user/w')).toBe('sent');
  for (const wrong of [
    await it.port(sid, 49_983, signed(access), upload),
    await it.port(sid, 49_983, signed(access).replace('r.txt', 'q.txt')),
    await it.port(sid, 49_983, `${signed(access)}&username=user`),
    await it.port(sid, 49_983, `${signed(access)}&signature_expiration=${soon}`),
  ]) {
    expect([wrong.status, wrong.body]).toEqual([401, { code: 401, message: 'invalid signature' }]);
  }
  const over = await it.port(sid, 49_983, signed(access, { expiration: 1_000 }));
  expect([over.status, over.body]).toEqual([401, { code: 401, message: 'signature is already expired' }]);
});
test('a token in a header counts before the signature', async ({ box: { sid, access, traffic } }) => {
  const ask = (token: string) => it.port(sid, 49_983, signed(access), { headers: { 'x-access-token': token } });
  expect([(await ask(access)).status, (await ask(traffic)).status]).toEqual([200, 401]);
});
test('a signature opens nothing but files', async ({ box: { sid, access } }) => {
  const query = signed(access).slice('/files'.length);
  expect((await it.port(sid, 49_983, `/envs${query}`)).status).toBe(401);
});

test('a paused sandbox is 502 on every port, in the words that clients compare', async () => {
  const { sid, access } = await it.createPaused();
  const gone = { sandboxId: sid, message: 'The sandbox was not found', code: 502 };
  for (const [number, path] of [
    [49_983, '/health'],
    [49_983, '/envs'],
    [3000, '/'],
    [49_999, '/health'],
  ] as const) {
    const { status, body } = await it.port(sid, number, path, { headers: { 'x-access-token': access } });
    expect([status, body]).toEqual([502, gone]);
  }
});
test('a request with its token resumes a paused sandbox that requested it; one without, and health, do not', async () => {
  const { sid, access } = await it.createPaused({ ...resumable, timeout: 70 });
  expect((await it.port(sid, 3000, '/')).status).toBe(403);
  expect((await it.port(sid, 49_983, '/envs', { headers: { 'x-access-token': 'wrong' } })).status).toBe(401);
  expect([(await it.port(sid, 49_983, '/health')).status, it.did]).toEqual([502, ['start', 'pause']]);
  const asks = Array.from({ length: 3 }, () =>
    it.port(sid, 49_983, '/envs', { headers: { 'x-access-token': access } }),
  );
  expect((await Promise.all(asks)).map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(it.did).toEqual(['start', 'pause', 'start']);
  const { state, startedAt, endAt } = (await it.api('GET', `/sandboxes/${sid}`)).body;
  expect(state).toBe('running');
  expect(Date.parse(endAt) - Date.parse(startedAt)).toBeGreaterThanOrEqual(70_000);
  await it.api('POST', `/sandboxes/${sid}/pause`);
  expect((await it.ask(signed(access))).text).toBe('text'); // a signed URL is such a request too
  await it.api('POST', `/sandboxes/${sid}/pause`, { memory: false });
  expect((await it.port(sid, 49_983, '/envs', { headers: { 'x-access-token': access } })).status).toBe(502); // its processes are gone
});

test.each([
  ['gzip', 'gzip'],
  ['gzip;q=1.0, identity', 'gzip'],
  ['gzip, deflate, identity;q=0', 'gzip'],
  ['gzip, deflate', undefined], // what Node sends by itself
  ['gzip, deflate, br, zstd', undefined], // what httpx sends
  ['gzip;q=0', undefined],
  ['', undefined],
])('a download that accepts %j is encoded as %s', async (accepted, encoding) => {
  const { sid, access } = await it.create();
  const headers = { 'x-access-token': access, 'accept-encoding': accepted };
  const answer = await it.port(sid, 49_983, '/files?path=x', { headers });
  expect([answer.status, answer.headers['content-encoding']]).toEqual([200, encoding]);
});
test('a disk that is full is 507', async () => {
  const bytes = { 'content-type': 'application/octet-stream' };
  const { status, body } = await it.agent(await it.create(), '/files?path=full', 'x', bytes);
  expect([status, body.code]).toEqual([507, 507]);
});
test('a body that says gzip and is none, or is cut, is 400', async ({ box: sandbox }) => {
  const packed = { 'content-type': 'application/octet-stream', 'content-encoding': 'gzip' };
  const put = (body: Buffer | string) => it.agent(sandbox, '/files?path=x', body, packed);
  expect((await put('no gzip')).status).toBe(400);
  expect((await put(gzipSync('x'.repeat(10_000)).subarray(0, 20))).status).toBe(400);
});

test('a part without a file name is stored at the path of the query, and without one it is 400', async () => {
  const stored: [path: string, text: string][] = [];
  const write: SandboxHandle['paths']['write'] = async (path, content) => {
    stored.push([path, await text(content)]);
    return { path, name: 'unnamed' } as PathEntry;
  };
  await using it = await e2bFacade({ inside: { paths: { ...(inside.paths as SandboxHandle['paths']), write } } });
  const sandbox = await it.create();
  const body = ['--b', 'content-disposition: form-data; name="file"', '', 'its text', '--b--', ''].join('\r\n');
  const send = (query: string) =>
    it.agent(sandbox, `/files${query}`, body, { 'content-type': 'multipart/form-data; boundary=b' });
  const { status, body: answer } = await send('?path=/tmp/unnamed');
  expect([status, answer]).toEqual([200, [{ path: '/tmp/unnamed', name: 'unnamed', type: 'file' }]]);
  expect(stored).toEqual([['/tmp/unnamed', 'its text']]);
  expect((await send('')).status).toBe(400);
});
