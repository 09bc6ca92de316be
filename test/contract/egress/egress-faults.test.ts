// @module-tag all
import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { createServer as createTcp, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTls } from 'node:tls';
import { expect, test } from 'vitest';
import { defaultEgressLimits } from '../../../src/sandboxes/egress/session-state.ts';
import {
  address,
  allowList,
  ask,
  egressBench,
  listedBench,
  rest,
  tunnelTo,
  until,
} from '../../support/egress/egress.ts';
import { selfSigned } from '../../support/egress/egress-certificate.ts';
import { helloOf, withExtension } from '../../support/egress/egress-hello.ts';
import { ManualClock } from '../../support/machines/manual-clock.ts';

const certificate = selfSigned('good.example.test', 'evil.example.test');

type Bench = Awaited<ReturnType<typeof listedBench>>;

const closeOf = (socket: Socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()));

const plainGet = (url: string) => `GET ${url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;

/** How a TLS handshake through the tunnel ended: `secure`, or the client's error. */
async function handshake(socket: Socket, servername: string | undefined): Promise<string> {
  const name = servername === undefined ? {} : { servername };
  const secure = connectTls({ socket, ca: certificate.cert, ...name, checkServerIdentity: () => undefined });
  const outcome = await Promise.race([
    once(secure, 'secureConnect').then(() => 'secure'),
    once(secure, 'error').then(([error]) => String(error)),
  ]).catch(String);
  secure.destroy();
  return outcome;
}

test.each([['127.0.0.1'], ['10.0.0.1'], ['::1'], ['::ffff:169.254.169.254'], ['::ffff:a9fe:a9fe'], ['fd00:ec2::254']])(
  'F132 an allowed name that resolves to %s is refused before any connection',
  async (bad) => {
    for (const policy of [allowList, { kind: 'web' } as const]) {
      await using bench = await egressBench({ policy, names: { 'good.example.test': [address, bad] } });
      expect(await ask(bench, 'CONNECT good.example.test:443 HTTP/1.1\r\n\r\n')).toMatch(/^HTTP\/1\.1 403 .*private/);
      expect(await ask(bench, plainGet('http://good.example.test/'))).toMatch(/^HTTP\/1\.1 403 .*private/);
      expect(bench.dialled).toEqual([]);
      expect(bench.reports[0]).toMatchObject({ decision: 'refused', rule: 'private address' });
    }
  },
);

test('F132 the proxy dials the address it checked, even if the name resolves differently a moment later', async () => {
  let calls = 0;
  const resolve = async () => (calls++ === 0 ? [address] : ['127.0.0.1']);
  await using bench = await listedBench({ 80: createHttp((_, res) => res.end('fine')) }, { resolve });
  expect(await ask(bench, plainGet('http://good.example.test/'))).toContain('fine');
  expect({ calls, dialled: bench.dialled }).toEqual({ calls: 1, dialled: [`${address}:80`] });
});

test('F132 a redirect to a private address is a new request, and is refused', async () => {
  const redirects = createHttp((_, res) => res.writeHead(302, { location: 'http://169.254.169.254/latest' }).end());
  await using bench = await listedBench({ 80: redirects }, { policy: { kind: 'web' } });
  const answer = await ask(bench, plainGet('http://good.example.test/'));
  const location = /location: (.*)\r/i.exec(answer)?.[1] ?? '';
  expect(await ask(bench, plainGet(location))).toMatch(/^HTTP\/1\.1 403 egress to 169\.254\.169\.254:80 refused/);
  expect(bench.dialled).toEqual([`${address}:80`]);
});

test.each([
  ['another name than CONNECT', 'evil.example.test', 'TLS name differs: evil.example.test'],
  ['no name', undefined, 'no TLS name'],
])('F132 a TLS hello with %s ends the tunnel before the server sees a byte', async (_, servername, rule) => {
  let bytes = 0;
  const counting = createTcp((socket) => socket.on('data', (chunk) => (bytes += chunk.length)));
  await using bench = await listedBench({ 443: counting });
  const outcome = await handshake(await tunnelTo(bench, 'good.example.test:443'), servername);
  expect(outcome).toMatch(/access denied/i);
  expect(bench.reports.at(-1)).toEqual({ host: 'good.example.test', port: 443, decision: 'refused', rule });
  expect(bytes).toBe(0);
});

test('F132 an encrypted hello is refused when names are checked, and passes under the policy web', async () => {
  const hello = withExtension(await helloOf('good.example.test'), 0xfe0d, Buffer.from([0, 1]));
  for (const [policy, answer] of [
    [allowList, '\x15\x03\x03\x00\x02\x02\x31'],
    [{ kind: 'web' }, 'seen'],
  ] as const) {
    const server = createTcp((socket) => socket.once('data', () => socket.end('seen')));
    await using bench = await listedBench({ 443: server }, { policy });
    const socket = await tunnelTo(bench, 'good.example.test:443');
    socket.write(hello);
    expect(await rest(socket)).toBe(answer);
  }
});

test('F132 under the policy web a hello without a name passes, and one with another name is refused', async () => {
  await using bench = await listedBench({ 443: createTls(certificate) }, { policy: { kind: 'web' } });
  expect(await handshake(await tunnelTo(bench, 'good.example.test:443'), undefined)).toBe('secure');
  expect(await handshake(await tunnelTo(bench, 'good.example.test:443'), 'evil.example.test')).toMatch(/denied/);
  expect(await handshake(await tunnelTo(bench, `${address}:443`), 'evil.example.test')).toBe('secure');
});

test('F132 a tunnel to a listed address refuses TLS for an unlisted name', async () => {
  const policy = { kind: 'allow-list', entries: [address, 'good.example.test'] } as const;
  await using bench = await listedBench({ 443: createTls(certificate) }, { policy });
  expect(await handshake(await tunnelTo(bench, `${address}:443`), 'good.example.test')).toBe('secure');
  expect(await handshake(await tunnelTo(bench, `${address}:443`), 'evil.example.test')).toMatch(/denied/);
});

test('F132 plain HTTP inside a tunnel can name only the host of its CONNECT', async () => {
  for (const port of [80, 2222]) {
    await using bench = await listedBench({ [port]: createHttp((req, res) => res.end(`served ${req.headers.host}`)) });
    for (const start of ['', '\r\n']) {
      const socket = await tunnelTo(bench, `good.example.test:${port}`);
      socket.write(`${start}GET / HTTP/1.1\r\nHost: good.example.test:${port}\r\n\r\n`);
      socket.write('GET / HTTP/1.1\r\nHost: evil.example.test\r\nConnection: close\r\n\r\n');
      const answer = await rest(socket);
      expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 403']);
      expect(answer).not.toContain('served evil');
    }
  }
});

test('F132 a listed web port refuses anything but TLS and HTTP', async () => {
  await using bench = await listedBench({ 443: createTcp(() => {}) });
  const socket = await tunnelTo(bench, 'good.example.test:443');
  socket.write('\x00\x01\x02 anything');
  expect(await rest(socket)).toBe('');
  expect(bench.reports.at(-1)).toMatchObject({ decision: 'refused', rule: 'neither TLS nor HTTP' });
});

test('F133 the 65th connection of a session is refused, and a closed connection frees a place', async () => {
  await using bench = await egressBench({});
  const sockets = await Promise.all(Array.from({ length: 64 }, () => bench.connect()));
  await expect
    .poll(async () => await rest(await bench.connect()))
    .toMatch(/^HTTP\/1\.1 503 .* 64 outbound connections/);
  sockets[0]?.destroy();
  await expect.poll(() => ask(bench, plainGet('http://x.example.test/'))).toMatch(/^HTTP\/1\.1 403 /);
});

test('F133 each of ten thousand connections over the limit gets the reason and is closed', async () => {
  await using bench = await egressBench({ limits: { connections: 4 } });
  await Promise.all(Array.from({ length: 4 }, () => bench.connect()));
  for (let round = 0; round < 100; round += 1) {
    const flood = await Promise.all(Array.from({ length: 100 }, () => bench.connect()));
    const answers = await Promise.all(flood.map(rest));
    expect(answers.every((answer) => answer.startsWith('HTTP/1.1 503 '))).toBe(true);
  }
});

test('F133 a session that used up its volume is cut off with the reason, and served again an hour later', async () => {
  const clock = new ManualClock(1_000_000);
  const echo = createTcp((socket) => socket.pipe(socket));
  await using bench = await listedBench({ 2222: echo }, { clock, limits: { bytesPerHour: 50_000 } });
  const socket = await tunnelTo(bench, 'good.example.test:2222');
  const cut = once(socket, 'close');
  socket.resume().end(Buffer.alloc(60_000));
  await cut;
  expect(bench.reports.at(-1)).toMatchObject({ decision: 'refused', rule: 'volume' });
  const connectHead = 'CONNECT good.example.test:2222 HTTP/1.1\r\n\r\n';
  expect(await ask(bench, connectHead)).toMatch(/^HTTP\/1\.1 429 /);
  clock.advance(3_600_000);
  await tunnelTo(bench, 'good.example.test:2222');
});

test('F133 an idle connection is closed after ten minutes, and an active one stays', async () => {
  const server = createTcp({ allowHalfOpen: true });
  const clock = new ManualClock(1_000_000);
  await using bench = await listedBench({ 2222: server }, { clock });
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const socket = await tunnelTo(bench, 'good.example.test:2222');
  const [far] = await accepted;
  far.on('data', (chunk) => far.write(chunk));
  for (let minute = 0; minute < 15; minute += 5) {
    clock.advance(5 * 60_000);
    socket.write('x');
    await until(socket, 'x');
  }
  const closed = Promise.all([once(socket.resume(), 'end'), once(far, 'end')]);
  clock.advance(10 * 60_000);
  await closed;
});

test.each([
  ['request head', (bench: Bench) => bench.connect(), 'GET http://good'],
  ['TLS hello', (bench: Bench) => tunnelTo(bench, 'good.example.test:443'), Buffer.from([0x16, 3])],
] as const)('F133 a %s that trickles in times out after ten seconds', async (_, open, beginning) => {
  const clock = new ManualClock(1_000_000);
  await using bench = await listedBench({ 443: createTcp() }, { clock });
  const socket = await open(bench);
  socket.write(beginning);
  await expect.poll(() => clock.pending()).toBe(2); // the idle timer, and the timer of the head or the hello
  const closed = once(socket.resume(), 'end');
  clock.advance(10_000);
  await closed;
});

test('F133 pipelined requests wait for their turn, and a flood of them ends the connection', async () => {
  let now = 0;
  let most = 0;
  await using bench = await listedBench({
    80: createHttp((_, res) => {
      most = Math.max(most, ++now);
      setImmediate(() => res.end('x', () => now--));
    }),
  });
  const one = 'GET http://good.example.test/ HTTP/1.1\r\nHost: x\r\n\r\n';
  const answer = await ask(bench, one.repeat(9) + plainGet('http://good.example.test/'));
  expect(answer.match(/200 OK/g)).toHaveLength(10);
  expect(most).toBe(1);
  const socket = await bench.connect();
  const closed = once(socket.resume(), 'close');
  socket.on('end', () => socket.end());
  socket.write(one.repeat(200));
  await closed;
});

test('F133 an upload beyond the hourly volume is cut there', async () => {
  const volume = 2 ** 29;
  let arrived = 0;
  const sink = createTcp((socket) => socket.on('data', (chunk) => (arrived += chunk.length)));
  await using bench = await listedBench({ 2222: sink }, { limits: { bytesPerHour: volume } });
  const socket = await tunnelTo(bench, 'good.example.test:2222');
  const chunk = Buffer.alloc(4 * 2 ** 20, 'x');
  const closed = closeOf(socket.resume());
  for (let sent = 0; sent < 1.1 * volume && !socket.destroyed; sent += chunk.length)
    if (!socket.write(chunk)) await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed]);
  await closed;
  expect(arrived).toBeLessThanOrEqual(volume + 2 ** 18);
  expect(arrived).toBeGreaterThan(volume - 16 * 2 ** 20);
  expect(bench.reports.at(-1)).toMatchObject({ decision: 'refused', rule: 'volume' });
  expect(defaultEgressLimits.bytesPerHour).toBe(2 ** 30);
});

test('F133 a body that trickles in passes as it arrives, and one that stalls times out after ten minutes', async () => {
  let got = '';
  const finished = Promise.withResolvers<string>();
  const clock = new ManualClock(1_000_000);
  const server = createHttp((req) => {
    req.on('data', (chunk) => (got += chunk));
    req.once('error', (error) => finished.resolve(String(error)));
  });
  await using bench = await listedBench({ 80: server }, { clock });
  const socket = await bench.connect();
  socket.write('POST http://good.example.test/ HTTP/1.1\r\nHost: good.example.test\r\nContent-Length: 1000\r\n\r\n');
  for (let n = 1; n <= 4; n++) {
    socket.write('x');
    await expect.poll(() => got.length).toBe(n);
    clock.advance(9 * 60_000);
  }
  const closed = once(socket.resume(), 'close');
  socket.once('end', () => socket.end());
  clock.advance(60_000);
  await closed;
  expect(await finished.promise).toContain('aborted'); // a truncated body must not look complete
});

test('F133 a session that floods in every way at once stays within its limits, and another session is not affected', async () => {
  const server = createHttp((req, res) => {
    req.resume().on('error', () => {});
    req.once('end', () => res.end('fine'));
  });
  const sink = createTcp((socket) => socket.resume());
  await using bench = await listedBench({ 80: server, 2222: sink }, { limits: { bytesPerHour: 2 ** 26 } });
  const slow = await Promise.all(Array.from({ length: 40 }, () => bench.connect()));
  for (const socket of slow) socket.write('POST http://good.example.test/ HTTP/1.1\r\nContent-Length: 9\r\n\r\nx');
  const pouring = await tunnelTo(bench, 'good.example.test:2222');
  const cut = closeOf(pouring.resume());
  pouring.end(Buffer.alloc(2 ** 26 + 1));
  let refused = 0;
  let tried = 0;
  const flooding = (async () => {
    for (let round = 0; round < 20; round++) {
      const flood = await Promise.all(Array.from({ length: 100 }, () => bench.connect().catch(() => undefined)));
      tried += flood.filter((socket) => socket !== undefined).length; // the kernel itself refuses some
      for (const socket of flood) socket?.on('data', () => refused++).on('end', () => socket.end());
    }
  })();
  for (let n = 0; n < 20; n++) {
    const socket = await bench.connect('another');
    socket.write(plainGet('http://good.example.test/'));
    expect(await rest(socket)).toContain('fine');
  }
  await flooding;
  await cut;
  await expect.poll(() => tried - refused).toBeLessThan(64); // all except the free places
  expect(refused).toBeGreaterThan(400);
  expect(bench.reports).toContainEqual(expect.objectContaining({ decision: 'refused', rule: 'volume' }));
});

test.each(['down', 'up'] as const)('F133 a slow reader slows the sender down: %s', async (direction) => {
  let sent = 0;
  const pour = (socket: Socket) => {
    const chunk = Buffer.alloc(65_536, 'x');
    const more = () => {
      while (sent < 256 * 2 ** 20 && socket.writable) {
        sent += chunk.length;
        if (!socket.write(chunk)) return;
      }
    };
    socket.on('drain', more);
    more();
  };
  const server = createTcp((socket) => (direction === 'down' ? pour(socket) : socket.pause()));
  await using bench = await listedBench({ 2222: server });
  const socket = await tunnelTo(bench, 'good.example.test:2222');
  if (direction === 'up') pour(socket);
  let before = -1;
  await expect
    .poll(
      () => {
        const still = sent === before;
        before = sent;
        return still;
      },
      { interval: 100 },
    )
    .toBe(true);
  expect(sent).toBeLessThan(32 * 2 ** 20); // only the socket buffers' content, not the whole body
});
