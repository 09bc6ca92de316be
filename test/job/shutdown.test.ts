import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { serverProcess } from '../support/servers/server-process.ts';

test('F007 a server that gets SIGTERM with 50 streaming clients ends every stream and exits with 0', async () => {
  await using server = await serverProcess({ CORRAL_DRIVER: 'memory' });
  const api = `${server.url}/api/v1/sessions`;
  const made = (await (await fetch(api, { method: 'PUT' })).json()) as { data: { session_id: string } };
  const open = () => fetch(`${api}/${made.data.session_id}/events`);
  const streams = await Promise.all(Array.from({ length: 50 }, open));
  expect(streams.map(({ status }) => status)).toEqual(Array(50).fill(200));
  server.kill('SIGTERM');
  const texts = await Promise.all(streams.map((stream) => stream.text()));
  for (const stream of texts) expect(stream).toMatch(/^: connected\n\n/);
  expect(await server.exit).toBe(0);
});

test('F007 idle connections do not delay the exit', async () => {
  await using server = await serverProcess({ CORRAL_DRIVER: 'memory' });
  const silent = connect(Number(new URL(server.url).port), '127.0.0.1').on('error', () => {});
  await once(silent, 'connect');
  await fetch(`${server.url}/health`); // after this answer the server has both
  server.kill('SIGTERM');
  expect(await server.exit).toBe(0);
  expect(silent.readyState).not.toBe('opening');
  silent.destroy();
});
