import { expect, test } from 'vitest';
import { probeServer } from '../../../src/app/commands/attack/attack.ts';
import { httpServer } from '../../support/servers/http-server.ts';

test('doctor --attack sends a wrong token, other Hosts, another site and paths out of the workspace', async () => {
  const seen: string[] = [];
  await using server = await httpServer(({ url, headers }, response) => {
    const { authorization = 'no token', host, origin = '' } = headers;
    if (url !== '/trpc') seen.push(`${url} ${authorization} ${host} ${origin}`.trim());
    response.end();
  });
  const about = { url: server.url, token: 't', sessionId: 's', hostFile: '/canary' };
  await probeServer(about, new AbortController().signal);
  const [own, list, file] = [`127.0.0.1:${server.port}`, '/api/v1/sessions', '/api/v1/sessions/s/file Bearer t'];
  expect(seen).toEqual([
    `${list} no token ${own}`,
    `${list} Bearer wrong-on-purpose ${own}`,
    `/health/detailed no token ${own}`,
    `/metrics no token ${own}`,
    `${list} Bearer t evil.example`,
    `${list} no token evil.example`,
    `${list}/ffffffffffffffff/stop Bearer t ${own} http://evil.example`,
    `${list} Bearer t ${own} http://evil.example`,
    `/ no token 3128-s.localhost:${server.port}`,
    ...Array.from({ length: 3 }, () => `${file} ${own}`),
  ]);
});
