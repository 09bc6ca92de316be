// @module-tag all
import { expect, test } from 'vitest';
import type { LeapingClock } from '../../support/machines/manual-clock.ts';
import { type WorkspaceClient, workspaceServer } from '../../support/workspace.ts';
import { processWorld as world } from '../../support/worlds.ts';

const run = async (client: WorkspaceClient, sessionId: string, command: string): Promise<string> =>
  (await client.run(command, sessionId)).output;
const isRunning = async (id: string) => (await world.running(id)).length > 0;
/**
 * Resolves once this test's advancing of the clock has ended the sandbox's programs. A stop has its own deadline on the
 * same clock, so the steps are large.
 */
const ends = (id: string, { clock }: { readonly clock: LeapingClock }) => {
  let looks = 0;
  return expect.poll(() => (looks++ % 30 === 0 ? clock.leap(60_000) : undefined) ?? isRunning(id)).toBe(false);
};

test("the first command creates the session under the client's name, also one like an id, and the same user and name find it again", async (context) => {
  const server = await workspaceServer(context);
  const client = await server.client('ann');
  expect(await server.sessions()).toEqual([]);
  await Promise.all([
    run(client, 'My.work-1', 'echo one > a'),
    run(await server.client('ann'), 'My.work-1', 'echo two > b'),
  ]);
  const session = await server.session('My.work-1');
  expect(session).toMatchObject({ origin: 'workspace', title: 'My.work-1', status: 'pending' });
  expect(await run(client, 'My.work-1', 'cat a b')).toBe('one\ntwo\n');
  await run(client, '0123456789abcdef', 'true');
  expect((await server.session('0123456789abcdef')).id).not.toBe('0123456789abcdef');
});

test('commands run in order in one workspace, in parallel in others', { tags: ['nightly'] }, async (context) => {
  const server = await workspaceServer(context);
  const client = await server.client('ann');
  await Promise.all([run(client, 'slow', 'true'), run(client, 'quick', 'true')]);
  const seen = client.frames.length;
  client.send({
    type: 'terminal_command',
    sessionId: 'slow',
    command: 'while [ ! -e go ]; do sleep 0.05; done; echo 1',
    requestId: 1,
  });
  client.send({ type: 'save_file', sessionId: 'slow', filename: '../bad', content: '', requestId: 2 });
  client.send({ type: 'execute_code', sessionId: 'slow', code: 'print(open("later").read())', requestId: 3 });
  expect(await run(client, 'quick', 'echo now')).toBe('now\n');
  expect(client.frames.slice(seen).filter(({ sessionId }) => sessionId === 'slow')).toEqual([]);
  const { id } = await server.session('slow');
  const { files } = server.core.services;
  await files.write(id, 'later', 'later', AbortSignal.timeout(60_000));
  await files.write(id, 'go', '', AbortSignal.timeout(60_000));
  await expect
    .poll(() => client.frames.slice(seen).filter(({ sessionId }) => sessionId === 'slow'))
    .toMatchObject([
      { requestId: 1, output: '1\n' },
      { requestId: 2, success: false },
      { requestId: 3, success: true, output: 'later\n' },
    ]);
});

test('a client within a grace finds its processes and folder; then the sandbox stops, and only the files stay', async (context) => {
  const server = await workspaceServer(context);
  const [first, second] = [await server.client('ann'), await server.client('ann')];
  await run(first, 'w', 'echo kept > file; mkdir sub; cd sub; sleep 500 & echo $! > ../pid');
  await run(second, 'w', 'true');
  const { id } = await server.session('w');
  await first.close();
  server.clock.leap(600_000); // the other one still exists
  expect(await run(second, 'w', 'kill -0 $(cat ../pid) && echo alive')).toBe('alive\n');
  await second.close();
  const third = await server.client('ann');
  expect(await run(third, 'w', 'pwd; kill -0 $(cat ../pid) && echo alive')).toBe('/workspace/sub\nalive\n');
  server.clock.leap(600_000);
  expect(await run(third, 'w', 'kill -0 $(cat ../pid) && echo alive')).toBe('alive\n');
  await third.close();
  await ends(id, server);
  await expect.poll(async () => (await server.core.services.sessions.sandbox(id)).state).toBe('stopped');
  const fourth = await server.client('ann');
  expect(await run(fourth, 'w', 'pwd; cat file; ps ax 2>/dev/null | grep -c "[s]leep 500"')).toBe(
    '/workspace\nkept\n0\n',
  );
  expect((await server.session('w')).id).toBe(id);
});

test('commands sent before a disconnect complete', { tags: ['nightly'] }, async (context) => {
  const server = await workspaceServer(context);
  const client = await server.client('ann');
  await run(client, 'w', 'true');
  client.send({ type: 'terminal_command', sessionId: 'w', command: 'until [ -e go ]; do sleep 0.05; done' });
  client.send({ type: 'save_file', sessionId: 'w', filename: 'last', content: 'word' });
  client.send({ type: 'ping', requestId: 'taken' });
  await expect.poll(() => client.frames.some(({ requestId }) => requestId === 'taken')).toBe(true);
  await client.close();
  const { id } = await server.session('w');
  const { files } = server.core.services;
  await files.write(id, 'go', '', AbortSignal.timeout(60_000));
  const last = () => files.read(id, 'last', AbortSignal.timeout(60_000)).then(String, () => 'not yet');
  await expect.poll(last).toBe('word');
});

test('a command that still runs does not keep the sandbox afterwards', { tags: ['nightly'] }, async (context) => {
  const server = await workspaceServer(context);
  const client = await server.client('ann');
  await run(client, 'w', 'echo word > last');
  client.send({ type: 'terminal_command', sessionId: 'w', command: 'sleep 502' });
  client.send({ type: 'ping', requestId: 'taken' });
  await expect.poll(() => client.frames.some(({ requestId }) => requestId === 'taken')).toBe(true);
  await client.close();
  const { id } = await server.session('w');
  await ends(id, server);
  expect(await run(await server.client('ann'), 'w', 'cat last')).toBe('word\n');
});

test('a deleted workspace is empty at the next command', { tags: ['nightly'] }, async (context) => {
  const server = await workspaceServer(context);
  const client = await server.client('ann');
  await run(client, 'w', 'echo x > file; mkdir sub; cd sub');
  const { id } = await server.session('w');
  await server.core.services.sessions.delete(id);
  expect(await run(client, 'w', 'pwd; ls')).toBe('/workspace\n');
  expect((await server.session('w')).id).not.toBe(id);
});

test("another facade's session is opened by its id and not stopped", { tags: ['nightly'] }, async (context) => {
  const server = await workspaceServer(context, { CORRAL_WORKSPACE_GRACE_SECONDS: '0' });
  const { sessions, files } = server.core.services;
  const { id } = await sessions.create({ origin: 'crogia' });
  await files.write(id, 'theirs', 'theirs', AbortSignal.timeout(60_000));
  const client = await server.client('ann');
  expect(await run(client, id, 'sleep 503 & cat theirs')).toBe('theirs');
  expect(await client.ask({ type: 'save_file', sessionId: id, filename: 'ours', content: 'ours' })).toMatchObject({
    success: true,
  });
  await client.close();
  server.clock.leap(600_000);
  expect(String(await files.read(id, 'ours', AbortSignal.timeout(60_000)))).toBe('ours');
  expect(await run(await server.client('ann'), id, 'ps ax | grep -c "[s]leep 503"')).toBe('1\n');
  expect(await sessions.list()).toHaveLength(1);
});

test('direct commands add nothing to the conversation, and start a stopped sandbox again', async (context) => {
  const server = await workspaceServer(context);
  const client = await server.client('ann');
  await run(client, 'w', 'echo hi');
  await client.ask({ type: 'execute_code', sessionId: 'w', code: 'print(1)' });
  await client.ask({ type: 'save_file', sessionId: 'w', filename: 'f', content: 'x' });
  const { id } = await server.session('w');
  const types = new Set<string>();
  for await (const { type } of server.core.services.sessions.history(id)) types.add(type);
  expect([...types].sort()).toEqual(['sandbox.phase', 'session.created', 'title']);
  await server.core.services.sandboxes.stop(id);
  expect(await run(client, 'w', 'cat f')).toBe('x');
});

test('a sandbox that fails to start is an error with the reason', { tags: ['nightly'] }, async (context) => {
  const server = await workspaceServer(context, { CORRAL_MAX_SESSIONS: '1' });
  const client = await server.client('ann');
  await run(client, 'one', 'true');
  const reply = await client.run('true', 'two');
  expect(reply).toMatchObject({ type: 'error', sessionId: 'two', message: expect.any(String) });
  expect(reply.error).toContain('1 sessions');
  expect(await run(client, 'one', 'echo still')).toBe('still\n');
});
