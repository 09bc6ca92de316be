import { expect, test } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { call } from '../../support/clients/call.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { type ComposedServer, composedServer } from '../../support/servers/composed.ts';

const token = 'the-token-of-the-server';

const post = async (server: ComposedServer, path: string, body: object) => {
  const { status, text } = await call('POST', server.url + path, { body });
  return { status, text };
};

async function shared(files = false) {
  const server = await composedServer({ CORRAL_TOKEN: token });
  const client = openClient(server.url, 'sse', token);
  const { id: sessionId } = await client.sessions.create.mutate({ title: 'Harvest' });
  const text = `Pick apples\n${fence('sh', 'echo secret-output; echo in-the-file > a.txt')}`;
  const goal = { checks: [{ command: 'echo output-of-the-check; exit 1' }], maxRevisions: 0 };
  await client.runs.send.mutate({ sessionId, text, goal });
  await expect.poll(async () => (await client.sessions.get.query({ id: sessionId })).status).toBe('completed');
  const link = await client.shares.create.mutate({ sessionId, hours: 1, files });
  const read = (input = link.token) => post(server, '/api/v1/shared', { token: input });
  return {
    server,
    client,
    sessionId,
    link,
    read,
    async [Symbol.asyncDispose]() {
      client.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

test('a link shows the conversation and the plan without a credential, and no output of tools', async () => {
  await using it = await shared();
  const { status, text } = await it.read();
  expect(status).toBe(200);
  const { session, events, files } = JSON.parse(text);
  expect(session).toMatchObject({ title: 'Harvest', status: 'completed' });
  expect(files).toBe(false);
  const types = new Set(events.map(({ type }: { type: string }) => type));
  for (const type of ['message.user', 'message.assistant', 'plan', 'run.end']) expect(types).toContain(type);
  for (const type of ['tool.called', 'tool.output', 'tool.calling', 'usage']) expect(types).not.toContain(type);
  // The reason in a goal's result can contain a command's output.
  expect((await it.client.sessions.get.query({ id: it.sessionId })).outcome?.goal).toBeDefined();
  for (const hidden of ['output-of-the-check', '"goal"']) expect(text).not.toContain(hidden);
  const page = await fetch(`${it.server.url}/shared`);
  expect(page.status).toBe(200);
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
});

test('a link shows no call that waits for an approval, from wherever it is read', async () => {
  await using server = await composedServer({ CORRAL_TOKEN: token, CORRAL_APPROVALS_TOOLS: 'shell_exec' });
  using client = openClient(server.url, 'sse', token);
  const { id: sessionId } = await client.sessions.create.mutate({});
  await client.runs.send.mutate({ sessionId, text: `Try it\n${fence('sh', 'echo $((6 * 7))')}` });
  await expect.poll(async () => (await client.sessions.get.query({ id: sessionId })).status).toBe('waiting');
  const link = await client.shares.create.mutate({ sessionId, hours: 1, files: false });
  for (let after = 0; after < 30; after++) {
    const { events } = JSON.parse((await post(server, '/api/v1/shared', { token: link.token, after })).text);
    const told = events.filter(({ type }: { type: string }) => !['message.user', 'run.started'].includes(type));
    expect(JSON.stringify(told)).not.toContain('6 * 7');
  }
});

test('a link that was revoked, has expired, is wrong, or whose session was deleted gives one and the same answer', async () => {
  await using it = await shared();
  const { client, sessionId, link, server } = it;
  const wrong = await it.read(`${link.token.slice(0, -1)}${link.token.endsWith('A') ? 'B' : 'A'}`);
  expect(wrong.status).toBe(404);
  expect([await it.read('nothing'), await it.read(`${'f'.repeat(16)}${link.token.slice(16)}`)]).toEqual([wrong, wrong]);
  const expired = await server.core.services.shares.create(sessionId as never, { lifeMs: 0, files: false });
  expect(await it.read(expired.token)).toEqual(wrong);
  expect((await client.shares.list.query({ sessionId })).map(({ id }) => id)).toEqual([link.id]);
  const other = await client.shares.create.mutate({ sessionId });
  await client.shares.revoke.mutate({ sessionId, id: link.id });
  expect([await it.read(), (await it.read(other.token)).status]).toEqual([wrong, 200]);
  await client.sessions.delete.mutate({ id: sessionId });
  expect(await it.read(other.token)).toEqual(wrong);
});

test('a link shows files only where its maker allowed that', async () => {
  await using plain = await shared();
  const body = { token: plain.link.token, path: 'a.txt' };
  expect((await post(plain.server, '/api/v1/shared/file', body)).status).toBe(403);
  expect((await post(plain.server, '/api/v1/shared/files', { token: plain.link.token })).status).toBe(403);
  await using open = await shared(true);
  const file = await post(open.server, '/api/v1/shared/file', { token: open.link.token, path: 'a.txt' });
  expect(JSON.parse(file.text)).toEqual({ path: 'a.txt', content: 'in-the-file\n' });
  const bytes = { token: open.link.token, path: 'a.txt', encoding: 'base64' };
  expect((await post(open.server, '/api/v1/shared/file', bytes)).text).toContain(btoa('in-the-file\n'));
  const outside = await post(open.server, '/api/v1/shared/file', { token: open.link.token, path: '../../etc/passwd' });
  expect(outside.status).toBe(400);
});
