import { createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sandboxIdOf } from '../../../../src/core/model/ids.ts';
import { createPageTextFetcher } from '../../../../src/sandboxes/egress/fetch/fetch-page.ts';
import { createGuardedFetch, systemDialer } from '../../../../src/sandboxes/egress/fetch/guarded-fetch.ts';
import { createProxiedFetch } from '../../../../src/sandboxes/egress/fetch/proxied-fetch.ts';
import { egressBench, session, standIn } from '../../../support/egress/egress.ts';

// The three ways in which the server itself requests an address, and servers with invalid answers.
let raw = '';
let server: Awaited<ReturnType<typeof standIn>>;
let bench: Awaited<ReturnType<typeof egressBench>>;
const address = '93.184.216.34';
beforeAll(async () => {
  const send = (socket: Socket) =>
    raw.endsWith('…') ? void socket.write(raw.slice(0, -1), 'latin1') : void socket.end(raw, 'latin1');
  server = await standIn(createServer((socket: Socket) => void socket.once('data', () => send(socket))));
  const names = { 'site.example': [address] };
  bench = await egressBench({ policy: { kind: 'web' }, names, servers: { [`${address}:80`]: server.port } });
});
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const url = 'http://site.example/';
const dialling = {
  resolve: async () => [address],
  dial: (_: string, __: number, signal: AbortSignal) => systemDialer('127.0.0.1', server.port, signal),
};
const never = new AbortController().signal;
const fetchers: [string, () => Promise<unknown>][] = [
  ['of pages', () => createPageTextFetcher(dialling)(url, never)],
  ['of tool servers', () => createGuardedFetch(dialling)(url)],
  [
    'of web_fetch',
    () => createProxiedFetch(bench.proxy, '')(new URL(url), { id: sandboxIdOf(session), sessionId: session }, never),
  ],
];
const answers: [string, string][] = [
  ['another protocol', 'HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n'],
  ['the status 101 alone', 'HTTP/1.1 101 X\r\n\r\n'],
  ['the status 000', 'HTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n'],
  ['interim answers without end', `${'HTTP/1.1 100 Continue\r\n\r\n'.repeat(50)}…`],
  ['a control character in its reason', 'HTTP/1.1 200 a\x01b\r\nContent-Length: 0\r\n\r\n'],
  ['nothing', ''],
];
test.each(answers.flatMap(([what, text]) => fetchers.map(([name, fetch]) => ({ what, name, text, fetch }))))(
  'an answer with $what is not found ($name)',
  async ({ text, fetch }) => {
    raw = text;
    await expect(fetch()).rejects.toMatchObject({ code: 'not_found' });
  },
);

test('a status that a Response cannot have is not found', async () => {
  raw = 'HTTP/1.1 799 X\r\nContent-Length: 0\r\n\r\n';
  await expect(createGuardedFetch(dialling)(url)).rejects.toMatchObject({ code: 'not_found' });
});

test('a name that leads to a private address later is refused then, and only checked addresses are dialled', async () => {
  raw = 'HTTP/1.1 204 X\r\n\r\n';
  const later = ['127.0.0.1', '::ffff:169.254.169.254', '64:ff9b::7f00:1', 'fd00::1', '2002:7f00:1::', '0.0.0.0'];
  const found = [[address], ...later.map((one) => [address, one])];
  const dialled: string[] = [];
  const get = createGuardedFetch({
    resolve: async () => found.shift() ?? [],
    dial(to, port, signal) {
      dialled.push(to);
      return dialling.dial(to, port, signal);
    },
  });
  expect((await get(url)).status).toBe(204);
  for (const _ of later) await expect(get(url)).rejects.toMatchObject({ code: 'forbidden' });
  expect(dialled).toEqual([address]);
});
