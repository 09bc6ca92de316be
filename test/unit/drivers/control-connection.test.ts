import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdir, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, test as base, beforeEach, expect } from 'vitest';
import type { SandboxLink } from '../../../drivers/driver.ts';
import type { SandboxMeta } from '../../../drivers/shared/folders.ts';
import {
  openSandboxEndpoint,
  type SandboxEndpoint,
  type SandboxEndpointOptions,
} from '../../../drivers/shared/link/sandbox-endpoint.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import { createIdSource, SandboxId, SessionId } from '../../../src/core/model/ids.ts';
import { findProtocolViolation } from '../../../src/core/model/protocol-violation.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const meta: SandboxMeta = {
  driver: 'test',
  instance: 'test',
  id: SandboxId.parse('sbx-0123456789abcdef'),
  sessionId: SessionId.parse('0123456789abcdef'),
  epoch: 1,
  template: 'base',
  image: 'image',
  expiresAt: 0,
  token: 'the-token',
};
const refused: string[] = [];
let cleanUp: AsyncDisposableStack;
let folder: string;
let daemon: Server;

beforeEach(() => {
  cleanUp = new AsyncDisposableStack();
  refused.length = 0;
  folder = cleanUp.use(temporaryFolder()).path;
  daemon = createServer({ keepAliveTimeout: 0 }, (incoming, response) => {
    if (incoming.url !== '/hang') response.end(`${incoming.url} over ${(incoming.socket as NamedSocket).name}`);
  });
});
afterEach(() => cleanUp.disposeAsync());

type NamedSocket = Socket & { name?: string };

async function open(over: Partial<SandboxEndpointOptions> = {}): Promise<SandboxEndpoint> {
  const onRefused = (_: SandboxMeta, reason: string) => void refused.push(reason);
  const gate = { serve: (socket: { end(text: string): void }) => socket.end('from the gate') };
  const options = { gate, ids: createIdSource(), replica: undefined, caBundle: undefined, onRefused, ...over };
  return cleanUp.use(await openSandboxEndpoint(folder, meta, options));
}

async function dial(name: string, hello: object | string = {}): Promise<{ socket: Socket; answer: string }> {
  const socket: NamedSocket = connect(join(folder, 'control'));
  cleanUp.defer(() => void socket.destroy());
  socket.on('error', () => {});
  socket.name = name;
  const line =
    typeof hello === 'string'
      ? hello
      : JSON.stringify({ corral: 1, version: '9.9', boot: 'b', token: 'the-token', ...hello });
  socket.write(`${line}\n`);
  const [output] = (await once(socket, 'data')) as [Buffer];
  const end = output.indexOf('\n') + 1;
  const answer = output.subarray(0, end).toString();
  socket.pause();
  if (output.length > end) socket.unshift(output.subarray(end)); // a request can arrive together with the answer
  socket.resume();
  if (answer === 'ok\n') daemon.emit('connection', socket);
  return { socket, answer };
}

async function get(link: SandboxLink, path: string, signal?: AbortSignal): Promise<string> {
  const call = request(`http://sandbox${path}`, { agent: link.agent, ...(signal && { signal }) }).end();
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  return text(response);
}

const test = base
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads which fixtures this one needs
  .extend('end', ({}) => open())
  .extend('link', ({ end }, { onCleanup }) => {
    const link = end.link('/workspace');
    onCleanup(() => link[Symbol.asyncDispose]());
    return link;
  });

test('a daemon with the token is let in, and requests travel over the connection it opened', async ({ end, link }) => {
  expect((await dial('only')).answer).toBe('ok\n');
  await end.ready;
  for (const path of ['/1', '/2', '/3']) expect(await get(link, path)).toBe(`${path} over only`);
});

test('requests one after another stay on one connection, though the daemon dials another for it', async ({ link }) => {
  for (const name of ['one', 'two']) await dial(name);
  const first = await get(link, '/a');
  await dial('three');
  expect([await get(link, '/a'), await get(link, '/a')]).toEqual([first, first]);
});

test('a connection that served many requests has no more listeners than after the first few', async ({ link }) => {
  await dial('only');
  const listeners = async () => {
    const call = request('http://sandbox/a', { agent: link.agent }).end();
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    const { socket } = response;
    await text(response);
    const of = (name: string | symbol) => [String(name), socket.listenerCount(name)];
    return Object.fromEntries(socket.eventNames().map(of));
  };
  await listeners();
  const early = await listeners();
  for (let n = 0; n < 20; n += 1) await listeners();
  expect(await listeners()).toEqual(early);
});

test('a request that finds no idle connection waits for one', async ({ link }) => {
  const answer = get(link, '/early');
  await dial('late');
  expect(await answer).toBe('/early over late');
});

test('a request that waits in vain gives up when its signal fires and takes no connection', async ({ link }) => {
  const stop = new AbortController();
  const waiting = get(link, '/never', stop.signal);
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  await dial('later');
  expect(await get(link, '/next')).toBe('/next over later');
});

test('parallel requests each have a connection of their own', async ({ link }) => {
  await dial('one');
  await dial('two');
  const [a, b] = await Promise.all([get(link, '/x'), get(link, '/y')]);
  expect(new Set([a, b].map((answer) => answer.split(' over ')[1]))).toEqual(new Set(['one', 'two']));
});

test('a connection that the daemon closed while idle is not handed out', async ({ link }) => {
  const { socket } = await dial('dead');
  socket.destroy();
  await once(socket, 'close');
  await dial('alive');
  expect(await get(link, '/a')).toBe('/a over alive');
});

test('a connection with bytes that answer no request is dropped', async ({ link }) => {
  const { socket } = await dial('chatty');
  socket.write('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged');
  await once(socket, 'close');
  await dial('honest');
  expect(await get(link, '/a')).toBe('/a over honest');
});

test('F033 a daemon of another protocol version is refused, and the start fails with both versions', async ({
  end,
}) => {
  const { answer } = await dial('newer', { corral: 2 });
  expect(answer).toMatch(/^no .*version 2.*version 1/);
  const expected = { code: 'sandbox_unavailable', publicMessage: expect.stringMatching(/2.*1/) };
  await expect(end.ready).rejects.toMatchObject(expected);
});

test('F034 a wrong token is refused and reported, and does not make the sandbox ready or fail', async ({ end }) => {
  expect((await dial('thief', { token: 'guess' })).answer).toBe('no wrong token\n');
  expect((await dial('thief', { token: 'guess', corral: 2 })).answer).toBe('no wrong token\n');
  expect(refused).toEqual(['wrong token', 'wrong token']);
  await dial('honest');
  await end.ready;
});

const noHellos = ['', '{}', 'GET / HTTP/1.1', 'CONNECT example.org:443 HTTP/1.1', '{"corral":1}\nmore'];
test.each([...noHellos, 'x'.repeat(5_000)])('F035 the hello %j is refused', async (line) => {
  await open();
  expect((await dial('odd', line)).answer).toMatch(/^no /);
});

test('losing the sandbox fails waiting requests, running ones and the link', async ({ end, link }) => {
  const waiting = get(link, '/a');
  end.lose(new AppError('sandbox_lost', 'It is gone.'));
  await expect(waiting).rejects.toMatchObject({ code: 'sandbox_lost' });
  expect(link.lost.aborted).toBe(true);
  await expect(get(link, '/b')).rejects.toMatchObject({ code: 'sandbox_lost' });
});

test('closing the end cuts a request that is under way', async ({ end, link }) => {
  await dial('only');
  const hanging = expect(get(link, '/hang')).rejects.toThrow('socket hang up');
  await once(daemon, 'request');
  await end[Symbol.asyncDispose]();
  await hanging;
});

test('disposing one link leaves another and the sandbox alone', async ({ end }) => {
  await dial('only');
  await end.link('/workspace')[Symbol.asyncDispose]();
  await using other = end.link('/workspace');
  expect(await get(other, '/a')).toBe('/a over only');
});

test('a successor listens on the same path, and the predecessor closing late does not take it away', async () => {
  const old = await open();
  const next = await open();
  await old[Symbol.asyncDispose]();
  await dial('redialled');
  await next.ready;
});

test('anyone who can reach the folder can dial the sockets, and dispose removes them', async () => {
  const end = await open({ replica: 'b', caBundle: 'PEM' });
  await end.takeEgress();
  for (const name of ['control.b', 'egress']) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o666);
  expect((await stat(join(folder, 'ca.pem'))).mode & 0o777).toBe(0o644);
  await end[Symbol.asyncDispose]();
  await expect(stat(join(folder, 'control.b'))).rejects.toThrow('ENOENT');
});

const connectRequest = 'CONNECT example.org:443 HTTP/1.1\r\n\r\n';
/** The gate's answer to a process that dials the egress socket and sends this request. */
async function wayOut(requested = connectRequest): Promise<string> {
  const socket = connect({ path: join(folder, 'egress'), allowHalfOpen: true });
  cleanUp.defer(() => void socket.destroy());
  socket.write(requested);
  return await text(socket);
}

test.each([connectRequest, '\u0005\u0001\u0000'])(
  'a connection to the egress socket that requests %j reaches the gate, with all its bytes',
  async (requested) => {
    const received: string[] = [];
    const serve = (socket: Socket) =>
      void socket.once('readable', () => {
        received.push(String(socket.read()));
        socket.end('from the gate');
      });
    const end = await open({ gate: { serve } as SandboxEndpointOptions['gate'] });
    await end.takeEgress();
    expect([await wayOut(requested), received]).toEqual(['from the gate', [requested]]);
  },
);

test('connections to the outside, however many, do not shut the daemon out', async () => {
  const end = await open({ gate: { serve: () => {} } });
  await end.takeEgress();
  const out = Array.from({ length: 140 }, () => connect(join(folder, 'egress')));
  cleanUp.defer(() => {
    for (const socket of out) socket.destroy();
  });
  const cut = Promise.all(out.slice(128).map((socket) => once(socket.resume(), 'close')));
  for (const socket of out) socket.on('error', () => {}).write('GET');
  await cut;
  expect((await dial('daemon')).answer).toBe('ok\n');
});

test('streams, however many, do not shut the daemon out', async ({ link }) => {
  daemon.on('upgrade', (_request, socket: Socket) => {
    socket.on('error', () => {}).write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: s\r\n\r\n');
  });
  for (let n = 0; n < 140; n++) {
    await dial(`stream ${n}`);
    const headers = { connection: 'upgrade', upgrade: 's' };
    const [, stream] = await once(request('http://sandbox/', { agent: link.agent, headers }).end(), 'upgrade');
    cleanUp.defer(() => stream.destroy());
  }
  await dial('daemon');
  expect(await get(link, '/health')).toBe('/health over daemon');
});

test('a daemon that spares connections gets health checks on the unused one', async ({ link }) => {
  await dial('first', { sparing: true });
  expect(await get(link, '/work')).toBe('/work over first');
  await dial('second', { sparing: true });
  expect([await get(link, '/health'), await get(link, '/health')]).toEqual(Array(2).fill('/health over second'));
  expect(await get(link, '/work')).toBe('/work over first');
});

test('an older daemon gets health checks on a used connection', async ({ link }) => {
  await dial('first');
  expect(await get(link, '/health')).toBe('/health over first');
  await dial('second');
  expect(await get(link, '/work')).toBe('/work over first');
});

test('the last server that took the egress socket has it, and only that server removes it', async () => {
  const [first, second] = [await open({ replica: 'a' }), await open({ replica: 'b' })];
  await first.takeEgress();
  const inode = async () => (await stat(join(folder, 'egress'))).ino;
  const before = await inode();
  await first.takeEgress();
  expect(await inode()).toBe(before);
  await second.takeEgress();
  expect(await inode()).not.toBe(before);
  await first[Symbol.asyncDispose]();
  expect(await wayOut()).toBe('from the gate');
  await second[Symbol.asyncDispose]();
  await expect(inode()).rejects.toThrow('ENOENT');
});

test('a predecessor that closes late does not take the way out away', async () => {
  const [old, next] = [await open(), await open()];
  await old.takeEgress();
  await next.takeEgress();
  await old[Symbol.asyncDispose]();
  expect(await wayOut()).toBe('from the gate');
});

test('a new server takes away the sockets of those that died, and of nobody who listens', async () => {
  const living = await open({ replica: 'living' });
  const dead = spawnSync(process.execPath, [
    '-e',
    `require('net').createServer().listen(${JSON.stringify(join(folder, 'control.dead'))}, () => process.kill(process.pid, 'SIGKILL'))`,
  ]);
  expect(dead.signal).toBe('SIGKILL');
  await open({ replica: 'next' });
  const expected = ['control.living', 'control.next'];
  expect((await readdir(folder)).filter((name) => name.startsWith('control.')).sort()).toEqual(expected);
  await living[Symbol.asyncDispose]();
});

test('a second process that presents the token next to a living daemon is refused, reported, and ends the trust', async ({
  end,
}) => {
  expect((await dial('real', { boot: 'first' })).answer).toBe('ok\n');
  await end.ready;
  const second = await dial('second', { boot: 'other' });
  await expect.poll(() => end.lost.aborted).toBe(true);
  expect(end.lost.reason).toMatchObject({ code: 'sandbox_untrusted' });
  expect(findProtocolViolation(end.lost.reason)).toMatchObject({ reason: 'second_daemon' });
  await expect.poll(() => second.socket.destroyed).toBe(true);
  expect(refused).toHaveLength(1);
});

test('a daemon that was restarted is none: its earlier connections are gone', async ({ end, link }) => {
  const { socket } = await dial('real', { boot: 'first' });
  await end.ready;
  socket.destroy();
  expect((await dial('again', { boot: 'other' })).answer).toBe('ok\n');
  expect([await get(link, '/x'), end.lost.aborted]).toEqual(['/x over again', false]);
});
