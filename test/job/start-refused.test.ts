// A start that cannot succeed ends with the reason and leaves no process running.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { serverProgram } from '../support/servers/built-server.ts';
import { temporaryFolder } from '../support/stores/store.ts';

async function startOf(settings: Record<string, string>) {
  const env = { PATH: process.env.PATH, CORRAL_DRIVER: 'memory', ...settings };
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', serverProgram()], { env });
  let output = '';
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  child.stdout.resume();
  onTestFinished(() => void child.kill('SIGKILL'));
  const [code] = await once(child, 'exit');
  return { code, output };
}

test('a server whose port is taken names the port and exits', { tags: ['all'] }, async () => {
  using folder = temporaryFolder();
  const other = createServer();
  await once(other.listen(0, '127.0.0.1'), 'listening');
  using _other = { [Symbol.dispose]: () => void other.close() };
  const { port } = other.address() as AddressInfo;
  const output = expect.stringMatching(`127.0.0.1:${port}: another program listens there already`);
  expect(await startOf({ PORT: String(port), CORRAL_DATA_DIR: folder.path })).toMatchObject({ code: 1, output });
  const extra = { PORT: '0', CORRAL_EXTRA_PORTS: String(port), CORRAL_DATA_DIR: folder.path };
  expect(await startOf(extra)).toMatchObject({ code: 1, output });
  expect(readdirSync(folder.path)).not.toContain('corral.db.holder'); // the store was closed, not killed
});

test.each([
  [
    'an invalid setting names it',
    { CORRAL_DRIVER: 'podman', HOST: '0.0.0.0' },
    /CORRAL_DRIVER \(driver in corral\.yaml\) accepts/,
  ],
  [
    'a reachable address without a token says so in one line',
    { HOST: '0.0.0.0' },
    /^[^\n]*CORRAL_TOKEN is not set[^\n]*\n$/,
  ],
  [
    'a data folder that is no folder names it',
    { PORT: '0', CORRAL_DATA_DIR: '/dev/null' },
    /The data folder \/dev\/null is not a folder. Set CORRAL_DATA_DIR/,
  ],
])('a start with %s, and prints no stack', async (_, settings, reason) => {
  const { code, output } = await startOf(settings);
  expect([code, output]).toEqual([1, expect.stringMatching(reason)]);
  expect(output).not.toMatch(/^ +at /m);
});
