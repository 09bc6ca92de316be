// @module-tag nightly
// A hostile program in a sandbox and anonymous clients outside cause as many log lines as they can.
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { noiseProgram } from '../../../support/hostile/hostile-noise.ts';
import { expectUnhurt, healthWatch } from '../../../support/servers/health-watch.ts';
import { realServer } from '../../../support/servers/real-server.ts';
import { inEachWorld } from '../../../support/worlds.ts';

const floodMs = 5_000;
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
  while (!until.aborted || count < 60) {
    // A busy machine does less in the time of the flood, so the number counts too.
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

inEachWorld('process', 'from inside $driver', (world) => {
  test('a noisy sandbox causes a bounded number of log lines, and the server stays small and answers at once', async (context) => {
    await using real = await realServer(context, world);
    const { server, client } = real;
    const id = await real.ready();
    const before = server.output().split('\n').length;
    const over = new AbortController();
    await using watch = await healthWatch(server);
    const quiet = await watch.during(() => pause(1_000));
    let counts: readonly number[] = [];
    const seen = await watch.during(async () => {
      const others = [1, 2].map(() => anonymous(server.url, id, over.signal));
      await client.chat(id, noiseProgram(floodMs));
      over.abort();
      counts = await Promise.all(others);
    });
    const called = real.factsOf(id, 'tool.called').at(-1)?.data;
    const inside = JSON.parse(/\{.*\}/.exec(called?.output ?? '')?.[0] ?? '{}');
    const lines = server.output().split('\n').slice(before);
    const warnings = lines.filter((line) => /"level":"(warn|error|fatal)"/.test(line));

    expect(inside.hello + inside.proxy).toBeGreaterThan(100); // otherwise nothing was tried
    expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(100);
    expect(warnings.length).toBeLessThan(60);
    expect(lines.length).toBeLessThan(1_200);
    expectUnhurt(seen, quiet, 'noise');
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toMatch(/corral_log_lines_total\{kind="request refused 40[013]",outcome="suppressed"\} [1-9]/);
    await real.holds(id);
  });
});
