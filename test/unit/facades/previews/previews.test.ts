import { once } from 'node:events';
import { request as ask, createServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { type WebSocket as Socket, WebSocket, WebSocketServer } from 'ws';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { Secret } from '../../../../src/core/text/secret.ts';
import type { AuditEntry } from '../../../../src/observability/audit/row.ts';
import type { PortClient } from '../../../../src/sandboxes/client/abilities.ts';
import { type TestServer, testServer } from '../../../support/clients/http.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const token = 'the-token-of-the-server';
const authorization = `Bearer ${token}`;
/** The headers of the program's next answer. */
let answering: string[] = [];
const seen: { readonly url: string; readonly headers: IncomingHttpHeaders }[] = [];
const joins: { readonly headers: IncomingHttpHeaders; readonly socket: Socket }[] = [];

const program = createServer((request, response) => {
  seen.push({ url: request.url ?? '', headers: request.headers });
  void text(request).then((body) => {
    response.writeHead(200, ['Content-Type', 'text/html', ...answering]);
    response.end(`${request.method} ${request.url} ${body}`);
  });
});
const sockets = new WebSocketServer({ server: program });
sockets.on('connection', (socket, { headers }) => {
  joins.push({ headers, socket });
  socket.on('message', (data) => socket.send(`echo ${data}`));
});
await once(program.listen(0, '127.0.0.1'), 'listening');
afterAll(() => {
  sockets.close();
  program.close();
});

const ports: PortClient = {
  list: async () => [{ port: 3000, pid: 7, command: 'node server.js' }, { port: 3128 }],
  async connect(port) {
    if (port !== 3000) throw new AppError('not_found', 'Nothing listens.');
    const socket = connect((program.address() as AddressInfo).port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  },
};

let it: TestServer;
let sid: string;
const clock = manualClock();
const audited: AuditEntry[] = [];
beforeEach(async () => {
  [answering, seen.length, joins.length, audited.length] = [[], 0, 0, 0];
  it = await testServer({ clock, config: { token: new Secret(token) }, audit: (entry) => void audited.push(entry) });
  it.others.ports.client = ports;
  const { body } = await it.call('PUT', '/api/v1/sessions', undefined, { authorization });
  sid = body.data.session_id;
});
afterEach(() => it[Symbol.asyncDispose]());

interface RequestOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}
/** A request exactly as written, with any Host. */
const raw = (path: string, { method = 'GET', headers = {}, body }: RequestOptions = {}) =>
  new Promise<{ status: number; headers: IncomingHttpHeaders; text: string }>((done, fail) => {
    const pending = ask({ port: it.port, host: '127.0.0.1', path, method, headers }, (answer) => {
      const { statusCode: status = 0, headers: reported } = answer;
      text(answer).then((body) => done({ status, headers: reported, text: body }), fail);
    });
    pending.once('error', fail).end(body);
  });
const open = async (of: number | 'files' = 3000, more: object = {}, headers = { authorization }) => {
  const { status, body } = await it.call('POST', `/api/v1/sessions/${sid}/previews`, { of, ...more }, headers);
  expect(status, JSON.stringify(body)).toBe(200);
  return { ...body.data, secret: body.data.path.split('/')[3] } as {
    id: string;
    url: string;
    path: string;
    secret: string;
  };
};
const named = (port = 3000) => `${port}-${sid}.localhost:${it.port}`;

test('ports that listen are listed without those of the sandbox itself, and not without a token', async () => {
  const { body } = await it.call('GET', `/api/v1/sessions/${sid}/ports`, undefined, { authorization });
  expect(body.data).toEqual({ ports: [{ port: 3000, pid: 7, command: 'node server.js' }] });
  expect((await it.call('GET', `/api/v1/sessions/${sid}/ports`)).status).toBe(401);
});

test('the address of a preview is a name below localhost, if the request used a name of this machine', async () => {
  const { url, path, secret } = await open();
  expect(url).toBe(`http://${named()}/?corral_preview=${secret}`);
  expect(path).toBe(`/previews/3000-${sid}/${secret}/`);
});

test('a browser that follows the address keeps the secret in a cookie of that name alone, and the address loses it', async () => {
  const { url } = await open();
  const { search } = new URL(url);
  const navigate = { 'sec-fetch-mode': 'navigate', host: named() };
  const first = await raw(`/deep/page${search}&a=1`, { headers: navigate });
  expect([first.status, first.headers.location]).toEqual([303, '/deep/page?a=1']);
  const [safe = '', plain = ''] = first.headers['set-cookie'] ?? [];
  expect(safe).toMatch(
    /^__Host-corral_preview=.*; Path=\/; Max-Age=28800; HttpOnly; Secure; SameSite=None; Partitioned$/,
  );
  expect(plain).toMatch(/^corral_preview=.*; HttpOnly; SameSite=Lax$/);
  expect(seen).toEqual([]);
  const cookie = `${safe.split(';')[0]}; own=1`;
  const second = await raw('/deep/page?a=1', { headers: { host: named(), cookie } });
  expect([second.status, second.text]).toEqual([200, 'GET /deep/page?a=1 ']);
  expect(seen[0]?.headers.cookie).toBe('own=1');
});

test('a redirect never leads to another host', async () => {
  const { url } = await open();
  const { search } = new URL(url);
  for (const path of ['//evil.example', '/\\evil.example', '///evil.example']) {
    const { headers } = await raw(`${path}${search}`, { headers: { 'sec-fetch-mode': 'navigate', host: named() } });
    expect(headers.location).toBe('/evil.example');
  }
});

test('a program sees requests as if a browser in the sandbox had sent them', async () => {
  const { secret } = await open();
  const own = `http://${named()}`;
  const headers = {
    host: named(),
    origin: own,
    referer: `${own}/a`,
    'x-forwarded-for': '10.1.2.3',
    'content-type': 'a/b',
  };
  const { text } = await raw(`/x?b=2&corral_preview=${secret}`, { method: 'POST', headers, body: 'text' });
  expect(text).toBe('POST /x?b=2 text');
  expect(seen[0]?.headers).toMatchObject({
    host: 'localhost:3000',
    origin: 'http://localhost:3000',
    referer: 'http://localhost:3000/a',
    'content-type': 'a/b',
    'x-forwarded-host': named(),
    'x-forwarded-proto': 'http',
  });
  expect(JSON.stringify(seen)).not.toMatch(/10\.1\.2\.3|corral_preview/);
});

test('what a program answers stays under its name, and can be framed by the page', async () => {
  const { secret } = await open();
  answering = [
    ...['Set-Cookie', 'a=1; Domain=localhost; Path=/', 'Set-Cookie', '__Host-corral_preview=x; Secure; Path=/'],
    ...['X-Frame-Options', 'DENY', 'Content-Security-Policy', "default-src 'self'; frame-ancestors 'none'"],
    ...['Location', 'http://localhost:3000/next', 'Clear-Site-Data', '"cookies"'],
  ];
  const { headers } = await raw(`/?corral_preview=${secret}`, { headers: { host: named() } });
  expect([headers['set-cookie'], headers['content-security-policy']]).toEqual([['a=1; Path=/'], "default-src 'self'"]);
  expect(headers.location).toBe('/next');
  expect([headers['x-frame-options'], headers['clear-site-data']]).toEqual([undefined, undefined]);
});

test('under a path of the server a program gets no cookie, token or origin, and its page is sandboxed', async () => {
  const { path } = await open();
  answering = [
    ...['Set-Cookie', 'a=1', 'Service-Worker-Allowed', '/', 'Location', '/login', 'Clear-Site-Data', '"*"'],
    ...['Content-Security-Policy', 'sandbox allow-same-origin', 'NEL', '{}', 'WWW-Authenticate', 'Basic'],
  ];
  const origin = 'https://evil.example';
  const requested = {
    cookie: 'c=1',
    authorization,
    origin,
    referer: `http://127.0.0.1:${it.port}/`,
    'sec-fetch-site': 'cross-site',
  };
  const { status, headers } = await raw(`${path}a?b=1`, {
    method: 'POST',
    headers: { ...requested, host: `127.0.0.1:${it.port}` },
  });
  expect([status, seen[0]?.url]).toEqual([200, '/a?b=1']);
  for (const name of ['cookie', 'authorization', 'origin', 'referer'])
    expect(seen[0]?.headers, name).not.toHaveProperty(name);
  expect(headers['content-security-policy']).toMatch(/^sandbox allow-scripts (?!.*allow-same-origin)/);
  expect(headers.location).toBe(`${path}login`);
  for (const name of ['set-cookie', 'service-worker-allowed', 'clear-site-data', 'nel', 'www-authenticate'])
    expect(headers, name).not.toHaveProperty(name);
  expect(headers['access-control-allow-origin']).toBe('*');
  const worker = await raw(`${path}sw.js`, { headers: { host: `127.0.0.1:${it.port}`, 'service-worker': 'script' } });
  expect(worker.status).toBe(403);
});

test('a wrong, expired, closed or missing secret opens nothing, and tells no program', async () => {
  const { id, path, secret } = await open(3000, { minutes: 1 });
  const other = await open(8080);
  const host = { host: named() };
  const wrong = `${secret.slice(0, 13)}${'A'.repeat(43)}`;
  const asks = [
    ['/', host],
    [`/?corral_preview=${wrong}`, host],
    [`/?corral_preview=${other.secret}`, host],
    [`/?corral_preview=`, host],
    ['/', { ...host, cookie: `__Host-corral_preview=${wrong}` }],
    ['/', { ...host, authorization }],
    [path.replace(secret, wrong), {}],
    [path.replace(`3000-${sid}`, `3001-${sid}`), {}],
    [path.replace(sid, '0'.repeat(16)), {}],
    ['/previews/-', {}],
  ] as const;
  for (const [at, headers] of asks) expect((await raw(at, { headers })).status, at).toBe(401);
  expect((await raw(path)).status).toBe(200);
  clock.advance(60_000);
  expect((await raw(path)).status).toBe(401);
  const again = await open();
  await it.call('DELETE', `/api/v1/sessions/${sid}/previews/${again.id}`, undefined, { authorization });
  expect([(await raw(again.path)).status, seen.length]).toEqual([401, 1]);
  const reported = audited.map(({ action, outcome, by }) => `${action} ${outcome} ${by}`);
  expect(reported).toContain('preview.enter unauthorized nobody');
  expect(reported).toContain('preview.close done token');
  expect(id).not.toBe(again.id);
});

test('guesses lock their address out, and the cookies of open pages do not', { tags: ['all'] }, async () => {
  const { secret, path } = await open();
  const wrong = `${secret.slice(0, 13)}${'A'.repeat(43)}`;
  const cookie = `corral_preview=${wrong}`;
  const many = async (work: () => Promise<unknown>) => {
    for (let n = 0; n < 50; n++) await Promise.all(Array.from({ length: 20 }, work));
  };
  await many(() => raw('/', { headers: { host: named(), cookie } }));
  expect((await raw(path)).status).toBe(200);
  await many(() => raw(path.replace(secret, wrong)));
  expect([(await raw(path.replace(secret, wrong))).status, (await raw(path)).status]).toEqual([429, 200]); // others can share the address
});

test('reserved ports cannot be opened, and a port where nothing listens says so in German or English', async () => {
  const closed = await it.call('POST', `/api/v1/sessions/${sid}/previews`, { of: 3128 }, { authorization });
  expect(closed.status).toBe(403);
  const { path } = await open(8080);
  for (const [language, title] of [
    ['', 'Nothing answers on port 8080'],
    ['fr, en;q=0.7, de;q=0.3', 'Nothing answers on port 8080'],
    ['de-AT, en;q=0.5', 'Auf Port 8080 antwortet nichts'],
    ['fr, en;q=0.3, de;q=0.7', 'Auf Port 8080 antwortet nichts'],
  ] as const) {
    const headers = { accept: 'text/html', 'accept-language': language };
    const { status, text } = await raw(path, { headers });
    expect([status, text.includes(`<h1>${title}</h1>`)], language).toEqual([502, true]);
  }
  it.others.ports.client = undefined;
  expect((await raw(path)).status).toBe(503);
});

test('a preview acts for the key that opened it, and ends with the key', async () => {
  const key = await it.keys.create({ name: 'ann', role: 'user' });
  const ann = { authorization: `Bearer ${key.key}` };
  sid = (await it.call('PUT', '/api/v1/sessions', undefined, ann)).body.data.session_id;
  const { path } = await open(3000, {}, ann);
  expect((await raw(path)).status).toBe(200);
  const client = new WebSocket(`ws://127.0.0.1:${it.port}${path}`);
  await once(client, 'open');
  const over = once(client, 'close');
  await it.keys.revoke(key.view.id);
  await over;
  expect((await raw(path)).status).toBe(401);
});

test('a WebSocket reaches the program by cookie from its own pages alone, and ends when the preview is closed', async () => {
  const { id, secret } = await open();
  const cookie = `__Host-corral_preview=${secret}`;
  const join = (origin: string | undefined, host = named()) =>
    new WebSocket(`ws://127.0.0.1:${it.port}/hmr?x=1`, { headers: { host, cookie, ...(origin && { origin }) } });
  const refused = (socket: Socket) =>
    new Promise((done) =>
      socket.on('error', () => {}).once('unexpected-response', (_request, { statusCode }) => done(statusCode)),
    );
  expect(await refused(join('http://evil.example'))).toBe(403);
  expect([await refused(join(`http://localhost:${it.port}`)), joins]).toEqual([403, []]);
  const client = join(`http://${named()}`);
  await once(client, 'open');
  client.send('hi');
  expect(`${(await once(client, 'message'))[0]}`).toBe('echo hi');
  expect(joins[0]?.headers).toMatchObject({ host: 'localhost:3000', origin: 'http://localhost:3000' });
  expect(joins[0]?.headers.cookie).toBeUndefined();
  const over = once(client, 'close');
  await it.call('DELETE', `/api/v1/sessions/${sid}/previews/${id}`, undefined, { authorization });
  clock.advance(2_000);
  await over;
});

test('the name of a preview serves nothing of the server, whatever the path and the token', async () => {
  const { secret } = await open();
  for (const path of ['/api/v1/sessions', '/trpc/sessions.list', '/healthz', '/static/index.html']) {
    expect((await raw(path, { headers: { host: named(), authorization } })).status, path).toBe(401);
    const { text } = await raw(`${path}?corral_preview=${secret}`, { headers: { host: named(), authorization } });
    expect(text, path).toBe(`GET ${path} `);
  }
  expect((await raw('/', { headers: { host: `3000-${sid}.evil.example` } })).status).toBe(403);
});

test('a page of a preview may not use the server', async () => {
  const headers = { authorization, origin: `http://${named()}`, 'sec-fetch-site': 'same-site' };
  const { status } = await it.call('PUT', '/api/v1/sessions', undefined, headers);
  expect(status).toBe(403);
  const read = await it.call('GET', '/api/v1/sessions', undefined, headers);
  expect(read.headers.get('access-control-allow-origin')).toBeNull();
});

test('huge and surplus headers are refused before they reach the program', async () => {
  const { path } = await open();
  expect((await raw(path, { headers: { 'x-long': 'a'.repeat(20_000) } })).status).toBe(431);
  const many = Object.fromEntries(Array.from({ length: 250 }, (_, n) => [`x-${n}`, '1']));
  expect([(await raw(path, { headers: many })).status, seen]).toEqual([400, []]);
});

test('a preflight is answered for the program under a path, and by the program under its name', async () => {
  const { path, secret } = await open();
  const headers = { 'access-control-request-method': 'PUT', origin: 'null' };
  expect([(await raw(path, { method: 'OPTIONS', headers })).status, seen]).toEqual([204, []]);
  await raw(`/?corral_preview=${secret}`, { method: 'OPTIONS', headers: { ...headers, host: named() } });
  expect(seen).toHaveLength(1);
});

test('a preview lives no longer than the server allows', async () => {
  const { status } = await it.call(
    'POST',
    `/api/v1/sessions/${sid}/previews`,
    { of: 3000, minutes: 20_000 },
    { authorization },
  );
  expect(status).toBe(400);
});
