import { connect } from 'node:net';
import { expect } from 'vitest';
import { listenOnExtraPort } from '../../../src/app/start/listen.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { ClientSocket } from '../../../src/http/transport/ws-socket.ts';
import { rawRequest } from '../../support/clients/raw-request.ts';
import { serverTest } from '../../support/clients/server-tests.ts';
import { openWebSocket, socketTestServer } from '../../support/clients/sockets.ts';

const test = serverTest(() => socketTestServer());
const path = '/ws/0123456789abcdef';
const base64url = (text: string) => Buffer.from(text).toString('base64url');
const upgrade = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
];
const ask = (port: number, target: string, headers: string[] = []) =>
  rawRequest(
    port,
    `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${[...upgrade, ...headers].join('\r\n')}\r\n\r\n`,
    (got) => got.startsWith('HTTP/1.1 101'),
  );
const statusOf = (raw: string) => Number(raw.slice(9, 12));

test('a socket gets its parameters, answers frames in order, counts as open until it closes', async ({ server }) => {
  using client = await openWebSocket(`${server.url}${path}?after_seq=7`);
  const expected = { params: { sid: '0123456789abcdef' }, query: { after_seq: '7' }, known: true };
  expect(server.opened[0]?.request).toMatchObject(expected);
  expect(server.streams()).toBe(1);
  for (let n = 0; n < 500; n++) client.ws.send(JSON.stringify({ n }));
  await expect.poll(() => client.frames.length).toBe(500);
  expect(client.frames.map(({ n }) => n)).toEqual(Array.from({ length: 500 }, (_, n) => n));
  client.ws.close();
  await expect.poll(server.streams).toBe(0);
  expect(server.opened[0]?.socket.closed.aborted).toBe(true);
  await expect
    .poll(() => server.logged)
    .toMatchObject([{ fields: { route: '/ws/:sid', status: 101, session: '0123456789abcdef' } }]);
  expect(server.logged[0]?.fields).not.toHaveProperty('cut');
});

/** A server that notes each socket of `/slow` in `opened`. */
const slowServer = (opened: ClientSocket[], listen: (socket: ClientSocket) => void) =>
  socketTestServer({
    routes: (sockets) =>
      sockets.route({
        path: '/slow',
        open: (socket) => {
          opened.push(socket);
          listen(socket);
        },
      }),
  });

test('a slow handler keeps the order of frames; after 64 waiting frames the socket stops reading but stays open', async () => {
  const gate = Promise.withResolvers<void>();
  const begun: number[] = [];
  const opened: ClientSocket[] = [];
  await using server = await slowServer(opened, (socket) =>
    socket.onJson(
      async ({ n }) => {
        begun.push(n as number);
        if (n === 0) await gate.promise;
        socket.sendJson({ n });
      },
      () => {},
    ),
  );
  using client = await openWebSocket(`${server.url}/slow`);
  const padding = 'x'.repeat(100_000);
  for (let n = 0; n < 400; n++) client.ws.send(JSON.stringify({ n, padding }));
  await expect.poll(() => opened[0]?.connection.isPaused).toBe(true);
  expect(client.ws.bufferedAmount).toBeGreaterThan(0);
  expect(begun).toEqual([0]);
  server.clock.advance(300_000); // the client's pongs wait too, because the server does not read
  gate.resolve();
  await expect.poll(() => client.frames.map(({ n }) => n)).toEqual(Array.from({ length: 400 }, (_, n) => n));
});

test('a socket holds at most 16 MiB of waiting frames plus one frame, however few they are', async () => {
  const gate = Promise.withResolvers<void>();
  const begun: number[] = [];
  const opened: ClientSocket[] = [];
  await using server = await slowServer(opened, (socket) =>
    socket.onBytes(async (bytes) => {
      begun.push(bytes.length);
      await gate.promise;
      socket.sendJson({ n: begun.length });
    }),
  );
  using client = await openWebSocket(`${server.url}/slow`);
  const frame = Buffer.alloc(6 * 1024 * 1024);
  for (let n = 0; n < 8; n++) client.ws.send(frame);
  await expect.poll(() => opened[0]?.connection.isPaused).toBe(true);
  expect(client.ws.bufferedAmount).toBeGreaterThan(0);
  expect(begun).toEqual([frame.length]);
  gate.resolve();
  await expect.poll(() => client.frames.length).toBe(8);
});

test.for(['nonsense', '[]', '1', 'null', '"text"', `${'['.repeat(100)}${']'.repeat(100)}`])(
  'a frame that is not an object (%s) is refused, and the connection stays open',
  async (frame, { server }) => {
    using client = await openWebSocket(server.url + path);
    client.ws.send(frame);
    client.ws.send(Buffer.from('{}'));
    client.ws.send('{"still":"here"}');
    await expect.poll(() => client.frames).toEqual([{ type: 'error' }, { type: 'error' }, { still: 'here' }]);
  },
);

test('an error in a handler closes the socket with the code of the error table, and a bug shows no details', async () => {
  const thrown = [new AppError('queue_full', 'Too many messages wait.'), new Error('password=hunter2')];
  await using server = await socketTestServer({
    routes: (sockets) => {
      sockets.route({
        path: '/takes',
        open: (socket) =>
          socket.onJson(
            () => Promise.reject(thrown[0]),
            () => {},
          ),
      });
      sockets.route({ path: '/opens', open: () => Promise.reject(thrown[1]) });
    },
  });
  using takes = await openWebSocket(`${server.url}/takes`);
  takes.ws.send('{}');
  expect(await takes.closed).toEqual({ code: 1013, reason: 'Too many messages wait.' });
  using opens = await openWebSocket(`${server.url}/opens`);
  expect(await opens.closed).toEqual({ code: 1011, reason: 'Internal server error' });
  expect(server.logged.filter(({ text }) => text === 'a socket failed')).toMatchObject([
    { fields: { err: thrown[1] } },
  ]);
});

test('only the first close counts, and a long reason is cut to the size of a close frame', async ({ server }) => {
  using client = await openWebSocket(server.url + path);
  server.opened[0]?.socket.close(4410, 'ä'.repeat(100));
  server.opened[0]?.socket.close(1000);
  expect(await client.closed).toEqual({ code: 4410, reason: 'ä'.repeat(61) });
});

test('an unknown socket path is 404, and so is an upgrade of a plain route', async ({ server }) => {
  for (const target of ['/nothing', '/ws', '/ws/', '/plain', '/ws/a/b', '/']) {
    const expected = { status: 404, body: '{"detail":"Not Found"}' };
    await expect(openWebSocket(server.url + target), target).rejects.toMatchObject(expected);
  }
  expect(server.streams()).toBe(0);
  expect(await ask(server.port, '/nothing')).toMatch(/connection: close/i);
});

test('an invalid path parameter is refused before the upgrade', async ({ server }) => {
  await expect(openWebSocket(`${server.url}/ws/${'x'.repeat(21)}`)).rejects.toMatchObject({ status: 422 });
});

test('a plain GET of a socket is 426, and any other upgrade is served as a plain request', async ({ server }) => {
  const plain = await fetch(`http://127.0.0.1:${server.port}/enveloped/vnc`);
  expect([plain.status, plain.headers.get('upgrade')]).toEqual([426, 'websocket']);
  expect(await plain.json()).toMatchObject({ code: 426, data: null });
  const h2c = await rawRequest(
    server.port,
    `GET /plain HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n`,
  );
  expect(statusOf(h2c)).toBe(200);
});

test('a malformed handshake is a bad request', async ({ server }) => {
  const broken = [
    upgrade.map((line) => line.replace('13', '7')),
    upgrade.filter((line) => !line.includes('Key')),
    [...upgrade, 'Sec-WebSocket-Protocol: a,,b'],
  ];
  for (const headers of broken) {
    const raw = await rawRequest(
      server.port,
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers.join('\r\n')}\r\n\r\n`,
    );
    expect(statusOf(raw), headers.join()).toBe(400);
    expect(raw).toMatch(/\{"detail":".+"\}$/);
  }
});

test('a token is accepted as a header, in the query or as a subprotocol, and is never echoed', async () => {
  const token = 'correct-horse';
  await using server = await socketTestServer({ token });
  const ways: [string, object][] = [
    [path, { headers: { authorization: `Bearer ${token}` } }],
    [`${path}?token=${token}`, {}],
    [path, { protocols: ['corral', `corral.bearer.${base64url(token)}`] }],
    ['/enveloped/vnc', { protocols: [`corral.bearer.${base64url(token)}`, 'binary'] }],
    [path, { protocols: [`corral.bearer.${base64url(token)}`], perMessageDeflate: false }],
  ];
  const selected: string[] = [];
  for (const [target, options] of ways.slice(0, 4)) {
    using client = await openWebSocket(server.url + target, options);
    selected.push(client.ws.protocol);
  }
  expect(selected).toEqual(['', '', 'corral', 'binary']);
  const alone = await ask(server.port, path, [`Sec-WebSocket-Protocol: corral.bearer.${base64url(token)}`]);
  expect(statusOf(alone)).toBe(101);
  expect(alone).not.toMatch(/sec-websocket-protocol/i);
  for (const target of [path, `${path}?token=wrong`, '/enveloped/vnc', '/late', '/nothing'])
    await expect(openWebSocket(server.url + target), target).rejects.toMatchObject({ status: 401 });
  expect(await ask(server.port, path)).toMatch(/www-authenticate: Bearer/i);
});

test('only a socket with connection parameters can send its token after the upgrade, and not after a wrong one', async () => {
  await using server = await socketTestServer({ token: 'right' });
  using late = await openWebSocket(`${server.url}/late?connectionParams=1`);
  expect([late.ws.protocol, server.opened[0]?.request.known]).toEqual(['', false]);
  using early = await openWebSocket(`${server.url}/late?connectionParams=1&token=right`);
  expect([early.ws.protocol, server.opened[1]?.request.known]).toEqual(['', true]);
  for (const target of [`${path}?connectionParams=1`, '/late?connectionParams=1&token=wrong', '/late'])
    await expect(openWebSocket(server.url + target), target).rejects.toMatchObject({ status: 401 });
});

test('the server selects its own subprotocol; a strict socket refuses other ones', async ({ server }) => {
  const open = async (target: string, protocols: string) => {
    const raw = await ask(server.port, target, [`Sec-WebSocket-Protocol: ${protocols}`]);
    return [statusOf(raw), /sec-websocket-protocol: (.*)\r/i.exec(raw)?.[1]];
  };
  expect([await open(path, 'other, corral'), await open(path, 'other')]).toEqual([
    [101, 'corral'],
    [101, undefined],
  ]);
  expect(await open('/enveloped/vnc', 'other, binary')).toEqual([101, 'binary']);
  expect(await open('/enveloped/vnc', 'other')).toEqual([400, undefined]);
  expect(statusOf(await ask(server.port, '/enveloped/vnc'))).toBe(101);
});

test("F130 the server's own pages and those of listed origins can open sockets", async ({ server }) => {
  for (const origin of [`http://127.0.0.1:${server.port}`, 'http://localhost:3000'])
    expect(statusOf(await ask(server.port, path, [`Origin: ${origin}`])), origin).toBe(101);
});

test('a socket counts once against the rate limit, however many frames it sends', async () => {
  await using server = await socketTestServer({ perMinute: 2 });
  expect(await ask(server.port, path)).toMatch(/ratelimit-remaining: 1\r/i);
  using client = await openWebSocket(server.url + path);
  for (let n = 0; n < 20; n++) client.ws.send('{}');
  await expect.poll(() => client.frames.length).toBe(20);
  await expect(openWebSocket(server.url + path)).rejects.toMatchObject({ status: 429 });
  server.clock.advance(60_000);
  using _again = await openWebSocket(server.url + path);
});

test('sockets work on an extra port, and refuse the same callers there', async () => {
  await using server = await socketTestServer({ token: 'right' });
  await using more = await listenOnExtraPort(server.app.server, '127.0.0.1', 0);
  const { port } = more;
  using client = await openWebSocket(`ws://127.0.0.1:${port}${path}?token=right`);
  client.ws.send('{"hello":1}');
  await expect.poll(() => client.frames).toEqual([{ hello: 1 }]);
  await expect(openWebSocket(`ws://127.0.0.1:${port}${path}`)).rejects.toMatchObject({ status: 401 });
  await expect(openWebSocket(`ws://127.0.0.1:${port}/nothing?token=right`)).rejects.toMatchObject({ status: 404 });
  server.close.abort();
  expect((await client.closed).code).toBe(1001);
});

test('F093 a frame of 10 MiB is accepted, and one more byte closes with 1009', async ({ server }) => {
  const limit = 10 * 1024 * 1024;
  const frame = (bytes: number) => `{"text":"${'x'.repeat(bytes - 11)}"}`;
  using fits = await openWebSocket(server.url + path);
  fits.ws.send(frame(limit));
  await expect.poll(() => fits.frames.length).toBe(1);
  using tooBig = await openWebSocket(server.url + path);
  tooBig.ws.send(frame(limit + 1));
  expect((await tooBig.closed).code).toBe(1009);
});

const masked = (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 2), Buffer.alloc(4), bytes.subarray(2)]);
const fragment = (opcode: number) => masked(Buffer.from([opcode, 0x81, 0x61])); // one byte, no FIN

/** Upgrades a bare socket, so that a test can send malformed frames. */
async function bare(port: number) {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  let got = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    got = Buffer.concat([got, chunk]);
  });
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${upgrade.join('\r\n')}\r\n\r\n`);
  await expect.poll(() => got.includes('\r\n\r\n')).toBe(true);
  return {
    socket,
    /** The code of the close frame, once it arrived. */
    closeCode: () => {
      const frames = got.subarray(got.indexOf('\r\n\r\n') + 4);
      return frames[0] === 0x88 ? frames.readUInt16BE(2) : undefined;
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

test('F093 a message in 1,024 fragments is accepted, and one more fragment closes with 1009', async ({ server }) => {
  using fits = await openWebSocket(server.url + path);
  const pieces = [...`{"text":"${'x'.repeat(1_013)}"}`];
  expect(pieces).toHaveLength(1_024);
  for (const [n, piece] of pieces.entries()) fits.ws.send(piece, { fin: n === 1_023 });
  await expect.poll(() => fits.frames.length).toBe(1);
  for (const more of [1_024, 131_000]) {
    using flood = await bare(server.port);
    flood.socket.write(fragment(0x01));
    flood.socket.write(Buffer.concat(Array.from({ length: more }, () => fragment(0x00))));
    await expect.poll(flood.closeCode).toBe(1009);
  }
  await expect.poll(server.streams).toBe(1);
});

test('F093 a broken frame closes with 1002', async ({ server }) => {
  const broken: [string, Buffer][] = [
    ['not masked', Buffer.from([0x81, 0x01, 0x61])],
    ['a reserved opcode', Buffer.from([0x83, 0x80, 0, 0, 0, 0])],
    ['a reserved bit, as of a compressed frame', Buffer.from([0xc1, 0x81, 0, 0, 0, 0, 0x61])],
    ['a continuation of nothing', fragment(0x00)],
  ];
  for (const [name, bytes] of broken) {
    using client = await bare(server.port);
    client.socket.write(bytes);
    await expect.poll(client.closeCode, { message: name }).toBe(1002);
  }
  expect(server.opened.every(({ socket }) => socket.closed.aborted)).toBe(true);
});

test('F094 the server never accepts compression, so a small frame cannot become a large one', async ({ server }) => {
  const raw = await ask(server.port, path, ['Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits']);
  expect(statusOf(raw)).toBe(101);
  expect(raw).not.toMatch(/sec-websocket-extensions/i);
  using client = await openWebSocket(server.url + path, { perMessageDeflate: true });
  expect(client.ws.extensions).toBe('');
});

test('F089 a client that answers no ping is cut off at the third, and one that answers stays', async ({ server }) => {
  using silent = await openWebSocket(server.url + path, { autoPong: false } as object);
  using alive = await openWebSocket(server.url + path);
  const pings = { silent: 0, alive: 0 };
  silent.ws.on('ping', () => void pings.silent++);
  alive.ws.on('ping', () => void pings.alive++);
  let pongs = 0;
  server.opened[1]?.socket.connection.on('pong', () => void pongs++);
  for (const round of [1, 2]) {
    server.clock.advance(29_999);
    expect(server.streams()).toBe(2);
    server.clock.advance(1);
    await expect.poll(() => [pings.silent, pings.alive, pongs]).toEqual([round, round, round]);
  }
  server.clock.advance(30_000);
  expect((await silent.closed).code).toBe(1006);
  await expect.poll(server.streams).toBe(1);
  await expect.poll(() => pongs).toBe(3);
  expect(alive.ws.readyState).toBe(alive.ws.OPEN);
});

const megabyte = { text: 'x'.repeat(1024 * 1024) };

test('F090 a client with more than 4 MiB of unread frames is closed with 1013', async ({ server }) => {
  using client = await openWebSocket(server.url + path);
  client.ws.pause();
  const { socket } = server.opened[0] as { socket: ClientSocket };
  let most = 0;
  for (let n = 0; n < 60 && !socket.closed.aborted; n++) {
    socket.sendJson(megabyte);
    most = Math.max(most, socket.connection.bufferedAmount);
    await new Promise(setImmediate);
  }
  expect(socket.closed.aborted).toBe(true);
  expect(most).toBeLessThan(6 * 1024 * 1024);
  const held = socket.connection.bufferedAmount;
  client.ws.resume();
  expect((await client.closed).code).toBe(1013);
  expect(held).toBeGreaterThan(4 * 1024 * 1024);
});

test('F090 a history waits for its reader, who is closed with 1013 after 30 s of silence', async ({ server }) => {
  using client = await openWebSocket(server.url + path);
  const { socket } = server.opened[0] as { socket: ClientSocket };
  for (let n = 0; n < 40; n++) {
    socket.sendJson(megabyte);
    await socket.drained();
  }
  await expect.poll(() => client.frames.length).toBe(40);
  client.ws.pause();
  const stuck = (async () => {
    for (let n = 0; n < 200 && !socket.closed.aborted; n++) {
      socket.sendJson(megabyte);
      await socket.drained();
    }
  })();
  let last = 0; // the kernel's buffers fill until no byte moves
  const isStill = () => {
    const before = last;
    last = socket.connection.bufferedAmount;
    return last === before && last > 256 * 1024;
  };
  await expect.poll(isStill).toBe(true);
  server.clock.advance(30_001);
  await stuck;
  expect(socket.closed.aborted).toBe(true);
  client.ws.resume();
  expect((await client.closed).code).toBe(1013);
});

test('a shutdown closes every socket with 1001, and cuts off one that does not answer', async ({ server }) => {
  using polite = await openWebSocket(server.url + path);
  using deaf = await openWebSocket(server.url + path);
  deaf.ws.pause();
  server.close.abort();
  expect((await polite.closed).code).toBe(1001);
  await expect.poll(server.streams).toBe(1);
  await expect(openWebSocket(server.url + path)).rejects.toMatchObject({ status: 503 });
  server.clock.advance(4_000);
  await expect.poll(server.streams).toBe(0);
  expect(server.clock.pending()).toBe(0);
});
