import { expect, test } from 'vitest';
import type { CorralClient } from '../../../src/client/index.ts';
import { api, fence } from '../../support/clients/api.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { problemsOf } from '../../support/hostile/checker.ts';
import { composedServer } from '../../support/servers/composed.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const guarded = { CORRAL_APPROVALS_TOOLS: 'shell_exec' };

async function eventsOf(client: CorralClient, sessionId: string) {
  return (await client.events.list.query({ sessionId, limit: 1_000 })).events;
}
/** The newest call that requested permission. */
async function responseTo(client: CorralClient, sessionId: string, count = 1) {
  const requests = async () =>
    (await eventsOf(client, sessionId)).flatMap((event) => (event.type === 'approval.requested' ? [event] : []));
  await expect.poll(async () => (await requests()).length).toBe(count);
  const newest = (await requests()).at(-1);
  if (!newest) throw new Error('nothing was requested');
  return newest.data;
}
const rests = (client: CorralClient, id: string) =>
  expect.poll(async () => (await client.sessions.get.query({ id })).status).toBe('completed');
async function calls(client: CorralClient, sessionId: string) {
  return (await eventsOf(client, sessionId)).flatMap((event) =>
    event.type === 'tool.called' ? [{ success: event.data.success, output: event.data.output }] : [],
  );
}

async function asking(server: { url: string }, task = fence('sh', 'echo made')) {
  const client = openClient(server.url, 'sse');
  const { id: sessionId } = await client.sessions.create.mutate({});
  await client.runs.send.mutate({ sessionId, text: task });
  return { client, sessionId, ...(await responseTo(client, sessionId)), [Symbol.dispose]: () => client.close() };
}

test('F113 a listed tool waits for approval; an approved call runs, and a second decision is a conflict', async () => {
  await using server = await composedServer(guarded);
  using it = await asking(server);
  const { client, sessionId, callId } = it;
  expect(it).toMatchObject({ function: 'shell_exec', args: { command: 'echo made' } });
  expect(it.expiresAt).toBeGreaterThan(Date.now() + 500_000);
  expect(await calls(client, sessionId)).toEqual([]);
  expect((await client.sessions.get.query({ id: sessionId })).status).toBe('waiting');
  const both = await Promise.allSettled([
    client.runs.approve.mutate({ sessionId, callId }),
    client.runs.approve.mutate({ sessionId, callId }),
  ]);
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  await rests(client, sessionId);
  expect(await calls(client, sessionId)).toEqual([{ success: true, output: 'made\n' }]);
  await expect(client.runs.reject.mutate({ sessionId, callId })).rejects.toMatchObject({
    data: { code: 'CONFLICT', httpStatus: 409 },
  });
  const events = await eventsOf(client, sessionId);
  const types = events.map(({ type }) => type);
  expect(types.indexOf('approval.requested')).toBeLessThan(types.indexOf('run.wait'));
  expect(types.indexOf('approval.resolved')).toBeLessThan(types.indexOf('tool.calling'));
  const expected = { callId, decision: 'approved', by: 'user' };
  expect(events.find(({ type }) => type === 'approval.resolved')?.data).toEqual(expected);
  expect(problemsOf(events as never)).toEqual([]);
});

test('F113 in the other facades the run asks in text, and a text answer approves or rejects', async () => {
  await using server = await composedServer(guarded);
  const sheikhbox = api(server.url);
  using client = openClient(server.url, 'sse');
  const id = await sheikhbox.create();
  const first = await sheikhbox.chat(id, `${fence('sh', 'echo one')}\n${fence('sh', 'echo two')}`);
  const reply = first.flatMap(({ event, data }) => (event === 'message' ? [String(data.content)] : []));
  expect(reply.at(-1)).toMatch(/Allow shell_exec\?[\s\S]*echo one[\s\S]*"approve"/);
  expect(first.map(({ event }) => event)).toContain('wait');
  expect(first.map(({ event }) => event)).not.toContain('approval.requested');
  await sheikhbox.chat(id, 'Approve.');
  await sheikhbox.chat(id, 'no, leave that');
  await rests(client, id);
  expect(await calls(client, id)).toEqual([
    { success: true, output: 'one\n' },
    { success: false, output: expect.stringContaining('no, leave that') },
  ]);
});

test('F113 a person changes the arguments of a call before it runs, and the model is notified', async () => {
  await using server = await composedServer(guarded);
  using it = await asking(server);
  const { client, sessionId, callId } = it;
  await client.runs.approve.mutate({ sessionId, callId, args: { ...it.args, command: 'echo changed' } });
  await rests(client, sessionId);
  expect(await calls(client, sessionId)).toEqual([{ success: true, output: 'changed\n' }]);
  const seen = JSON.stringify(await client.sessions.promptAt.query({ id: sessionId }));
  expect(seen).toContain('The user changed the arguments of this call');
});

test('F113 a tool that is permitted always asks no more in its session, also after a restart, and asks in another', async () => {
  using folder = temporaryFolder();
  {
    await using server = await composedServer(guarded, folder.path);
    using it = await asking(server);
    await it.client.runs.approve.mutate({ sessionId: it.sessionId, callId: it.callId, always: true });
    await rests(it.client, it.sessionId);
  }
  await using server = await composedServer(guarded, folder.path);
  const client = openClient(server.url, 'sse');
  const [session] = (await client.sessions.list.query()).items;
  const sessionId = session?.id ?? '';
  await client.runs.send.mutate({ sessionId, text: fence('sh', 'echo again') });
  await expect.poll(async () => (await calls(client, sessionId)).length).toBe(2);
  using other = await asking(server);
  expect(other.function).toBe('shell_exec');
  client.close();
});
