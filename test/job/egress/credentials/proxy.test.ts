// @module-tag all
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { Secret } from '../../../../src/core/text/secret.ts';
import type { Credential } from '../../../../src/sandboxes/egress/credentials/credential.ts';
import { anyHostEntry } from '../../../../src/sandboxes/egress/policy.ts';
import {
  api,
  authority,
  certificate,
  credential,
  git,
  type Handler,
  other,
  value,
  credentialWorld as world,
} from '../../../support/egress/credential-world.ts';
import { rest, session, until } from '../../../support/egress/egress.ts';

const seen = (head: IncomingMessage) => ({ headers: head.headers, url: head.url });
const keeping = (all: ReturnType<typeof seen>[]): Handler => {
  return (req, res) => {
    all.push(seen(req));
    req.resume().on('end', () => res.end('fine'));
  };
};

test('the real value replaces the placeholder on its way to the bound host, and the log names the use', async () => {
  const requests: ReturnType<typeof seen>[] = [];
  await using it = await world(keeping(requests));
  const tls = await it.tls('api.example.test');
  tls.end(
    `POST /v1?a=b HTTP/1.1\r\nHost: api.example.test\r\nX-Api-Key: ${api.placeholder}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi`,
  );
  expect(await rest(tls)).toMatch(/^HTTP\/1.1 200 [\s\S]*fine/);
  expect(requests).toMatchObject([{ url: '/v1?a=b', headers: { 'x-api-key': value, host: 'api.example.test' } }]);
  expect(it.rules()).toEqual([
    'allowed api.example.test allow-list: api.example.test',
    'allowed api.example.test credential: api',
  ]);
  expect(JSON.stringify(it.bench.reports)).not.toContain(value);
});

const variable = (more: Partial<Credential>) =>
  credential('KEY', 'api.example.test', { header: '', replaces: { header: true, body: true }, ...more });
const { placeholder: held } = variable({});
const form = 'Content-Type: application/x-www-form-urlencoded\r\n';
const basic = (text: string) => Buffer.from(`me:${text}`).toString('base64');
const odd = new Secret('a"b &%');
const chunks = [`{"a":"${held.slice(0, 9)}`, `${held.slice(9)}", "b":"${held}"}`];
const chunked = `${chunks.map((text) => `${text.length.toString(16)}\r\n${text}\r\n`).join('')}0\r\n\r\n`;
test.each<[string, string, string, Partial<Credential>, string, string]>([
  ['a header', `X-Key: k=${held};\r\n`, '', {}, `k=${value};`, ''],
  ['Basic', `X-Key: Basic ${basic(held)}\r\n`, '', {}, `Basic ${basic(value)}`, ''],
  ['JSON', 'Content-Type: application/json\r\n', `{"a":"${held}"}`, { value: async () => odd }, '', '{"a":"a\\"b &%"}'],
  ['a form', form, `a=${held}`, { value: async () => odd }, '', 'a=a%22b%20%26%25'],
  ['any text', '', `${held} ${held}`, {}, '', `${value} ${value}`],
  ['chunks', 'Transfer-Encoding: chunked\r\n', chunked, {}, '', `{"a":"${value}", "b":"${value}"}`],
  ['a body of its header alone', '', held, { replaces: { header: true, body: false } }, '', held],
  ['a header of its body alone', `X-Key: ${held}\r\n`, '', { replaces: { header: false, body: true } }, held, ''],
  ['a compressed body', 'Content-Encoding: gzip\r\n', held, {}, '', held],
  ['any host', `X-Key: ${held}\r\n`, '', { hosts: [anyHostEntry] }, value, ''],
])("a variable's placeholder in %s", async (_, head, body, more, header, sent) => {
  const requests: (string | undefined)[] = [];
  const handler: Handler = (req, res) => {
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('end', () => {
      requests.push(req.headers['x-key'] as string | undefined, Buffer.concat(parts).toString());
      res.end('fine');
    });
  };
  await using it = await world(handler, { all: [variable(more)] });
  const tls = await it.tls('api.example.test');
  const length = head.startsWith('Transfer') ? '' : `Content-Length: ${body.length}\r\n`;
  tls.write(`POST / HTTP/1.1\r\nHost: api.example.test\r\nConnection: close\r\n${length}${head}\r\n${body}`);
  expect(await rest(tls)).toMatch(/^HTTP\/1.1 200 [\s\S]*fine/);
  expect(requests).toEqual([header || undefined, sent]);
  const isUsed = header !== held && sent !== held;
  expect(it.rules().includes('allowed api.example.test credential: KEY')).toBe(isUsed);
  expect(JSON.stringify(it.bench.reports)).not.toContain(value);
});

test("a variable's placeholder reaches no other host, and an answer with its value ends", async () => {
  await using it = await world((req, res) => void res.end(`you sent ${req.headers['x-key']}`), {
    all: [variable({}), git],
  });
  const request = (host: string) => `GET / HTTP/1.1\r\nHost: ${host}\r\nX-Key: ${held}\r\nConnection: close\r\n\r\n`;
  const away = await it.tls('git.example.test');
  away.end(request('git.example.test'));
  expect(await rest(away)).toMatch(/^HTTP\/1.1 403 [\s\S]*credential 'KEY'/);
  const own = await it.tls('api.example.test');
  own.end(request('api.example.test'));
  expect(await rest(own).catch(() => 'cut')).not.toContain(value);
  expect(it.rules().at(-1)).toBe('refused api.example.test credential: the answer repeats it');
});

test('git gets its credential without a request for it, as Basic', async () => {
  const requests: ReturnType<typeof seen>[] = [];
  await using it = await world(keeping(requests));
  const tls = await it.tls('git.example.test');
  tls.end('GET /a.git/info/refs HTTP/1.1\r\nHost: git.example.test\r\nConnection: close\r\n\r\n');
  await rest(tls);
  const [, sent = ''] = /^Basic (.*)$/.exec(requests[0]?.headers.authorization ?? '') ?? [];
  expect(Buffer.from(sent, 'base64').toString()).toBe(`x-access-token:${other}`);
});

test('a second request on the same connection gets the credential too', async () => {
  const requests: ReturnType<typeof seen>[] = [];
  await using it = await world(keeping(requests));
  const tls = await it.tls('api.example.test');
  tls.write('GET /1 HTTP/1.1\r\nHost: api.example.test\r\n\r\n');
  await until(tls, 'fine');
  tls.end('GET /2 HTTP/1.1\r\nHost: api.example.test\r\nConnection: close\r\n\r\n');
  await rest(tls);
  expect(requests.map(({ url, headers }) => [url, headers['x-api-key']])).toEqual([
    ['/1', value],
    ['/2', value],
  ]);
});

test('the closest of several credentials for one header is the one that is used', async () => {
  const requests: ReturnType<typeof seen>[] = [];
  const closer = credential('mine', '*.example.test', { value: async () => new Secret(other) });
  await using it = await world(keeping(requests), { all: [closer, api] });
  const tls = await it.tls('api.example.test');
  // A sandbox that started earlier has the other credential's placeholder in its variables.
  tls.end(`GET / HTTP/1.1\r\nHost: api.example.test\r\nX-Api-Key: ${api.placeholder}\r\nConnection: close\r\n\r\n`);
  expect(await rest(tls)).toMatch(/^HTTP\/1.1 200 /);
  expect(requests).toMatchObject([{ headers: { 'x-api-key': other } }]);
  expect(it.rules().at(-1)).toBe('allowed api.example.test credential: mine');
});

test('a credential of one session does not count in another', async () => {
  const requests: ReturnType<typeof seen>[] = [];
  await using it = await world(keeping(requests), { of: (id) => (id === session ? [api] : []) });
  const socket = await it.bench.connect('another');
  socket.write('CONNECT api.example.test:443 HTTP/1.1\r\nHost: api.example.test:443\r\n\r\n');
  await until(socket, '\r\n\r\n');
  const tls = connectTls({ socket, servername: 'api.example.test', ca: certificate.cert });
  await once(tls, 'secureConnect'); // the TLS of the real server
  tls.end('GET / HTTP/1.1\r\nHost: api.example.test\r\nConnection: close\r\n\r\n');
  await rest(tls);
  expect(requests.map(({ headers }) => headers['x-api-key'])).toEqual([undefined]);
});

test('the next connection of a sandbox resumes the TLS of the last one to the host, and no other sandbox does', async () => {
  await using it = await world((req, res) => void res.end(`reused: ${(req.socket as TLSSocket).isSessionReused()}`));
  const responseTo = async (from?: 'another') => {
    const tls = await it.tls('api.example.test', {}, from);
    tls.end('GET / HTTP/1.1\r\nHost: api.example.test\r\nConnection: close\r\n\r\n');
    return /reused: \w+/.exec(await rest(tls))?.[0];
  };
  expect([await responseTo(), await responseTo()]).toEqual(['reused: false', 'reused: true']);
  expect(await responseTo('another')).toBe('reused: false');
});

test('a revoked credential is refused with the next request, also on an open connection', async () => {
  const requests: ReturnType<typeof seen>[] = [];
  let all = [api];
  await using it = await world(keeping(requests), { of: async () => all });
  const tls = await it.tls('api.example.test');
  tls.write('GET /1 HTTP/1.1\r\nHost: api.example.test\r\n\r\n');
  await until(tls, 'fine');
  all = [];
  tls.end('GET /2 HTTP/1.1\r\nHost: api.example.test\r\nConnection: close\r\n\r\n');
  expect(await rest(tls)).toMatch(/^HTTP\/1.1 403 [\s\S]*was revoked/);
  expect(requests.map(({ url }) => url)).toEqual(['/1']);
});

test('a host without a credential keeps its own TLS from end to end', async () => {
  await using it = await world((_, res) => res.end('fine'));
  const tls = await it.tls('free.example.test', { ca: certificate.cert });
  expect(tls.getPeerCertificate().issuer.CN).toMatch(/^corral test /);
  tls.destroy();
});

test('a server with a certificate that the installation does not trust gets no credential', async () => {
  const requests: ReturnType<typeof seen>[] = [];
  await using it = await world(keeping(requests), { trusted: authority.pem });
  const tls = await it.tls('api.example.test');
  tls.end('GET / HTTP/1.1\r\nHost: api.example.test\r\nConnection: close\r\n\r\n');
  expect(await rest(tls)).toMatch(/^HTTP\/1.1 502 /);
  expect(requests).toEqual([]);
});

test('under the policy none a bound host stays closed', async () => {
  await using it = await world((_, res) => res.end('fine'), { policy: { kind: 'none' } });
  await expect(it.tls('api.example.test')).rejects.toThrow(/403 .*policy is 'none'/);
});

const places: [string, string][] = [
  ['a header', `GET / HTTP/1.1\r\nHost: HOST\r\nX-Any: ${api.placeholder}\r\nConnection: close\r\n\r\n`],
  ['the address', `GET /?k=${encodeURIComponent(api.placeholder)} HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n`],
  [
    'Basic',
    `GET / HTTP/1.1\r\nHost: HOST\r\nAuthorization: Basic ${Buffer.from(`u:${api.placeholder}`).toString('base64')}\r\nConnection: close\r\n\r\n`,
  ],
];
test.each(places)('a placeholder in %s is refused towards the host of another credential', async (_, text) => {
  const requests: ReturnType<typeof seen>[] = [];
  await using it = await world(keeping(requests));
  const tls = await it.tls('git.example.test');
  tls.end(text.replace('HOST', 'git.example.test'));
  expect(await rest(tls)).toMatch(/^HTTP\/1.1 403 [\s\S]*credential 'api'/);
  expect(requests).toEqual([]);
  expect(it.rules().at(-1)).toBe('refused git.example.test credential: api is not bound to this host');
});

const plainPlaces: [string, (body: string) => string][] = [
  ...places.map(([where, text]): [string, () => string] => [where, () => text]),
  [
    'the body',
    (body) => `POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  ],
];
test.each(plainPlaces)('a placeholder in %s is refused in plain HTTP', async (_, textOf) => {
  const bodies: string[] = [];
  await using it = await world((req, res) => {
    req.on('data', (chunk) => bodies.push(String(chunk)));
    req.on('end', () => res.end('fine'));
  });
  const socket = await it.bench.connect();
  const body = `${'x'.repeat(70_000)}${api.placeholder}`;
  const text = textOf(body).replace('HOST', 'free.example.test');
  socket.end(text.replace(/^(\w+) /, '$1 http://free.example.test'));
  expect(await rest(socket)).toMatch(/^(HTTP\/1.1 403 [\s\S]*credential 'api')/);
  expect(bodies.join('')).not.toContain(api.placeholder);
  expect(it.rules().at(-1)).toBe('refused free.example.test credential: api is not bound to this host');
});

test('plain HTTP to a bound host gets no credential', async () => {
  const requests: ReturnType<typeof seen>[] = [];
  await using it = await world(keeping(requests));
  const req = request({ socketPath: it.bench.path, path: 'http://api.example.test/' }).end();
  const [res] = await once(req, 'response');
  res.resume();
  expect(requests[0]?.headers['x-api-key']).toBeUndefined();
});

test.each<[string, Handler]>([
  ['its body', (_, res) => res.end(`you sent ${value}`)],
  ['a header', (_, res) => res.setHeader('x-echo', value).end('fine')],
  [
    'two pieces of its body',
    (_, res) => {
      res.write(`you sent ${value.slice(0, 8)}`);
      setTimeout(() => res.end(value.slice(8)), 50);
    },
  ],
])('an answer that repeats the value in %s is cut off before it', async (_, handler) => {
  await using it = await world(handler);
  const tls = await it.tls('api.example.test');
  tls.on('error', () => {});
  tls.end('GET / HTTP/1.1\r\nHost: api.example.test\r\nConnection: close\r\n\r\n');
  expect(await rest(tls).catch(() => '')).not.toContain(value.slice(0, 8));
  expect(it.rules().at(-1)).toBe('refused api.example.test credential: the answer repeats it');
});

test('a WebSocket opens with the credential, and its messages pass both ways', async () => {
  const requests: ReturnType<typeof seen>[] = [];
  await using it = await world((_, res) => res.end());
  const sockets = new WebSocketServer({ server: it.secure.server });
  sockets.on('connection', (socket, req) => {
    requests.push(seen(req));
    socket.on('message', (data) => socket.send(`you sent ${data}`));
  });
  const tls = await it.tls('api.example.test');
  const socket = new WebSocket('wss://api.example.test/live', { createConnection: () => tls });
  await once(socket, 'open');
  socket.send('hello');
  const [data] = await once(socket, 'message');
  expect([String(data), requests[0]?.headers['x-api-key']]).toEqual(['you sent hello', value]);
  socket.terminate();
});

test('a request for another host inside a bound tunnel is refused', async () => {
  await using it = await world((_, res) => res.end('fine'));
  const tls = await it.tls('api.example.test');
  tls.end('GET / HTTP/1.1\r\nHost: free.example.test\r\nConnection: close\r\n\r\n');
  expect(await rest(tls)).toMatch(/^HTTP\/1.1 403 /);
});

test('a TLS hello for another host gets no certificate', async () => {
  await using it = await world((_, res) => res.end('fine'));
  await expect(it.tls('api.example.test', { servername: 'free.example.test' })).rejects.toThrow();
});

test('a value that cannot be read any more is a refusal that says so', async () => {
  const broken = { ...api, value: () => Promise.reject(new Error('gone')) };
  await using it = await world((_, res) => res.end('fine'), { all: [broken] });
  const tls = await it.tls('api.example.test');
  tls.end('GET / HTTP/1.1\r\nHost: api.example.test\r\nConnection: close\r\n\r\n');
  expect(await rest(tls)).toMatch(/^HTTP\/1.1 403 [\s\S]*has no value/);
});
