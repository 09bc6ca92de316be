// @module-tag all
import { request } from 'node:http';
import { expect, test } from 'vitest';
import { openWebSocket } from '../support/clients/sockets.ts';
import { freePort } from '../support/servers/free-port.ts';
import { serverProcess } from '../support/servers/server-process.ts';

test('CORRAL_EXTRA_PORTS, CORRAL_ALLOWED_HOSTS, CORRAL_CORS_ORIGINS, CORRAL_MAX_BODY_BYTES and CORRAL_RATE_LIMIT_PER_MINUTE apply to every port', async () => {
  const extra = await freePort();
  await using server = await serverProcess({
    CORRAL_DRIVER: 'memory',
    CORRAL_EXTRA_PORTS: `${extra}`,
    CORRAL_ALLOWED_HOSTS: 'corral.test',
    CORRAL_CORS_ORIGINS: 'https://pages.example',
    CORRAL_MAX_BODY_BYTES: '1000',
    CORRAL_RATE_LIMIT_PER_MINUTE: '77',
  });
  for (const url of [server.url, `http://127.0.0.1:${extra}`]) {
    const responseTo = (headers: Record<string, string>) =>
      new Promise<{ status: number | undefined; headers: Record<string, unknown> }>((resolve, reject) => {
        const outgoing = request(`${url}/sessions`, { headers });
        outgoing.on('response', (answer) => {
          answer.resume();
          resolve({ status: answer.statusCode, headers: answer.headers });
        });
        outgoing.on('error', reject).end();
      });
    expect((await responseTo({ host: 'corral.test:81' })).status).toBe(200);
    expect((await responseTo({ host: 'other.test' })).status).toBe(403);
    const page = await responseTo({ origin: 'https://pages.example' });
    expect(page.headers).toMatchObject({
      'access-control-allow-origin': 'https://pages.example',
      'ratelimit-limit': '77',
    });
    expect((await responseTo({ origin: 'http://localhost:3000' })).headers).not.toHaveProperty(
      'access-control-allow-origin',
    );
    const large = await fetch(`${url}/trpc/sessions.create`, { method: 'POST', body: `"${'x'.repeat(1_000)}"` });
    expect(large.status).toBe(413);
    const socket = await openWebSocket(`${url.replace('http', 'ws')}/ws?user_id=ann`);
    await expect.poll(() => socket.frames[0]).toMatchObject({ type: 'connected', user_id: 'ann' });
    socket.ws.terminate();
  }
});
