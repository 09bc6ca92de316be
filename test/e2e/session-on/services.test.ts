// A compose file's services in a session, through the server: their life is the session's.
import { expect, onTestFinished, test } from 'vitest';
import { createCorralClient } from '../../../src/client/index.ts';
import { docker } from '../../support/sandboxes/docker.ts';
import {
  askStandIns,
  standInAnswers,
  standInCompose,
  standInImage,
} from '../../support/sandboxes/stand-in-services.ts';
import { needs } from '../../support/servers/components.ts';
import { serverProcess } from '../../support/servers/server-process.ts';

const lines = (text: string) => text.split('\n').filter(Boolean);

test('web, redis and postgres of a compose file work in a session, outlive a killed server, stop and start with the sandbox, and go with the session', {
  timeout: 400_000,
}, async (context) => {
  await needs(context, 'docker');
  const server = await serverProcess({ CORRAL_DRIVER: 'docker', CORRAL_SANDBOX_SERVICE_IMAGES: standInImage });
  using corral = createCorralClient({ url: server.url, transport: 'sse' });
  const { id: sessionId } = await corral.sessions.create.mutate({ compose: standInCompose });
  const { id: other } = await corral.sessions.create.mutate();
  onTestFinished(async () => {
    for (const id of [sessionId, other]) await corral.sessions.delete.mutate({ id }).catch(() => {}); // after a failure
    await server[Symbol.asyncDispose]();
  });
  const remains = async (id: string) => lines(await docker('ps', '-aq', '--filter', `label=corral.session=${id}`));
  const shell = async (id: string, command: string) =>
    (await corral.sandbox.exec.mutate({ sessionId: id, command })).stdout;
  const states = async () =>
    (await corral.sandbox.services.query({ sessionId })).map(({ name, state }) => `${name} ${state}`);

  // The first use waits for the services.
  expect(await shell(sessionId, askStandIns)).toBe(standInAnswers);
  expect(await states()).toEqual(['web running', 'redis running', 'postgres ready']);
  const { events } = await corral.events.list.query({ sessionId, limit: 500 });
  const told = events.flatMap((event) => (event.type === 'sandbox.service' ? [event.data] : []));
  expect(told.map(({ name, kind }) => `${name} ${kind}`).sort()).toEqual([
    'postgres ready',
    'redis ready',
    'web ready',
  ]);
  expect(told.at(-1)).toEqual({ name: 'web', kind: 'ready', detail: 'The service web is ready at web:8080.' });
  expect(await shell(other, 'getent hosts redis; (exec 3<>/dev/tcp/127.0.0.1/6379) 2>&1 | tail -1')).toMatch(/refused/);
  expect(await corral.sandbox.services.query({ sessionId: other })).toEqual([]);

  server.kill('SIGKILL');
  await server.restart();
  expect(await shell(sessionId, askStandIns)).toBe(standInAnswers);

  await corral.sandbox.stop.mutate({ sessionId });
  expect(await states()).toEqual(['web absent', 'redis absent', 'postgres absent']);
  expect(await remains(sessionId)).toEqual([]);
  await corral.sandbox.start.mutate({ sessionId });
  expect(await shell(sessionId, askStandIns)).toBe(standInAnswers);

  expect(await remains(sessionId)).toHaveLength(4);
  await corral.sessions.delete.mutate({ id: sessionId });
  expect(await remains(sessionId)).toEqual([]);
});
