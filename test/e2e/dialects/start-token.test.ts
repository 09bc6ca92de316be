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

/** What a server says that does not start. */
async function refusalOf(settings: Record<string, string>): Promise<string> {
  using folder = temporaryFolder();
  const env = { ...bare, PORT: '0', CORRAL_DATA_DIR: join(folder.path, 'data'), ...settings };
  const start = promisify(execFile)(process.execPath, ['src/main.ts'], { env, timeout: 60_000 });
  const { code, stderr } = await start.then(
    () => ({ code: 0, stderr: '' }),
    (error: { code: number; stderr: string }) => error,
  );
  expect(code).toBe(1);
  return stderr;
}

test('without walls a real model is refused, and so is every address that others can reach', async () => {
  expect(await refusalOf({})).toMatch(/without any isolation.*CORRAL_UNCONFINED=1/);
  const reached = { HOST: '0.0.0.0', CORRAL_TOKEN: 'a-token' };
  expect(await refusalOf({ ...reached, CORRAL_MODEL: 'demo' })).toContain(
    'HOST is 0.0.0.0, which other machines can reach',
  );
  expect(await refusalOf({ ...reached, CORRAL_UNCONFINED: '1' })).toContain('listen on 127.0.0.1');
});

test('the demo model works without walls, and says what it lacks', async () => {
  await using server = await serverProcess({ ...bare, CORRAL_MODEL: 'demo' });
  expect(await sessions(server.url)).toBe(200);
  expect(server.output()).toContain('sandboxes have NO isolation');
});
