// @module-tag all
import { once } from 'node:events';
import { request } from 'node:http';
import type { Duplex } from 'node:stream';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket, { type WebSocket as Socket, WebSocketServer } from 'ws';
import { credentialWorld, value } from '../../../support/egress/credential-world.ts';
import { rest } from '../../../support/egress/egress.ts';

// A server's answer, byte for byte, to a request with a credential and to a plain HTTP request.
type World = Awaited<ReturnType<typeof credentialWorld>>;
let world: World;
let raw: Buffer = Buffer.alloc(0);
beforeAll(async () => {
  world = await credentialWorld((_, res) => void res.socket?.end(raw));
});
afterAll(() => world[Symbol.asyncDispose]());

const close = 'Connection: close\r\n';
/** The complete text of one request's connection, with the credential or over plain HTTP. */
async function answerTo(
  text: string | Buffer,
  way: 'credential' | 'plain',
  head = 'GET / HTTP/1.1\r\n',
): Promise<string> {
  raw = Buffer.from(text as string, 'latin1');
  let socket: Duplex;
  if (way === 'credential') {
    socket = await world.tls('api.example.test');
    socket.write(`${head}Host: api.example.test\r\n${close}\r\n`);
  } else {
    socket = await world.bench.connect();
    socket.write(`GET http://api.example.test/ HTTP/1.1\r\nHost: api.example.test\r\n${close}\r\n`);
  }
  socket.on('error', () => {});
  const reply = await rest(socket as never).catch(() => 'cut');
  socket.destroy();
  return reply;
}
const ok = (headers: string, body: string) => `HTTP/1.1 200 OK\r\n${close}${headers}\r\n${body}`;
const ways = ['credential', 'plain'] as const;

test.each(ways)('the reason phrase of an answer stays outside (%s)', async (way) => {
  const reply = await answerTo(`HTTP/1.1 200 it is ${value}\r\n${close}\r\nfine`, way);
  expect(reply).toMatch(/^HTTP\/1.1 200 OK\r\n[\s\S]*fine/);
  expect(reply).not.toContain(value);
});

const malformed: [string, string][] = [
  ['the status 000', 'HTTP/1.1 000 X\r\nContent-Length: 2\r\n\r\nhi'],
  ['the status 099', 'HTTP/1.1 099 X\r\nContent-Length: 2\r\n\r\nhi'],
  ['a control character in its reason', 'HTTP/1.1 200 a\x01b\r\nContent-Length: 2\r\n\r\nhi'],
  ['a zero byte in its reason', 'HTTP/1.1 200 a\0b\r\nContent-Length: 2\r\n\r\nhi'],
  ['a control character in a header', ok('X-A: a\x01b\r\n', 'hi')],
  ['a folded header', ok('X-A: a\r\n b\r\n', 'hi')],
  ['two lengths', ok('Content-Length: 2\r\nContent-Length: 2\r\n', 'hi')],
  ['a length and chunks', ok('Content-Length: 2\r\nTransfer-Encoding: chunked\r\n', '2\r\nhi\r\n0\r\n\r\n')],
  ['another protocol', 'HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\nhi'],
  ['the status 101 alone', 'HTTP/1.1 101 X\r\n\r\nhi'],
  ['nothing', ''],
];
test.each(malformed.flatMap(([what, text]) => ways.map((way) => [what, way, text] as const)))(
  'an answer with %s is a 502 (%s)',
  async (_, way, text) => expect(await answerTo(text, way)).toMatch(/^HTTP\/1.1 502 [\s\S]*Connection: close\r\n/i),
);

test('a request after one whose answer was malformed gets its own answer', async () => {
  await answerTo('HTTP/1.1 000 X\r\n\r\n', 'credential');
  expect(await answerTo(ok('', 'fine'), 'credential')).toMatch(/^HTTP\/1.1 200 OK[\s\S]*fine/);
});

const repeating: [string, string][] = [
  ["a header's value", ok(`X-Echo: a ${value} b\r\n`, 'hi')],
  ["a header's name, in another case", ok(`${value.toUpperCase()}: a\r\n`, 'hi')],
  ['the second of two equal headers', ok(`X-Echo: a\r\nX-Echo: ${value}\r\n`, 'hi')],
  ['a header that is not passed on', ok(`Keep-Alive: ${value}\r\n`, 'hi')],
];
test.each(repeating)('an answer with the value in %s is a 502 that says so', async (_, text) => {
  const reply = await answerTo(text, 'credential');
  expect(reply).toMatch(/^HTTP\/1.1 502 [\s\S]*its answer repeats a credential/);
  expect(reply.toLowerCase()).not.toContain(value);
  expect(world.rules()).toContain('refused api.example.test credential: the answer repeats it');
});

const chunked = 'Transfer-Encoding: chunked\r\n';
test.each([
  ['an informational answer', `HTTP/1.1 103 ${value}\r\nLink: ${value}\r\n\r\n${ok('', 'fine')}`],
  ['the name of a chunk', ok(chunked, `4;a=${value}\r\nfine\r\n0\r\n\r\n`)],
  ['a trailer', ok(`Trailer: X-T\r\n${chunked}`, `4\r\nfine\r\n0\r\nX-T: ${value}\r\n\r\n`)],
])('what %s carries stays outside', async (_, text) => {
  const reply = await answerTo(text, 'credential');
  expect(reply).toMatch(/^HTTP\/1.1 200 OK[\s\S]*fine/);
  expect(reply).not.toContain(value);
});

const packed: [string, (text: string) => Buffer][] = [
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
  ['zstd', zstdCompressSync],
];
const packedAnswer = (encoding: string, body: Buffer) =>
  Buffer.concat([Buffer.from(ok(`Content-Encoding: ${encoding}\r\nContent-Length: ${body.length}\r\n`, '')), body]);

test.each(packed)(
  'a body that a server compresses unasked (%s) comes searched and decompressed',
  async (name, pack) => {
    const reply = await answerTo(packedAnswer(name, pack('fine')), 'credential');
    expect(reply).toMatch(/^HTTP\/1.1 200 OK[\s\S]*fine/);
    expect(reply).not.toMatch(/content-encoding|content-length/i);
    const cut = await answerTo(packedAnswer(name, pack(`you sent ${value}`)), 'credential');
    expect(cut).not.toContain(value.slice(0, 8));
    expect(world.rules()).toContain('refused api.example.test credential: the answer repeats it');
  },
);

test.each([
  ['an unknown encoding', ok('Content-Encoding: x-other\r\n', 'hi')],
  ['two encodings', ok('Content-Encoding: gzip, br\r\n', 'hi')],
  ['a transfer encoding', ok('Transfer-Encoding: gzip, chunked\r\n', '2\r\nhi\r\n0\r\n\r\n')],
])('a body with %s cannot be searched, and is a 502', async (_, text) => {
  expect(await answerTo(text, 'credential')).toMatch(/^HTTP\/1.1 502 /);
  expect(world.rules()).toContain('refused api.example.test credential: the answer cannot be searched');
  expect(await answerTo(text, 'plain')).toMatch(/^HTTP\/1.1 200 /);
});

test('a compressed body that breaks off ends the connection', async () => {
  const half = gzipSync('fine '.repeat(1_000)).subarray(0, 30);
  expect(await answerTo(packedAnswer('gzip', half), 'credential')).not.toMatch(/\r\n0\r\n\r\n$/);
});

test('the answer to HEAD keeps the headers of its body', async () => {
  const text = ok('Content-Encoding: gzip\r\nContent-Length: 30\r\n', '');
  expect(await answerTo(text, 'credential', 'HEAD / HTTP/1.1\r\n')).toMatch(/200 OK[\s\S]*Content-Encoding: gzip/);
});

const handshake = [
  'GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nConnection: Upgrade\r\n',
].join('');
/** The text that a WebSocket client gets when the server answers its opening request with these bytes. */
async function opened(text: string, head = handshake): Promise<string> {
  const answerUpgrade = (_: unknown, socket: Duplex) => void socket.end(Buffer.from(text, 'latin1'));
  world.secure.server.once('upgrade', answerUpgrade);
  const socket = await world.tls('api.example.test');
  socket.on('error', () => {}).write(`${head}Host: api.example.test\r\n\r\n`);
  const reply = await rest(socket).catch(() => 'cut');
  socket.destroy();
  world.secure.server.off('upgrade', answerUpgrade);
  return reply;
}
const switched = (more: string) => `HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${more}\r\n`;

test.each([
  ['extensions', switched('Sec-WebSocket-Extensions: permessage-deflate\r\n')],
  ['another protocol', 'HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'],
  ['the value', switched(`X-Echo: ${value}\r\n`)],
  ['the status 000', 'HTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n'],
  ['nothing', ''],
])('a WebSocket whose server answers with %s is a 502', async (_, text) => {
  const reply = await opened(text);
  expect(reply).toMatch(/^HTTP\/1.1 502 /);
  expect(reply).not.toContain(value);
});

test('the answer of a server that refuses a WebSocket arrives, in usual words and without the value', async () => {
  const reply = await opened(`HTTP/1.1 401 ${value}\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n0\r\n\r\n`);
  expect(reply).toMatch(/^HTTP\/1.1 401 Unauthorized\r\n[\s\S]*\r\n\r\nsome$/);
});

test('a request for another protocol than WebSocket is refused', async () => {
  const head = 'GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n';
  expect(await opened('', head)).toMatch(/^HTTP\/1.1 403 [\s\S]*without Upgrade/);
});

test('a WebSocket whose client offers compression gets none, and a value in parts ends it', async () => {
  await using own = await credentialWorld((_, res) => void res.end());
  const upgrades: unknown[] = [];
  const sockets = new WebSocketServer({ server: own.secure.server, perMessageDeflate: true });
  sockets.on('connection', (socket: Socket, req) => {
    upgrades.push(req.headers);
    socket.send('yes'); // ends with the beginning of the value
    socket.on('message', () => {
      socket.send(`you sent ${value.slice(0, 9)}`, { fin: false });
      socket.ping();
      socket.send(value.slice(9), { fin: true });
    });
  });
  const tls = await own.tls('api.example.test');
  const socket = new WebSocket('wss://api.example.test/', { createConnection: () => tls, perMessageDeflate: true });
  const texts: string[] = [];
  socket.on('message', (data) => texts.push(String(data)));
  const [first] = await once(socket, 'message');
  expect([String(first), socket.extensions]).toEqual(['yes', '']);
  expect(upgrades[0]).not.toHaveProperty('sec-websocket-extensions');
  socket.send('go');
  await once(socket, 'close');
  expect(texts).toEqual(['yes']);
  expect(own.rules().at(-1)).toBe('refused api.example.test credential: the answer repeats it');
  sockets.close();
});

test('plain HTTP passes a compressed body on as it is', async () => {
  raw = packedAnswer('gzip', gzipSync('fine'));
  const req = request({ socketPath: world.bench.path, path: 'http://api.example.test/' }).end();
  const [res] = await once(req, 'response');
  res.resume();
  expect(res.headers['content-encoding']).toBe('gzip');
});
