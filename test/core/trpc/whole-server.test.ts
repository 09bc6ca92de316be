import { expect, test } from 'vitest';
import { createCorralClient } from '../../../src/client/index.ts';
import { fence } from '../../support/clients/api.ts';
import { followEvents, openClient, transports } from '../../support/clients/trpc.ts';
import { composedServer } from '../../support/servers/composed.ts';

test.each(transports)('a session on the real core is watched over %s from creation to deletion', async (transport) => {
  await using server = await composedServer();
  using client = openClient(server.url, transport);
  const news: string[] = [];
  const started = Promise.withResolvers<void>();
  client.sessions.watch.subscribe(undefined, {
    onStarted: () => started.resolve(),
    onData: ({ type, session }) => void news.push(`${type} ${session.status} ${session.title} ${session.favorite}`),
  });
  await started.promise;

  const project = await client.projects.create.mutate({ name: 'Harvest' });
  const { id, projectId } = await client.sessions.create.mutate({ title: 'First', projectId: project.id });
  expect(projectId).toBe(project.id);
  const sessionId = id;
  const following = followEvents(client, { sessionId, lastEventId: '0' });
  const sent = await client.runs.send.mutate({ sessionId, text: fence('sh', 'echo hi'), clientMessageId: 'm-1' });
  expect(await client.runs.send.mutate({ sessionId, text: fence('sh', 'echo hi'), clientMessageId: 'm-1' })).toEqual(
    sent,
  );
  await expect
    .poll(() => following.items.find(({ type }) => type === 'run.end'), { timeout: 45_000 })
    .toMatchObject({ runId: sent.runId, data: { status: 'completed' } });
  const { events, lastSeq } = await client.events.list.query({ sessionId, limit: 1_000 });
  expect(following.items.slice(0, events.length)).toEqual(events);
  expect(following.seqs().slice(0, lastSeq)).toEqual(Array.from({ length: lastSeq }, (_, n) => n + 1));

  expect(await client.sandbox.status.query({ sessionId })).toMatchObject({ id: `sbx-${id}`, state: 'running' });
  await client.files.write.mutate({ sessionId, path: 'sub/a.txt', content: 'häi\n' });
  const expected = { path: 'sub/a.txt', content: 'häi\n' };
  expect(await client.files.read.query({ sessionId, path: 'sub/a.txt' })).toEqual(expected);
  expect((await client.files.list.query({ sessionId, path: 'sub' })).items).toMatchObject([
    { name: 'a.txt', type: 'file', size: 5 },
  ]);
  expect(await client.files.find.query({ sessionId, pattern: '*.txt' })).toEqual({
    matches: ['sub/a.txt'],
    truncated: false,
  });
  expect(await client.sandbox.exec.mutate({ sessionId, command: 'cat a.txt', cwd: 'sub' })).toEqual({
    exitCode: 0,
    stdout: 'häi\n',
    stderr: '',
    timedOut: false,
    truncated: false,
    wholeIn: {},
  });

  await client.sessions.update.mutate({ id, title: 'Second', favorite: true });
  await expect.poll(() => news).toContain('changed completed Second true');
  expect((await client.sessions.list.query({ projectId: project.id })).items.map((one) => one.id)).toEqual([id]);
  expect(await client.sandbox.stop.mutate({ sessionId })).toMatchObject({ state: 'stopped' });
  await client.projects.delete.mutate({ id: project.id });
  expect(await following.ended).toBe('complete');
  await expect.poll(() => news.at(-1)).toBe('deleted completed Second true');
  expect(news.filter((one) => one.startsWith('deleted'))).toHaveLength(1);
  expect(server.lines.filter(({ level }) => level === 'error')).toEqual([]);
});

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
