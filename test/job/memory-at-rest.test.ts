// @module-tag all
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { serverProcess } from '../support/servers/server-process.ts';

/**
 * Measured: 130 to 136 MiB, of which 54 are Node's own program, which every process of it shares. Loading the protocol's
 * packages, or keeping a thread, takes 10 to 40 MiB more. The server starts as in the image, without a cache of compiled
 * code: with one it loads what other servers of these tests have used, up to 5 MiB more.
 */
const maxMebibytes = 145;

test('a server that nobody uses yet needs little memory', async () => {
  await using server = await serverProcess({
    CORRAL_DRIVER: 'memory',
    NODE_ENV: 'production',
    NODE_DISABLE_COMPILE_CACHE: '1',
  });
  const resident = async () => {
    const status = await readFile(`/proc/${server.pid}/status`, 'latin1');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1_024;
  };
  expect(await resident()).toBeGreaterThan(40);
  await expect.poll(resident, { interval: 500 }).toBeLessThan(maxMebibytes);
});
