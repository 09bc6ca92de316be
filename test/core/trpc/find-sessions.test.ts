import { expect, test } from 'vitest';
import type { CorralClient } from '../../../src/client/index.ts';
import { fence } from '../../support/clients/api.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { composedServer } from '../../support/servers/composed.ts';

const token = 'the-token-of-the-server';
const idsOf = async (client: CorralClient, query: Parameters<CorralClient['sessions']['list']['query']>[0]) =>
  (await client.sessions.list.query(query)).items.map(({ id }) => id);

async function finished(client: CorralClient, text: string, title?: string): Promise<string> {
  const { id } = await client.sessions.create.mutate({ ...(title && { title }) });
  await client.runs.send.mutate({ sessionId: id, text });
  await expect.poll(async () => (await client.sessions.get.query({ id })).status).toBe('completed');
  return id;
}

test('a search finds a session by its title and by an old message, in any case', async () => {
  await using server = await composedServer();
  using client = openClient(server.url, 'sse');
  const old = await finished(client, `Count the Wombats\n${fence('sh', 'true')}`, 'Zoo');
  await client.runs.send.mutate({ sessionId: old, text: fence('sh', 'echo other') });
  const other = await finished(client, fence('sh', 'true'), 'Wombat farm 100%');
  await finished(client, fence('sh', 'true'), 'Nothing');
  expect((await idsOf(client, { search: 'wombat' })).sort()).toEqual([old, other].sort());
  expect(await idsOf(client, { search: 'the WOMBATS' })).toEqual([old]);
  expect([await idsOf(client, { search: '100%' }), await idsOf(client, { search: 'w_mbat' })]).toEqual([[other], []]);
});

test('a search tells no caller about messages that it cannot read', async () => {
  await using server = await composedServer({ CORRAL_TOKEN: token });
  using admin = openClient(server.url, 'sse', token);
  const key = async (role: 'user' | 'operator') => (await admin.keys.create.mutate({ name: role, role })).key;
  using owner = openClient(server.url, 'sse', await key('user'));
  using stranger = openClient(server.url, 'sse', await key('user'));
  using operator = openClient(server.url, 'sse', await key('operator'));
  const id = await finished(owner, `My secret word is xylophone\n${fence('sh', 'true')}`, 'Plain title');
  expect(await idsOf(owner, { search: 'xylophone' })).toEqual([id]);
  expect(await idsOf(stranger, { search: 'xylophone' })).toEqual([]);
  expect(await idsOf(operator, { search: 'xylophone' })).toEqual([]); // an operator sees titles, but cannot read
  expect(await idsOf(operator, { search: 'plain title' })).toEqual([id]);
});

test('an archived session is distinguished in the list, and comes back', async () => {
  await using server = await composedServer();
  using client = openClient(server.url, 'sse');
  const [{ id }, kept] = [await client.sessions.create.mutate(), await client.sessions.create.mutate()];
  expect(await client.sessions.update.mutate({ id, archived: true })).toMatchObject({ archived: true });
  expect(await idsOf(client, { archived: true })).toEqual([id]);
  expect(await idsOf(client, { archived: false })).toEqual([kept.id]);
  await client.sessions.update.mutate({ id, archived: false });
  expect(await idsOf(client, { archived: true })).toEqual([]);
});

test('many sessions are deleted at once, and those that stayed are named with the reason', async () => {
  await using server = await composedServer();
  using client = openClient(server.url, 'sse');
  const ids = await Promise.all(Array.from({ length: 12 }, async () => (await client.sessions.create.mutate()).id));
  const unknown = 'f'.repeat(16);
  const done = await client.sessions.deleteMany.mutate({ ids: [...ids.slice(1), unknown] });
  expect(done).toEqual({ deleted: ids.slice(1), kept: [{ id: unknown, code: 'session_not_found' }] });
  expect(await idsOf(client, {})).toEqual([ids[0]]);
});
