import { once } from 'node:events';
import { createServer as createHttp, request } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { createServer as createTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { expect, test } from 'vitest';
import {
  address,
  allowList,
  ask,
  egressBench,
  listedBench,
  names,
  rest,
  tunnelTo,
  until,
} from '../../support/egress/egress.ts';
import { selfSigned } from '../../support/egress/egress-certificate.ts';
import { helloOf } from '../../support/egress/egress-hello.ts';

const certificate = selfSigned('good.example.test', 'other.example.test');

const httpsBench = () =>
  listedBench({ 443: createHttps(certificate, (req, res) => res.end(`secure ${req.headers.host}${req.url}`)) });

async function overTls(socket: Socket, servername: string | undefined): Promise<string> {
  const name = servername === undefined ? {} : { servername };
  const secure = connectTls({ socket, ca: certificate.cert, ...name, checkServerIdentity: () => undefined });
  secure.end('GET /page HTTP/1.1\r\nHost: good.example.test\r\nConnection: close\r\n\r\n');
  return rest(secure);
}

async function get(bench: { path: string }, url: string, headers: Record<string, string> = {}) {
  const req = request({ socketPath: bench.path, path: url, headers: { host: new URL(url).host, ...headers } }).end();
  const [res] = await once(req, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of res) chunks.push(chunk);
  return {
    status: res.statusCode as number,
    reason: res.statusMessage,
    headers: res.headers,
    body: Buffer.concat(chunks).toString(),
  };
}

test('a listed host is reachable over CONNECT with end-to-end TLS', async () => {
  await using bench = await httpsBench();
  const socket = await bench.connect();
  socket.write('CONNECT good.example.test:443 HTTP/1.1\r\nHost: good.example.test:443\r\n\r\n');
  expect(await until(socket, '\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
  expect(await overTls(socket, 'good.example.test')).toContain('secure good.example.test/page');
  expect(bench.reports).toEqual([
    { host: 'good.example.test', port: 443, decision: 'allowed', rule: 'allow-list: good.example.test' },
  ]);
  expect(bench.dialled).toEqual([`${address}:443`]);
});

test('a listed host is reachable over SOCKS5 by its name', async () => {
  await using bench = await httpsBench();
  const socket = await bench.connect();
  socket.write(Buffer.from([5, 2, 2, 0]));
  await expect(until(socket, '\x05\x00')).resolves.toBe('\x05\x00');
  const name = Buffer.from('good.example.test');
  socket.write(Buffer.concat([Buffer.from([5, 1, 0, 3, name.length]), name, Buffer.from([1, 187])]));
  await until(socket, '\x05\x00\x00\x01\0\0\0\0\0\0');
  expect(await overTls(socket, 'good.example.test')).toContain('secure good.example.test/page');
});

test('SOCKS5 refuses unlisted hosts, other commands, and clients that insist on a password', async () => {
  await using bench = await egressBench({ policy: allowList, names });
  const answer = async (...writes: Buffer[]) => {
    const socket = await bench.connect();
    for (const bytes of writes) socket.write(bytes);
    return Buffer.from(await rest(socket), 'latin1');
  };
  const greeting = Buffer.from([5, 1, 0]);
  const request = (command: number) => Buffer.from([5, command, 0, 1, 203, 0, 113, 7, 1, 187]);
  expect([...(await answer(greeting, request(1)))].slice(0, 4)).toEqual([5, 0, 5, 2]);
  expect([...(await answer(greeting, request(2)))].slice(0, 4)).toEqual([5, 0, 5, 7]);
  expect([...(await answer(Buffer.from([5, 1, 2])))]).toEqual([5, 255]);
});

test('plain HTTP passes with its body and headers, except hop-by-hop headers', async () => {
  await using bench = await listedBench({
    80: createHttp(async (req, res) => {
      let body = '';
      for await (const chunk of req) body += chunk;
      res.setHeader('Keep-Alive', 'timeout=9').setHeader('X-Seen', JSON.stringify(req.headers));
      res.end(`${req.method} ${req.url} ${body}`);
    }),
  });
  const post = (path: string, close: string) =>
    `POST http://good.example.test/${path} HTTP/1.1\r\nHost: evil.example.test\r\nProxy-Authorization: Basic eA==\r\n` +
    `X-Mine: 1\r\nX-Hop: 1\r\nConnection: x-hop, content-length, ${close}\r\nContent-Length: 2\r\n\r\nhi`;
  const answer = await ask(bench, post('a?b=c', 'keep-alive') + post('second', 'close'));
  expect(answer.match(/POST \/\S+ hi/g)).toEqual(['POST /a?b=c hi', 'POST /second hi']);
  const seen = JSON.parse(/X-Seen: (.*)\r/i.exec(answer)?.[1] ?? '');
  expect(seen).toMatchObject({ host: 'good.example.test', 'x-mine': '1', 'content-length': '2', connection: 'close' });
  expect(Object.keys(seen)).not.toContain('proxy-authorization');
  expect(Object.keys(seen)).not.toContain('x-hop');
  expect(answer).not.toContain('timeout=9');
});

test('a refusal over plain HTTP gives the reason, the policy and advice', async () => {
  await using bench = await egressBench({ policy: { kind: 'registries' } });
  const { status, body } = await get(bench, 'http://elsewhere.example.test/');
  expect(status).toBe(403);
  expect(body).toBe(
    "egress to elsewhere.example.test:80 refused: not on the list of policy 'registries'. Ask the operator to add it to egress.registries.\n",
  );
  expect(bench.reports).toEqual([
    { host: 'elsewhere.example.test', port: 80, decision: 'refused', rule: 'not listed' },
  ]);
});

test('a refused CONNECT has its reason in the status line, which is all that tunnelling tools show', async () => {
  await using bench = await egressBench({ policy: { kind: 'none' } });
  const answer = await ask(bench, 'CONNECT good.example.test:443 HTTP/1.1\r\n\r\n');
  expect(answer).toMatch(/^HTTP\/1\.1 403 egress to good\.example\.test:443 refused: this session's policy is 'none'/);
  expect(answer.split('\r\n\r\n')[1]).toContain('Ask the operator');
});

test('the proxy checks each request on a connection separately', async () => {
  await using bench = await listedBench({ 80: createHttp((_, res) => res.end('fine')) });
  const good = 'GET http://good.example.test/ HTTP/1.1\r\nHost: x\r\n\r\n';
  const bad = 'GET http://bad.example.test/ HTTP/1.1\r\nHost: good.example.test\r\nConnection: close\r\n\r\n';
  expect((await ask(bench, good + bad)).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 403']);
});

test('a protocol other than HTTP or SOCKS5 gets a 400 and a closed connection, and a head over 16 KiB a 431', async () => {
  await using bench = await egressBench({ policy: allowList });
  for (const [bytes, status] of [
    ['\x04\x01nonsense\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nHost: good.example.test\r\nConnection: close\r\n\r\n', 400],
    ['CONNECT nowhere HTTP/1.1\r\n\r\n', 400],
    [`GET http://good.example.test/ HTTP/1.1\r\nX: ${'x'.repeat(17_000)}\r\n\r\n`, 431],
  ] as const)
    expect(await ask(bench, bytes)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
});

test('an unresolved name and an unreachable server each have an error different from a refusal', async () => {
  await using bench = await egressBench({
    policy: { kind: 'allow-list', entries: ['*.example.test'] },
    names: { 'down.example.test': [address] },
  });
  const unknown = await get(bench, 'http://unknown.example.test/');
  expect(unknown).toMatchObject({ status: 502, body: expect.stringContaining('does not resolve (ENOTFOUND)') });
  const down = await get(bench, 'http://down.example.test/');
  expect(down).toMatchObject({ status: 502, body: expect.stringContaining('ECONNREFUSED') });
});

test('a connect that the server never answers times out with a 504', async () => {
  await using bench = await egressBench({
    policy: allowList,
    names,
    limits: { connectMs: 50 },
    dial: (_address, _port, signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  });
  expect(await get(bench, 'http://good.example.test/')).toMatchObject({ status: 504 });
});

test('the proxy tries the next address of a name when one does not answer', async () => {
  const server = createHttp((_, res) => res.end('second'));
  const twoAddresses = { 'good.example.test': ['2001:db8::7', address] };
  await using bench = await listedBench({ 80: server }, { names: twoAddresses });
  expect(await get(bench, 'http://good.example.test/')).toMatchObject({ status: 200, body: 'second' });
  expect(bench.dialled).toEqual(['2001:db8::7:80', `${address}:80`]);
});

test('a protocol whose server speaks first works at a listed port', async () => {
  await using bench = await listedBench({
    2222: createTcp((socket) => {
      socket.write('220 ready\r\n');
      socket.on('data', (chunk) => socket.end(`you sent ${chunk}`));
    }),
  });
  const socket = await bench.connect();
  socket.write('CONNECT good.example.test:2222 HTTP/1.1\r\n\r\n');
  expect(await until(socket, 'ready\r\n')).toContain('220 ready');
  socket.write('HELO me\r\n');
  expect(await until(socket, 'me')).toContain('you sent HELO me');
});

test.each([200_000, 0])('a client that half-closes after sending %i bytes still gets the answer', async (count) => {
  const counting = createTcp({ allowHalfOpen: true }, async (socket) => {
    socket.end(`received ${(await rest(socket)).length}`);
  });
  await using bench = await listedBench({ 2222: counting });
  const socket = await tunnelTo(bench, 'good.example.test:2222');
  socket.end('x'.repeat(count));
  expect(await rest(socket)).toBe(`received ${count}`);
});

test('a plain request with an immediate half-close is answered', async () => {
  await using bench = await listedBench({ 80: createHttp((_, res) => setImmediate(() => res.end('answered'))) });
  const socket = await bench.connect();
  socket.end('GET http://good.example.test/ HTTP/1.1\r\nHost: x\r\n\r\n');
  expect(await rest(socket)).toContain('answered');
});

test('data sent in one packet with a CONNECT is not lost', async () => {
  const counting = createTcp((socket) => socket.once('data', (chunk) => socket.end(`got ${chunk.length}`)));
  await using bench = await listedBench({ 443: counting });
  const hello = await helloOf('good.example.test');
  const socket = await bench.connect();
  socket.write(Buffer.concat([Buffer.from('CONNECT good.example.test:443 HTTP/1.1\r\n\r\n'), hello]));
  expect(await rest(socket)).toContain(`got ${hello.length}`);
});

test('the rest of an upload reaches the server after the client disconnects', async () => {
  const server = createTcp({ allowHalfOpen: true }, (socket) => socket.end('later').pause());
  await using bench = await listedBench({ 2222: server });
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const socket = await tunnelTo(bench, 'good.example.test:2222');
  const [far] = await accepted;
  const left = once(socket, 'close');
  socket.resume().end(Buffer.alloc(1_000_000));
  await left;
  expect(await rest(far)).toHaveLength(1_000_000);
});

test('a connection broken by the server is broken for the client too', async () => {
  const breaking = createTcp((socket) => socket.once('data', () => socket.resetAndDestroy()));
  await using bench = await listedBench({ 2222: breaking });
  const socket = await tunnelTo(bench, 'good.example.test:2222');
  socket.write('hello');
  await once(socket.resume(), 'end');
});

test('a request body keeps its framing, and a request without a body stays without', async () => {
  const heads: string[] = [];
  await using bench = await listedBench({
    80: createTcp(async (socket) => {
      heads.push(await until(socket, '\r\n\r\n'));
      socket.end('HTTP/1.1 204 No Content\r\n\r\n');
    }),
  });
  for (const [method, framing] of [
    ['POST', ''],
    ['DELETE', 'Transfer-Encoding: chunked\r\n'],
    ['GET', ''],
  ]) {
    const end = framing ? '2\r\nhi\r\n0\r\n\r\n' : '';
    const head = `${method} http://good.example.test/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${framing}\r\n`;
    expect(await ask(bench, head + end)).toMatch(/^HTTP\/1\.1 204 /);
  }
  const framings = heads.map((head) => head.match(/(content-length|transfer-encoding): \S+/gi));
  expect(framings).toEqual([['Content-Length: 0'], ['Transfer-Encoding: chunked'], null]);
  expect(heads.map((head) => head.match(/^host: .*$/gim))).toEqual(heads.map(() => ['Host: good.example.test']));
});

test('a server can answer before the whole body arrives, and the connection ends after that answer', async () => {
  await using bench = await listedBench({
    80: createTcp((socket) => {
      const answer = 'HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmuch';
      socket.once('data', () => socket.end(answer, () => socket.destroy()));
    }),
  });
  const socket = await bench.connect();
  const body = 50_000_000;
  socket.write(`POST http://good.example.test/ HTTP/1.1\r\nHost: x\r\nContent-Length: ${body}\r\n\r\n`);
  socket.write(Buffer.alloc(body / 10));
  const answer = await rest(socket);
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect(answer.endsWith('much')).toBe(true);
});

test('a client that hangs up closes its connection to the server', async () => {
  const server = createTcp();
  await using bench = await listedBench({ 2222: server });
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const socket = await tunnelTo(bench, 'good.example.test:2222');
  const [far] = await accepted;
  socket.write('hello');
  await once(far, 'data');
  const closed = once(far, 'close');
  socket.destroy();
  await closed;
});

test('an incomplete answer is never passed on as complete', async () => {
  const cut = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n';
  await using bench = await listedBench({ 80: createTcp((socket) => void socket.end(cut)) });
  await expect(get(bench, 'http://good.example.test/')).rejects.toThrow(/aborted|hang up|ECONNRESET/);
});

test('disposing the proxy ends every connection it serves', async () => {
  await using bench = await listedBench({ 2222: createTcp() });
  const sockets = [await tunnelTo(bench, 'good.example.test:2222'), await bench.connect()];
  const ends = sockets.map((socket) => once(socket.resume(), 'close'));
  for (const socket of sockets) socket.on('end', () => socket.end());
  await bench.proxy[Symbol.asyncDispose]();
  await Promise.all(ends);
  expect(await rest(await bench.connect())).toBe(''); // and a new connection gets no answer
});
