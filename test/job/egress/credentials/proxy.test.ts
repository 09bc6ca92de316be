// @module-tag all
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text as textOf } from 'node:stream/consumers';
import type { TLSSocket } from 'node:tls';
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
  credentialWorld,
  git,
  type Handler,
  other,
  value,
} from '../../../support/egress/credential-world.ts';
import { rest, session, until } from '../../../support/egress/egress.ts';

const apiHost = 'api.example.test';
const gitHost = 'git.example.test';
/** A request whose answer ends its connection. */
const get = (host: string, headers = '', target = '/') =>
  `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${headers}Connection: close\r\n\r\n`;
const fine: Handler = (req, res) => void req.resume().on('end', () => res.end('fine'));

/** A world whose server answers `fine` unless told otherwise, and the requests that reached it. */
async function world(handler: Handler = fine, options: Parameters<typeof credentialWorld>[1] = {}) {
  const requests: Pick<IncomingMessage, 'headers' | 'url'>[] = [];
  const it = await credentialWorld((req, res) => {
    requests.push({ headers: req.headers, url: req.url });
    handler(req, res);
  }, options);
  /** The whole answer to this text in a tunnel to the host. */
  const ask = async (host: string, text = get(host)) => {
    const tls = await it.tls(host);
    tls.on('error', () => {}).end(text);
    return await rest(tls).catch(() => 'cut');
  };
  return { ...it, requests, ask };
}

test('the real value replaces the placeholder on its way to the bound host, and the log names the use', async () => {
  await using it = await world();
  const head = `X-Api-Key: ${api.placeholder}\r\nContent-Length: 2\r\nConnection: close\r\n`;
  const reply = await it.ask(apiHost, `POST /v1?a=b HTTP/1.1\r\nHost: ${apiHost}\r\n${head}\r\nhi`);
  expect(reply).toMatch(/^HTTP\/1.1 200 [\s\S]*fine/);
  expect(it.requests).toMatchObject([{ url: '/v1?a=b', headers: { 'x-api-key': value, host: apiHost } }]);
  expect(it.rules()).toEqual([`allowed ${apiHost} allow-list: ${apiHost}`, `allowed ${apiHost} credential: api`]);
  expect(JSON.stringify(it.bench.reports)).not.toContain(value);
});

const variable = (more: Partial<Credential>) =>
  credential('KEY', apiHost, { header: '', replaces: { header: true, body: true }, ...more });
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
  let received = '';
  const handler: Handler = async (req, res) => {
    received = await textOf(req);
    res.end('fine');
  };
  await using it = await world(handler, { all: [variable(more)] });
  const length = head.startsWith('Transfer') ? '' : `Content-Length: ${body.length}\r\n`;
  const text = `POST / HTTP/1.1\r\nHost: ${apiHost}\r\nConnection: close\r\n${length}${head}\r\n${body}`;
  expect(await it.ask(apiHost, text)).toMatch(/^HTTP\/1.1 200 [\s\S]*fine/);
  expect([it.requests[0]?.headers['x-key'], received]).toEqual([header || undefined, sent]);
  const isUsed = header !== held && sent !== held;
  expect(it.rules().includes(`allowed ${apiHost} credential: KEY`)).toBe(isUsed);
  expect(JSON.stringify(it.bench.reports)).not.toContain(value);
});

test("a variable's placeholder reaches no other host, and an answer with its value ends", async () => {
  await using it = await world((req, res) => void res.end(`you sent ${req.headers['x-key']}`), {
    all: [variable({}), git],
  });
  const key = `X-Key: ${held}\r\n`;
  expect(await it.ask(gitHost, get(gitHost, key))).toMatch(/^HTTP\/1.1 403 [\s\S]*credential 'KEY'/);
  expect(await it.ask(apiHost, get(apiHost, key))).not.toContain(value);
  expect(it.rules().at(-1)).toBe(`refused ${apiHost} credential: the answer repeats it`);
});

test('git gets its credential without a request for it, as Basic', async () => {
  await using it = await world();
  await it.ask(gitHost, get(gitHost, '', '/a.git/info/refs'));
  const [, sent = ''] = /^Basic (.*)$/.exec(it.requests[0]?.headers.authorization ?? '') ?? [];
  expect(Buffer.from(sent, 'base64').toString()).toBe(`x-access-token:${other}`);
});

test('a second request on the same connection gets the credential too', async () => {
  await using it = await world();
  const tls = await it.tls(apiHost);
  tls.write(`GET /1 HTTP/1.1\r\nHost: ${apiHost}\r\n\r\n`);
  await until(tls, 'fine');
  tls.end(get(apiHost, '', '/2'));
  await rest(tls);
  expect(it.requests.map(({ url, headers }) => [url, headers['x-api-key']])).toEqual([
    ['/1', value],
    ['/2', value],
  ]);
});

test('the closest of several credentials for one header is the one that is used', async () => {
  const closer = credential('mine', '*.example.test', { value: async () => new Secret(other) });
  await using it = await world(fine, { all: [closer, api] });
  // A sandbox that started earlier has the other credential's placeholder in its variables.
  const reply = await it.ask(apiHost, get(apiHost, `X-Api-Key: ${api.placeholder}\r\n`));
  expect(reply).toMatch(/^HTTP\/1.1 200 /);
  expect(it.requests).toMatchObject([{ headers: { 'x-api-key': other } }]);
  expect(it.rules().at(-1)).toBe(`allowed ${apiHost} credential: mine`);
});

test('a credential of one session does not count in another', async () => {
  await using it = await world(fine, { of: (id) => (id === session ? [api] : []) });
  const tls = await it.tls(apiHost, { ca: certificate.cert }, 'another'); // the TLS of the real server
  tls.end(get(apiHost));
  await rest(tls);
  expect(it.requests.map(({ headers }) => headers['x-api-key'])).toEqual([undefined]);
});

test('the next connection of a sandbox resumes the TLS of the last one to the host, and no other sandbox does', async () => {
  await using it = await world((req, res) => void res.end(`reused: ${(req.socket as TLSSocket).isSessionReused()}`));
  const responseTo = async (from?: 'another') => {
    const tls = await it.tls(apiHost, {}, from);
    tls.end(get(apiHost));
    return /reused: \w+/.exec(await rest(tls))?.[0];
  };
  expect([await responseTo(), await responseTo()]).toEqual(['reused: false', 'reused: true']);
  expect(await responseTo('another')).toBe('reused: false');
});

test('a revoked credential is refused with the next request, also on an open connection', async () => {
  let all = [api];
  await using it = await world(fine, { of: async () => all });
  const tls = await it.tls(apiHost);
  tls.write(`GET /1 HTTP/1.1\r\nHost: ${apiHost}\r\n\r\n`);
  await until(tls, 'fine');
  all = [];
  tls.end(get(apiHost, '', '/2'));
  expect(await rest(tls)).toMatch(/^HTTP\/1.1 403 [\s\S]*was revoked/);
  expect(it.requests.map(({ url }) => url)).toEqual(['/1']);
});

test('a host without a credential keeps its own TLS from end to end', async () => {
  await using it = await world();
  const tls = await it.tls('free.example.test', { ca: certificate.cert });
  expect(tls.getPeerCertificate().issuer.CN).toMatch(/^corral test /);
  tls.destroy();
});

test('under the policy none a bound host stays closed', async () => {
  await using it = await world(fine, { policy: { kind: 'none' } });
  await expect(it.tls(apiHost)).rejects.toThrow(/403 .*policy is 'none'/);
});

test('a TLS hello for another host gets no certificate', async () => {
  await using it = await world();
  await expect(it.tls(apiHost, { servername: 'free.example.test' })).rejects.toThrow();
});

const broken = { ...api, value: () => Promise.reject(new Error('gone')) };
test.each<[string, Parameters<typeof credentialWorld>[1], string, RegExp]>([
  ['to a server with a certificate that nobody trusts', { trusted: authority.pem }, apiHost, /^HTTP\/1.1 502 /],
  ['for another host inside a bound tunnel', {}, 'free.example.test', /^HTTP\/1.1 403 /],
  ['whose value cannot be read any more', { all: [broken] }, apiHost, /^HTTP\/1.1 403 [\s\S]*has no value/],
])('a request %s is refused, and gets no credential', async (_, options, host, refusal) => {
  await using it = await world(fine, options);
  expect(await it.ask(apiHost, get(host))).toMatch(refusal);
  expect(it.requests).toEqual([]);
});

const basicOf = Buffer.from(`u:${api.placeholder}`).toString('base64');
const places: [string, (host: string) => string][] = [
  ['a header', (host) => get(host, `X-Any: ${api.placeholder}\r\n`)],
  ['the address', (host) => get(host, '', `/?k=${encodeURIComponent(api.placeholder)}`)],
  ['Basic', (host) => get(host, `Authorization: Basic ${basicOf}\r\n`)],
];
test.each(places)('a placeholder in %s is refused towards the host of another credential', async (_, textFor) => {
  await using it = await world();
  expect(await it.ask(gitHost, textFor(gitHost))).toMatch(/^HTTP\/1.1 403 [\s\S]*credential 'api'/);
  expect(it.requests).toEqual([]);
  expect(it.rules().at(-1)).toBe(`refused ${gitHost} credential: api is not bound to this host`);
});

const large = `${'x'.repeat(70_000)}${api.placeholder}`;
test.each([
  ...places,
  [
    'the body',
    (host: string) =>
      `POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${large.length}\r\nConnection: close\r\n\r\n${large}`,
  ] as const,
])('a placeholder in %s is refused in plain HTTP', async (_, textFor) => {
  const bodies: string[] = [];
  await using it = await world((req, res) => {
    req.on('data', (chunk) => bodies.push(String(chunk)));
    req.on('end', () => res.end('fine'));
  });
  const socket = await it.bench.connect();
  socket.end(textFor('free.example.test').replace(/^(\w+) /, '$1 http://free.example.test'));
  expect(await rest(socket)).toMatch(/^(HTTP\/1.1 403 [\s\S]*credential 'api')/);
  expect(bodies.join('')).not.toContain(api.placeholder);
  expect(it.rules().at(-1)).toBe('refused free.example.test credential: api is not bound to this host');
});

test('plain HTTP to a bound host gets no credential', async () => {
  await using it = await world();
  const req = request({ socketPath: it.bench.path, path: `http://${apiHost}/` }).end();
  const [res] = await once(req, 'response');
  res.resume();
  expect(it.requests[0]?.headers['x-api-key']).toBeUndefined();
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
  expect(await it.ask(apiHost)).not.toContain(value.slice(0, 8));
  expect(it.rules().at(-1)).toBe(`refused ${apiHost} credential: the answer repeats it`);
});

test('a WebSocket opens with the credential, and its messages pass both ways', async () => {
  await using it = await world();
  const keys: unknown[] = [];
  const sockets = new WebSocketServer({ server: it.secure.server });
  sockets.on('connection', (socket, { headers }) => {
    keys.push(headers['x-api-key']);
    socket.on('message', (data) => socket.send(`you sent ${data}`));
  });
  const tls = await it.tls(apiHost);
  const socket = new WebSocket(`wss://${apiHost}/live`, { createConnection: () => tls });
  await once(socket, 'open');
  socket.send('hello');
  const [data] = await once(socket, 'message');
  expect([String(data), keys]).toEqual(['you sent hello', [value]]);
  socket.terminate();
});
