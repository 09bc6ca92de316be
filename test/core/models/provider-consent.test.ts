import { expect, test } from 'vitest';
import { fakeProvider } from '../../support/agents/fake-models/server.ts';
import { fakeSettings } from '../../support/agents/fake-models/settings.ts';
import type { FakeRequest } from '../../support/agents/fake-models/wire-format.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { composedServer } from '../../support/servers/composed.ts';

// Gemini's safety decision: the provider requires a person's permission before a call is made.

const why = 'It deletes a file.';
function reply({ body }: FakeRequest) {
  const prompt = JSON.stringify(body);
  if (!prompt.includes('At once.')) {
    const args = { title: 'Clean', steps: ['Delete'], acknowledgement: 'At once.' };
    return { calls: [{ name: 'make_plan', args }] };
  }
  const safety_decision = { decision: 'require_confirmation', explanation: why };
  const args = { id: 'main', command: 'echo made', safety_decision };
  return prompt.includes('Delete') && !/made\\n|Not run/.test(prompt)
    ? { calls: [{ name: 'shell_exec', args }] }
    : { text: 'Over.' };
}

/** A run up to its question, and how it continues after the decision. */
async function asking() {
  await using stack = new AsyncDisposableStack();
  const provider = stack.use(await fakeProvider('gemini', reply));
  const model = { CORRAL_MODEL: 'gemini/gemini-3-flash-preview' };
  const server = stack.use(await composedServer({ ...fakeSettings('gemini', provider.url), ...model }));
  const client = openClient(server.url, 'sse');
  stack.defer(() => client.close());
  const { id: sessionId } = await client.sessions.create.mutate({});
  await client.runs.send.mutate({ sessionId, text: 'Clean up' });
  const events = async () => (await client.events.list.query({ sessionId, limit: 1_000 })).events;
  const requests = async () => (await events()).flatMap((it) => (it.type === 'approval.requested' ? [it.data] : []));
  await expect.poll(async () => (await requests()).length).toBe(1);
  const [requested] = await requests();
  if (!requested) throw new Error('nothing was requested');
  const rests = () =>
    expect.poll(async () => (await client.sessions.get.query({ id: sessionId })).status).toBe('completed');
  const held = stack.move();
  return { provider, client, sessionId, requested, events, rests, [Symbol.asyncDispose]: () => held.disposeAsync() };
}
const functionResponses = (request: FakeRequest | undefined) =>
  (request?.body.contents ?? []).flatMap(({ parts }: { parts: { functionResponse?: object }[] }) =>
    parts.flatMap((part) => part.functionResponse ?? []),
  );

test('a call that the provider wants permitted waits for a person, and the consent goes back with its result', async () => {
  await using it = await asking();
  const { callId } = it.requested;
  const expected = { function: 'shell_exec', args: { id: 'main', command: 'echo made' }, reason: why };
  expect(it.requested).toMatchObject(expected);
  expect(it.requested.args).not.toHaveProperty('safety_decision');
  const waits = (await it.events()).findLast(({ type }) => type === 'run.wait');
  expect(waits?.data).toMatchObject({ reason: 'approval', question: expect.stringContaining(why) });
  await it.client.runs.approve.mutate({ sessionId: it.sessionId, callId });
  await it.rests();
  expect(functionResponses(it.provider.requests.at(-1)).at(-1)).toEqual({
    name: 'shell_exec',
    response: { output: 'made\n', safety_acknowledgement: 'true' },
  });
  expect(it.provider.refusals).toEqual([]);
});

test('a rejected call is not made, no consent is claimed, and the run continues', async () => {
  await using it = await asking();
  await it.client.runs.reject.mutate({ sessionId: it.sessionId, callId: it.requested.callId, text: 'Keep it.' });
  await it.rests();
  const last = JSON.stringify(it.provider.requests.at(-1)?.body.contents);
  expect(last).toContain('Keep it.');
  expect(last).not.toContain('safety_');
  expect((await it.events()).findLast(({ type }) => type === 'tool.called')?.data).toMatchObject({ success: false });
  expect(it.provider.refusals).toEqual([]);
});
