import { expect, test } from 'vitest';
import { needs } from '../../support/servers/components.ts';
import { key, serverWith } from './programs.ts';

test('a call that waits for its result is answered after the server was killed', async (context) => {
  await needs(context, 'bubblewrap');
  await using it = await serverWith('anthropic');
  const { server } = it;
  const ask = async (method: string, path: string, body?: object) => {
    const headers = { 'x-api-key': key, 'content-type': 'application/json' };
    const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
    // biome-ignore lint/suspicious/noExplicitAny: read by assertions
    return (await (await fetch(`${server.url}/anthropic/v1${path}`, init)).json()) as any;
  };
  const input_schema = { type: 'object', properties: {} };
  const tools = [{ type: 'custom', name: 'get_weather', description: 'Weather of a city', input_schema }];
  const agent = await ask('POST', '/agents', { model: 'claude-sonnet-5-5', name: 'Weather', tools });
  const { id } = await ask('POST', '/environments', { name: 'plain' });
  const session = await ask('POST', '/sessions', {
    agent: agent.id,
    environment_id: id,
    initial_events: [{ type: 'user.message', content: [{ type: 'text', text: 'weather: Oslo' }] }],
  });
  const events = async () => (await ask('GET', `/sessions/${session.id}/events`)).data;
  const last = async () => (await events()).at(-1);
  await expect.poll(async () => (await last())?.stop_reason?.type).toBe('requires_action');
  const before = await events();
  server.kill('SIGKILL');
  await server.restart();
  expect(await events()).toEqual(before);
  const [use] = before.filter(({ type }: { type: string }) => type === 'agent.custom_tool_use');
  const answer = {
    type: 'user.custom_tool_result',
    custom_tool_use_id: use.id,
    content: [{ type: 'text', text: 'sun' }],
  };
  const { data } = await ask('POST', `/sessions/${session.id}/events`, { events: [answer] });
  await expect.poll(async () => (await last()).stop_reason?.type).toBe('end_turn');
  const after = await events();
  expect(after.slice(0, before.length)).toEqual(before);
  expect(after[before.length]).toMatchObject({ id: data[0].id, type: 'user.custom_tool_result' });
  expect(after.findLast(({ type }: { type: string }) => type === 'agent.message').content[0].text).toBe(
    'The result is: sun',
  );
});
