// @module-tag nightly
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { api, fence } from '../../support/clients/api.ts';
import { needs } from '../../support/servers/components.ts';
import { serverProcess } from '../../support/servers/server-process.ts';

test('F002 a server with an in-memory store warns at start, and starts empty after kill -9', async (context) => {
  await needs(context, 'bubblewrap');
  await using server = await serverProcess({ CORRAL_HISTORY: 'memory', CORRAL_DRIVER: 'process' });
  expect(server.output()).toContain('every session is lost when the server stops');
  const before = api(server.url);
  const id = await before.create();
  await before.chat(id, fence('sh', 'sleep 600 & echo left'));
  const sandboxes = async () => (await readdir(join(server.data, 's'))).filter((name) => name.startsWith('sbx-'));
  expect(await sandboxes()).toHaveLength(1);

  server.kill('SIGKILL');
  await server.restart();
  expect((await api(server.url).ask('GET', '')).body.data).toEqual({ sessions: [] });
  expect((await api(server.url).get(id)).status).toBe(404);
  expect(await readdir(server.data)).not.toContain('corral.db');
  // No server claims the sandbox, so it ends after the grace period.
  await expect.poll(sandboxes, { interval: 500 }).toEqual([]);
});
