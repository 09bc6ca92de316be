// @module-tag all
import { expect } from 'vitest';
import { fakeKey } from '../../support/agents/fake-models/server.ts';
import type { FakeRequest } from '../../support/agents/fake-models/wire-format.ts';
import { modelServer } from '../../support/agents/model-server.ts';
import { testRows } from '../../support/runner/tags.ts';

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
  await using it = await modelServer({ wire, replies: reply });
  const session = await it.session();
  await session.send('Please greet me');
  await session.reaches('run.end');
  expect(session.of('run.end')).toMatchObject([{ data: { status: 'completed' } }]);
  expect(session.of('title').map(({ data }) => data.title)).toEqual(['Say hi']);
  expect(it.provider.refusals).toEqual([]);
  const thoughts = session.of('usage').map(({ data }) => data.thoughts);
  expect(thoughts).toEqual(['A plan first.', 'Both.', undefined, undefined]);
  if (wire === 'openai') expect(it.provider.requests.map(({ body }) => body.prompt_cache_key)).not.toContain(undefined);
  expect(JSON.stringify([session.log(), it.lines])).not.toContain(fakeKey);
});
