// A hostile program in a sandbox and anonymous clients outside cause as many log lines as they can.
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { fence } from '../../support/api.ts';
import { realServer } from '../../support/real-server.ts';
import { worldsOrOnly } from '../../support/worlds.ts';

const floodMs = 5_000;
/** Sends wrong hellos to the server's socket and garbage to the proxy, as fast as possible, and prints their numbers. */
const flood = `
const net = require('net');
const until = Date.now() + ${floodMs};
const seen = { hello: 0, proxy: 0, failed: 0 };
const once = (where, bytes, what) => new Promise((done) => {
  const socket = net.connect(where);
  socket.on('connect', () => { seen[what]++; socket.end(bytes); }).on('error', () => seen.failed++).on('close', done).resume();
});
const hellos = ['{"corral":1,"version":"x","boot":"x","token":"wrong"}\\n', '{"corral":9}\\n', '{' + 'x'.repeat(5000), '{\\u0000\\n'];
const proxy = ['GARBAGE\\r\\n\\r\\n', 'CONNECT nowhere HTTP/1.1\\r\\n\\r\\n', 'CONNECT 169.254.169.254:80 HTTP/1.1\\r\\n\\r\\n', '\\u0005\\u0001\\u0000', 'GET http://127.0.0.1/ HTTP/1.1\\r\\n\\r\\n'];
const loop = async (where, all, what) => { for (let n = 0; Date.now() < until; n++) await once(where, all[n % all.length], what); };
const many = (make) => Array.from({ length: 24 }, make);
Promise.all([
  ...many(() => loop('/run/corral/control', hellos, 'hello')),
  ...many(() => loop({ host: '127.0.0.1', port: 3128 }, proxy, 'proxy')),
]).then(() => console.log(JSON.stringify(seen)));`;

/** Malformed requests and wrong credentials from anonymous clients. */
async function anonymous(url: string, session: string, until: AbortSignal): Promise<number> {
  const { port } = new URL(url);
  let count = 0;
  const noise = [
    'GARBAGE\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n',
    `GET /api/v1/sessions/${session}/vnc?signature=wrong HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    'PUT /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\nContent-Length: 0\r\n\r\n',
  ];
  while (!until.aborted) {
    await new Promise<void>((done) => {
      const socket = connect(Number(port), '127.0.0.1');
      socket
        .on('error', () => {})
        .on('close', () => done())
        .resume();
      socket.end(noise[count++ % noise.length] ?? '');
    });
  }
  return count;
}

async function residentMiB(pid: number): Promise<number> {
  const [, kib] = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}

describe.each(worldsOrOnly('process'))('from inside $driver', (world) => {
  test('a noisy sandbox causes a bounded number of log lines, and the server stays small and answers at once', {
    timeout: 180_000,
  }, async (context) => {
    await using real = await realServer(context, world);
    const { server, client } = real;
    const id = await real.ready();
    const before = server.output().split('\n').length;
    const over = new AbortController();
    const health: number[] = [];
    const sizes: number[] = [];
    const watching = (async () => {
      while (!over.signal.aborted) {
        const started = performance.now();
        expect((await fetch(`${server.url}/health`)).status).toBe(200);
        health.push(performance.now() - started);
        sizes.push(await residentMiB(server.pid));
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    const others = [1, 2].map(() => anonymous(server.url, id, over.signal));
    await client.chat(id, `${fence('file:flood.cjs', flood)}\n${fence('sh', 'node flood.cjs')}`);
    over.abort();
    await watching;
    const [first = 0, second = 0] = await Promise.all(others);
    const called = real.factsOf(id, 'tool.called').at(-1)?.data;
    const seen = JSON.parse(/\{.*\}/.exec(called?.output ?? '')?.[0] ?? '{}');
    const lines = server.output().split('\n').slice(before);
    const warnings = lines.filter((line) => /"level":"(warn|error|fatal)"/.test(line));
    const sorted = health.toSorted((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;

    expect(seen.hello + seen.proxy).toBeGreaterThan(100); // otherwise nothing was tried
    expect(first + second).toBeGreaterThan(100);
    expect(warnings.length).toBeLessThan(60);
    expect(lines.length).toBeLessThan(1_200);
    expect(Math.max(...sizes)).toBeLessThan(400);
    expect(median).toBeLessThan(100);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toMatch(/corral_log_lines_total\{kind="request refused 40[013]",outcome="suppressed"\} [1-9]/);
    await real.holds(id);
  });
});
