import { once } from 'node:events';
import { request as ask, createServer } from 'node:http';
import { type AddressInfo, connect, createServer as listen, type Server, type Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rewriteHeadersForSubdomain } from '../../../src/facades/previews/headers.ts';
import {
  type RelayFailure,
  relayRequest,
  relayUpgrade,
  withoutCallerCredentials,
} from '../../../src/facades/shared/previews/port-relay.ts';
import { createCallerCredentialRegistry } from '../../../src/http/guard/credentials.ts';

let answer = '';
let program: Server;
let door: ReturnType<typeof createServer>;
const portOf = (server: Server) => (server.address() as AddressInfo).port;
beforeAll(async () => {
  program = listen((socket) => {
    socket.on('error', () => {});
    const isOver = !answer.endsWith('…');
    socket.once('data', () => (isOver ? socket.end(answer, 'latin1') : socket.write(answer.slice(0, -1), 'latin1')));
  });
  const passing = () => ({ connection: connect(portOf(program), '127.0.0.1'), path: '/', headers: { Host: 'x' } });
  door = createServer((request, response) => {
    const failed = (how: RelayFailure) => void response.writeHead(502).end(how);
    void relayRequest({ ...passing(), request, response, signal: new AbortController().signal, failed });
  });
  door.on('upgrade', (_request, client: Socket) => {
    void relayUpgrade({ ...passing(), client, failed: (how) => client.end(`HTTP/1.1 502 ${how}\r\n\r\n`) });
  });
  for (const server of [program, door]) await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterAll(() => {
  program.close();
  door.close();
});

/** Answers in these bytes from now on: the status, the headers and the body that a client gets. */
async function answered(bytes: string) {
  answer = bytes;
  const [got] = await once(ask({ port: portOf(door), host: '127.0.0.1' }).end(), 'response');
  return { status: got.statusCode, headers: got.headers, body: (await buffer(got)).toString() };
}
/** The same for a request that asks for another protocol: all bytes that its client gets. */
async function upgraded(bytes: string) {
  answer = bytes;
  const socket = connect(portOf(door), '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  return await text(socket);
}

const ok = (...lines: string[]) => ['HTTP/1.1 200 OK', ...lines, ''].join('\r\n');
const empty = 'Content-Length: 0\r\n';
const rows: readonly (readonly [string, string, number])[] = [
  ['a status of 000', 'HTTP/1.1 000 x\r\n\r\n', 502],
  ['a status of 099', 'HTTP/1.1 099 x\r\n\r\n', 502],
  ['a status of two digits', 'HTTP/1.1 20 x\r\n\r\n', 502],
  ['a status of 999', 'HTTP/1.1 999 x\r\nContent-Length: 0\r\n\r\n', 999],
  ['a control character in the reason', 'HTTP/1.1 200 a\x01b\r\nContent-Length: 0\r\n\r\n', 200],
  ['a DEL in the reason', 'HTTP/1.1 404 a\x7fb\r\nContent-Length: 0\r\n\r\n', 404],
  ['no reason', 'HTTP/1.1 204\r\n\r\n', 204],
  ['a control character in a header', ok('X-A: a\x01b', empty), 502],
  ['a DEL in a header', ok('X-A: a\x7fb', empty), 502],
  ['bytes of Latin-1 in a header', ok('X-A: caf\xe9', empty), 200],
  ['a negative length', ok('Content-Length: -1', ''), 502],
  ['two lengths', `${ok('Content-Length: 1', 'Content-Length: 2', '')}x`, 502],
  ['one length twice', `${ok('Content-Length: 1', 'Content-Length: 1', '')}x`, 502],
  ['a length beside pieces', ok('Content-Length: 1', 'Transfer-Encoding: chunked', '', '0', ''), 502],
  ['a folded header', ok('X-A: a', ' b', empty), 502],
  ['a bare CR in a header', ok('X-A: a\rSet-Cookie: x', empty), 502],
  ['a header of 70,000 characters', ok(`X-A: ${'a'.repeat(70_000)}`, ''), 502],
  ['3,000 headers', ok(`${'X-A: a\r\n'.repeat(3_000)}${empty}`), 200],
  ['trailers', ok('Transfer-Encoding: chunked', '', '1', 'x', '0', 'X-A: a\r\n'.repeat(1_000)), 200],
  ['a compressed transfer', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n', 502],
  ['a body of a 204', 'HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\nhello', 204],
  ['a body of a 304', 'HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\nhello', 304],
  ['more than its length', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello', 200],
  ['a second answer', `${'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'.repeat(2)}`, 200],
  ['an interim answer before its own', `HTTP/1.1 103 x\r\nLink: a\r\n\r\n${ok(empty)}`, 200],
  ['interim answers without end', `${'HTTP/1.1 100 Continue\r\n\r\n'.repeat(50)}…`, 502],
  ['a 101 that switches to nothing', 'HTTP/1.1 101 x\r\n\r\nhello', 502],
  ['another protocol', 'SSH-2.0-OpenSSH_9\r\n', 502],
  ['an alert of TLS', '\x15\x03\x01\x00\x02\x02\x46', 502],
  ['bare line feeds', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nhi', 502],
  ['nothing', '', 502],
];

test.each(rows)('a program that answers a request and an upgrade with %s', async (_, bytes, status) => {
  const got = await answered(bytes);
  expect(got.status).toBe(status);
  if (status === 502) expect(got.body).toBe(bytes === '' ? 'closed' : 'invalid');
  expect(await upgraded(bytes)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
});

test('a switch of the protocol that nobody requested is no answer', async () => {
  const bytes = 'HTTP/1.1 101 x\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nhello';
  expect(await answered(bytes)).toMatchObject({ status: 502, body: 'invalid' });
});

test('headers that reach beyond the name of a program stay away from browsers', async () => {
  const beyond = [
    'Clear-Site-Data: "*"',
    'Alt-Svc: h3=":443"',
    'NEL: {}',
    'Report-To: {}',
    'Proxy-Authenticate: Basic',
  ];
  const { headers } = await answered(ok(...beyond, 'X-A: 1', empty));
  const names = beyond.map((line) => line.split(':')[0]?.toLowerCase() ?? '');
  expect([headers['x-a'], names.filter((name) => name in headers)]).toEqual(['1', []]);
});

test('headers that the program declares as hops end here', async () => {
  const { headers } = await answered(ok('Connection: X-Hop, close', 'X-Hop: 1', 'X-A: 1', empty));
  expect([headers['x-hop'], headers['x-a']]).toEqual([undefined, '1']);
});

test.each([
  ['location', 'http://localhost:3000/a?b#c', '/a?b#c'],
  ['location', 'https://127.0.0.1:3000', '/'],
  ['location', '//localhost:3000/a', '/a'],
  ['location', 'http://localhost:3000//example.com/a', '/example.com/a'],
  ['location', 'http://[::1]:3000/a', '/a'],
  ['location', '/a', '/a'],
  ['location', 'http://localhost:4000/a', 'http://localhost:4000/a'],
  ['location', 'http://localhost.example.com/a', 'http://localhost.example.com/a'],
  ['content-location', 'http://localhost:3000/a', '/a'],
  ['refresh', '0; url=http://localhost:3000/a?b=c', '0; url=/a?b=c'],
  ['refresh', "5;URL='http://0.0.0.0:3000/a'", "5;URL='/a'"],
  ['refresh', '5', '5'],
  ['set-cookie', 'a=1; domain = localhost; Path=/', 'a=1; Path=/'],
])('a program behind a name answers with %s: %s', (name, value, kept) =>
  expect(rewriteHeadersForSubdomain([name, value, 'Expires', '0'], 3000)).toEqual([name, kept, 'Expires', '0']),
);

test.each([
  [
    ['ETag', '"1"'],
    ['ETag', '"1"', 'Cache-Control', 'no-cache'],
  ],
  [
    ['cache-control', 'max-age=60'],
    ['cache-control', 'max-age=60'],
  ],
])('an answer without rules for caches is asked for again: %j', (given, kept) =>
  expect(rewriteHeadersForSubdomain(given, 3000)).toEqual(kept),
);

test('an upgrade is joined with its first bytes, and sets no cookies', async () => {
  const cookies = 'Set-Cookie: a=1; Domain=example.com\r\nset-cookie: b=2\r\n';
  const head = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${cookies}`;
  const got = await upgraded(`${head}X-A: 1\r\n\r\nfirst`);
  expect(got).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n[\s\S]*Upgrade: websocket\r\n[\s\S]*\r\n\r\nfirst$/);
  expect(got).not.toMatch(/set-cookie/i);
});

const ours = 'crl_5f0c3d9b21aa_secret';
const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`;
test.each([
  ['authorization', `Bearer ${ours}`, undefined],
  ['authorization', `bearer  ${ours}`, undefined],
  ['authorization', basic(`user:${ours}`), undefined],
  ['authorization', basic(`${ours}:`), undefined],
  ['authorization', `Token token="${ours}"`, undefined],
  ['authorization', 'Bearer of-the-program', 'Bearer of-the-program'],
  ['authorization', basic('user:of-the-program'), basic('user:of-the-program')],
  ['x-api-key', ours, undefined],
  ['x-any-other', ours, undefined],
  ['x-api-key', 'of-the-program', 'of-the-program'],
  ['cookie', `a=1; token=${ours}; b=2`, 'a=1; b=2'],
  ['cookie', '__Host-corral_preview=x; corral_preview=y; a=1', 'a=1'],
  ['cookie', `token=${ours}`, undefined],
  ['sec-websocket-protocol', `chat, corral.bearer.${Buffer.from(ours).toString('base64url')}`, undefined],
])('a program gets no credential of the server: %s: %s', (name, value, kept) => {
  const isOurs = (one: string) => one === ours;
  expect(withoutCallerCredentials({ url: '/', headers: { [name]: value } }, isOurs).headers[name]).toBe(kept);
});

const token = 'x'.repeat(43);
const claim = Buffer.from(JSON.stringify({ environmentId: 'env_1', workId: 'work_1' })).toString('base64url');
test.each([
  ['a key', `crl_5f0c3d9b21aa_${token}`, true],
  ['a device', `crlp_5f0c3d9b21aa_${token}`, true],
  ['a sign-in', `crll_0_${token}`, true],
  ['an environment', `crlenv_5f0c3d9b21aa_${token}`, true],
  ['a work item', `crlwork_${claim}.01234567.${token}`, true],
  ['a program', `sk-${token}`, false],
])('the token of %s is known as the server’s own or not', (_of, text, isOurs) => {
  const gate = { required: false, accepts: () => false, acceptsLocal: () => false } as never;
  const parts = { keys: undefined, limiter: undefined, audit: undefined, lockout: {} as never, token: undefined };
  expect(createCallerCredentialRegistry({ ...parts, gate }).isOurs(text)).toBe(isOurs);
});

test.each([
  [`/a?token=${ours}`, '/a'],
  [`/a?x=1&token=${ours}&y=%20`, '/a?x=1&y=%20'],
  [`/a?%74oken=${ours}`, '/a'],
  [`/a?token=${ours.replace('_', '%5F')}`, '/a'],
  ['/a?token=of-the-program', '/a?token=of-the-program'],
  ['/a?', '/a?'],
  ['/a?b?c=1', '/a?b?c=1'],
])('nor in the address: %s', (url, kept) =>
  expect(withoutCallerCredentials({ url, headers: {} }, (one) => one === ours).url).toBe(kept),
);
