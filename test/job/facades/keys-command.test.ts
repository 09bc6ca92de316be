// @module-tag nightly
import { expect, test } from 'vitest';
import { serverCommand } from '../../support/servers/program-outcome.ts';
import { serverProcess } from '../../support/servers/server-process.ts';

test('the keys command works while no server runs, and through a running server', async () => {
  await using server = await serverProcess({ CORRAL_DRIVER: 'memory' });
  const keys = (...args: string[]) => serverCommand(['keys', ...args], { CORRAL_DATA_DIR: server.data });
  const status = async (key?: string) => {
    const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
    return (await fetch(`${server.url}/sessions`, { headers })).status;
  };

  const { err } = await keys('list');
  expect(err).toMatch(/There are no keys/);
  expect(await status()).toBe(200);

  server.kill('SIGTERM');
  await server.exit;
  expect((await keys('rotate-sandbox', '0123456789abcdef')).err).toMatch(/No server is running on this data folder/);
  const { out } = await keys('create', '--role', 'admin', '--name', 'root', '--expires', '30d');
  const key = out.trim();
  expect(key).toMatch(/^crl_[0-9a-f]{12}_[\w-]{43}$/);
  await server.restart();
  expect([await status(), await status(key)]).toEqual([401, 200]);

  const listed = await keys('list'); // with the token that the server left for this user's commands
  expect([listed.code, listed.out]).toEqual([0, expect.stringMatching(/admin +active .* root/)]);

  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const made = await fetch(`${server.url}/api/v1/sessions`, { method: 'PUT', headers, body: '{}' });
  const { data } = (await made.json()) as { data: { session_id: string } };
  const rotated = await keys('rotate-sandbox', data.session_id);
  expect([rotated.code, rotated.out]).toEqual([0, expect.stringContaining(`${data.session_id} were replaced`)]);
});
