// @module-tag nightly
// A server that is killed again and again during its start, and one whose event loop is blocked.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { fence } from '../../../support/clients/api.ts';
import { serverProgram } from '../../../support/servers/built-server.ts';
import { reaches, realServer } from '../../../support/servers/real-server.ts';
import { processWorld as world } from '../../../support/worlds.ts';

test('F006 a server killed during five starts loses no work and starts no second sandbox, and the sixth start continues', async (context) => {
  await using real = await realServer(context, world);
  const id = await real.ready();
  const [sandbox] = await world.running(id);
  await real.client.send(id, fence('sh', 'for n in $(seq 40); do echo "line $n"; sleep 0.1; done; echo once >> ran'));
  await reaches(() => real.factsOf(id, 'tool.output').length > 0);
  real.server.kill('SIGKILL');
  await real.server.exit;
  for (const ms of [150, 400, 700, 1_000, 1_400]) {
    await killedAfter(ms, real.server);
    expect(await world.running(id)).toEqual([sandbox]);
  }
  await real.server.restart();
  await real.rests(id);
  const [called, ...more] = real.factsOf(id, 'tool.called');
  expect(more).toEqual([]);
  const output = Array.from({ length: 40 }, (_, n) => `line ${n + 1}\n`).join('');
  expect(called?.data).toMatchObject({ success: true, exitCode: 0, output });
  expect(real.factsOf(id, 'run.end')).toMatchObject([{ data: { status: 'completed' } }]);
  expect(await real.says(id, 'cat ran')).toBe('once\n');
  expect(await world.running(id)).toEqual([sandbox]);
  await real.holds(id);
});

/** Starts the same server on the same data, and kills it before it is ready or shortly after. */
async function killedAfter(ms: number, { data, url }: { data: string; url: string }): Promise<void> {
  const { PATH, HOME, NODE_COMPILE_CACHE } = process.env;
  const env = {
    PATH,
    HOME,
    NODE_COMPILE_CACHE,
    PORT: new URL(url).port,
    CORRAL_DATA_DIR: data,
    CORRAL_DRIVER: 'process',
  };
  const args = ['--disable-warning=ExperimentalWarning', serverProgram()];
  const child = spawn(process.execPath, args, {
    env: { ...env, CORRAL_EGRESS_POLICY: 'none', CORRAL_RATE_LIMIT_PER_MINUTE: '0' },
    stdio: 'ignore',
  });
  const gone = once(child, 'exit');
  await pause(ms); // the start can be at any point by then
  child.kill('SIGKILL');
  await gone;
}
