// @module-tag all
import { once } from 'node:events';
import { mkdtemp, readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import packageJson from '../../../package.json' with { type: 'json' };
import { serverProgram } from '../../support/servers/built-server.ts';
import { freePort } from '../../support/servers/free-port.ts';
import { outcomeOf } from '../../support/servers/program-outcome.ts';
import { removeFolder } from '../../support/stores/store.ts';

let folder: string;
let env: Record<string, string>;
let url: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'corral-background-'));
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  const { PATH = '', HOME = '' } = process.env;
  const own = { PORT: String(port), CORRAL_DATA_DIR: join(folder, 'data'), CORRAL_DRIVER: 'process' };
  env = { ...packageJson.serverProcess.env, PATH, HOME, ...own, CORRAL_SANDBOX_DESKTOP: 'false' };
});
afterEach(async () => {
  await corral('down', '--remove'); // sandboxes outlive their server
  await removeFolder(folder);
});

const corral = async (...args: string[]) => {
  const program = [...packageJson.serverProcess.flags, serverProgram(), ...args];
  const { code, out: stdout, err: stderr } = await outcomeOf(process.execPath, program, { env });
  return { code, stdout, stderr };
};
const headers = { 'content-type': 'application/json' };
const health = () =>
  fetch(`${url}/health`).then(
    ({ status }) => status,
    () => 0,
  );

test('up returns once the server answers, drain keeps new sessions away from it, and down ends it', async () => {
  const up = await corral('up');
  expect(up).toMatchObject({ code: 0, stdout: expect.stringContaining(`Corral is running at ${url} (process `) });
  expect(await health()).toBe(200);
  const pid = Number(await readFile(join(folder, 'data/server.pid'), 'utf8'));
  expect(up.stdout).toContain(`process ${pid}`);
  const log = join(folder, 'data/server.log');
  expect([up.stdout.includes(log), (await stat(log)).mode & 0o777]).toEqual([true, 0o600]);
  expect((await corral('up')).stdout).toBe(`Corral is already running at ${url} (process ${pid}).\n`);

  const create = async () => (await fetch(`${url}/trpc/sessions.create`, { method: 'POST' })).status;
  const alive = async () => await (await fetch(`${url}/healthz`)).json();
  expect(await corral('drain')).toMatchObject({ code: 0, stdout: 'draining; 0 active sessions continue\n' });
  expect([await create(), await alive()]).toEqual([503, { status: 'alive', draining: true }]);
  expect((await corral('doctor')).stdout).toMatch(/^drain +the server takes no new sessions/m);
  expect(await corral('undrain')).toMatchObject({ code: 0, stdout: 'takes new sessions\n' });
  expect([await create(), await alive()]).toEqual([200, { status: 'alive', draining: false }]);
  const { items } = (await (await fetch(`${url}/trpc/sessions.list`)).json()).result.data;
  for (const { id } of items)
    await fetch(`${url}/trpc/sessions.delete`, { method: 'POST', body: JSON.stringify({ id }), headers });

  expect(await corral('down')).toEqual({ code: 0, stdout: 'The server has stopped.\n', stderr: '' });
  expect(await health()).toBe(0);
  expect((await corral('down')).stdout).toContain('No server is running on');
});

test('down --remove deletes sessions and data folder, and needs the server for it', { tags: ['nightly'] }, async () => {
  expect((await corral('down', '--remove')).stderr).toContain('Start it with corral up');
  await corral('up');
  expect((await fetch(`${url}/trpc/sessions.create`, { method: 'POST' })).status).toBe(200);
  const { stdout } = await corral('down', '--remove');
  expect(stdout).toContain('1 sessions and 0 volumes were deleted.');
  await expect(stat(join(folder, 'data'))).rejects.toThrow('ENOENT');
});

test('a failed start shows the end of the log', { tags: ['nightly'] }, async () => {
  const other = createServer().listen(Number(new URL(url).port), '127.0.0.1');
  await once(other, 'listening');
  await using _closed = { [Symbol.asyncDispose]: async () => void other.close() };
  const { code, stderr } = await corral('up');
  expect([code, stderr]).toEqual([1, expect.stringContaining('The server did not start.')]);
  expect(stderr).toContain(new URL(url).port);
});
