// The same faults through the wire format of each provider, on a whole server.
import { expect } from 'vitest';
import { fakeProvider } from '../../support/agents/fake-models/server.ts';
import { fakeSettings, wireNames } from '../../support/agents/fake-models/settings.ts';
import type { FakeReply, FakeRequest, WireName } from '../../support/agents/fake-models/wire-format.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { testRows } from '../../support/runner/tags.ts';
import { composedServer } from '../../support/servers/composed.ts';

const planArgs = { title: 'Work', steps: ['Go on'], acknowledgement: 'Going on.' };
const isPlanned = ({ body }: FakeRequest) => JSON.stringify(body).includes('Going on.');
const list: FakeReply = { calls: [{ name: 'file_list', args: { path: '/workspace' } }] };

/** A session whose model answers every turn after the plan so, until its status is this one. */
async function restsAs(status: string, { wire, reply, more = {} }: ProviderCase) {
  await using provider = await fakeProvider(wire, (request, n) =>
    isPlanned(request) ? reply(n) : { calls: [{ name: 'make_plan', args: planArgs }] },
  );
  await using server = await composedServer({ ...fakeSettings(wire, provider.url), ...more });
  using client = openClient(server.url, 'ws');
  const { id } = await client.sessions.create.mutate({ task: 'Please work' });
  const now = async () => (await client.sessions.get.query({ id })).status;
  await expect.poll(now).toBe(status);
  const { events } = await client.events.list.query({ sessionId: id, limit: 1_000 });
  return { events, requests: provider.requests.length, refusals: provider.refusals };
}
interface ProviderCase {
  readonly wire: WireName;
  readonly reply: (n: number) => FakeReply;
  readonly more?: Record<string, string>;
}

testRows(wireNames)('F083 a run with %s that makes no progress gets one hint and then waits', async (wire) => {
  const { events, refusals } = await restsAs('waiting', { wire, reply: () => list });
  const stuck = events.filter((event) => event.type === 'run.notice' && event.data.kind === 'stuck');
  expect(stuck).toHaveLength(1);
  expect(events.filter(({ type }) => type === 'tool.called').length).toBeLessThan(20);
  expect(refusals).toEqual([]);
});

testRows(wireNames)('F084 a run with %s waits when its budget of tokens is spent, and says so', async (wire) => {
  const reply = (n: number): FakeReply => ({
    calls: [{ name: 'shell_exec', args: { id: 'a', command: `echo ${n}` } }],
  });
  const more = { CORRAL_RUN_TOKEN_BUDGET: '400' };
  const { events, refusals } = await restsAs('waiting', { wire, reply, more });
  const wait = events.find((event) => event.type === 'run.wait');
  expect(wait?.data).toMatchObject({ question: expect.stringMatching(/tokens?/i) });
  expect(refusals).toEqual([]);
});

testRows(wireNames)('F081 a run with %s whose replies stay empty is nudged, and then waits', async (wire) => {
  const { events, refusals } = await restsAs('waiting', { wire, reply: () => ({ text: '' }) });
  expect(events.filter(({ type }) => type === 'run.wait')).toHaveLength(1);
  expect(refusals).toEqual([]);
});
