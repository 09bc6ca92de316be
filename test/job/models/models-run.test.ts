// @module-tag all
import { expect } from 'vitest';
import { fakeKey, fakeProvider } from '../../support/agents/fake-models/server.ts';
import { fakeSettings } from '../../support/agents/fake-models/settings.ts';
import type { FakeRequest } from '../../support/agents/fake-models/wire-format.ts';
import { openStream } from '../../support/clients/sse-client.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { testRows } from '../../support/runner/tags.ts';
import { composedServer } from '../../support/servers/composed.ts';

// The real server with a provider's wire format behind it, from a message to the end of its run.

function reply({ body }: FakeRequest) {
  const prompt = JSON.stringify(body);
  if (!prompt.includes('Greeting at once.')) {
    const args = { title: 'Say hi', steps: ['Greet'], acknowledgement: 'Greeting at once.' };
    return { reasoning: 'A plan first.', calls: [{ name: 'make_plan', args }] };
  }
  const exec = (id: string) => ({ name: 'shell_exec', args: { id, command: `echo hi from ${id}` } });
  if (!prompt.includes('hi from one')) return { reasoning: 'Both.', calls: [exec('one'), exec('two')] };
  return { text: 'It printed hi.' };
}

testRows(['openai', 'anthropic', 'compatible'])('a run with %s plans, works in a sandbox and sums up', async (wire) => {
  await using provider = await fakeProvider(wire, reply);
  await using server = await composedServer(fakeSettings(wire, provider.url));
  const sessions = `${server.url}/api/v1/sessions`;
  const made = (await (await fetch(sessions, { method: 'PUT' })).json()) as { data: { session_id: string } };
  const body = { message: 'Please greet me' };
  using stream = await openStream(`${sessions}/${made.data.session_id}/chat`, { method: 'POST', body });
  await stream.ended;
  const client = openClient(server.url, 'sse');
  const { events: log } = await client.events.list.query({ sessionId: made.data.session_id, limit: 1_000 });
  client.close();
  await fetch(`${sessions}/${made.data.session_id}`, { method: 'DELETE' });
  const events = stream.events();
  expect(
    events.map(({ event }) => event),
    stream.raw(),
  ).toContain('done');
  expect(events.filter(({ event }) => event === 'title').map(({ data }) => data)).toMatchObject([{ title: 'Say hi' }]);
  expect(provider.refusals).toEqual([]);
  const thoughts = log.flatMap((it) => (it.type === 'usage' ? [it.data.thoughts] : []));
  expect(thoughts).toEqual(['A plan first.', 'Both.', undefined, undefined]);
  if (wire === 'openai') expect(provider.requests.map(({ body }) => body.prompt_cache_key)).not.toContain(undefined);
  expect(stream.raw() + JSON.stringify(server.lines)).not.toContain(fakeKey);
});
