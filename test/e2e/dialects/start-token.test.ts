import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { serverProcess } from '../../support/server-process.ts';
import { temporaryFolder } from '../../support/store.ts';

const bare = {
  CORRAL_DRIVER: 'process',
  PATH: '/nowhere', // no bubblewrap
  CORRAL_MODEL: 'gemini/some-model',
  GEMINI_API_KEY: 'a-key',
  CORRAL_MODELS_GEMINI_BASE_URL: 'http://127.0.0.1:9',
};
const sessions = async (url: string, token?: string) =>
  (await fetch(`${url}/sessions${token === undefined ? '' : `?token=${token}`}`)).status;

test('a server whose sandboxes could reach it makes a token at its first start, which later starts know', async () => {
  await using server = await serverProcess({ ...bare, CORRAL_UNCONFINED: '1' });
  const [, token] = /Open http:\S+\/\?token=(\S+)/.exec(server.output()) ?? [];
  expect(token).toMatch(/^[\w-]{43,}$/);
  expect([await sessions(server.url), await sessions(server.url, token)]).toEqual([401, 200]);
  server.kill('SIGTERM');
  await server.restart();
  expect([await sessions(server.url), await sessions(server.url, token)]).toEqual([401, 200]);
  await expect.poll(() => server.output()).toContain('The token in the link that the first start printed');
  expect(server.output()).not.toContain(token);
});

test('a real model without walls is refused, and the demo model works and says what it lacks', async () => {
  using folder = temporaryFolder();
  const env = { ...bare, PORT: '0', CORRAL_DATA_DIR: join(folder.path, 'data') };
  const start = promisify(execFile)(process.execPath, ['src/main.ts'], { env, timeout: 60_000 });
  await expect(start).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/isolation.*CORRAL_UNCONFINED=1/),
  });
  await using server = await serverProcess({ ...bare, CORRAL_MODEL: 'demo' });
  expect(await sessions(server.url)).toBe(200);
  expect(server.output()).toContain('sandboxes have NO isolation');
});
