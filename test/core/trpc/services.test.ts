import { expect, test } from 'vitest';
import { createCorralClient } from '../../../src/client/index.ts';
import { composedServer } from '../../support/servers/composed.ts';

test('a driver without services refuses them by name when a session is created, and so is a compose file that asks for more', async () => {
  await using server = await composedServer({ CORRAL_SANDBOX_SERVICE_IMAGES: 'redis:7' });
  using corral = createCorralClient({ url: server.url, transport: 'sse' });
  const services = { redis: { image: 'redis:7', ports: [6379] } };
  const refused = (input: object) =>
    corral.sessions.create.mutate(input).then(
      () => 'made',
      (error: Error) => error.message,
    );
  expect(await refused({ services })).toMatch(/services: the driver memory cannot run redis next to a sandbox here/);
  expect(await refused({ compose: 'services: {redis: {image: "redis:7", privileged: true}}' })).toMatch(
    /services\.redis\.privileged/,
  );
  expect(await refused({ compose: 'services: &a {redis: *a}' })).toMatch(/must be YAML without aliases/);
  expect(await refused({ services, compose: 'services: {}' })).toMatch(/are alternatives/);
  const reply = await fetch(`${server.url}/api/v1/sessions`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ services: { redis: { image: 'redis:7', volumes: ['/:/host'] } } }),
  });
  expect(`${reply.status} ${await reply.text()}`).toMatch(/^4\d\d .*volumes/);
  expect((await corral.sessions.list.query({})).items).toEqual([]);
});
