import { expect, test } from 'vitest';
import { fakeRefs } from '../../support/agents/fake-models/models.ts';
import type { FakeReply, FakeRequest } from '../../support/agents/fake-models/wire-format.ts';
import { modelServer, modelServerProcess, requestText } from '../../support/agents/model-server.ts';
import { openClient } from '../../support/clients/trpc.ts';

// Budgets of runs and sessions, through the whole server, with a provider that counts what reaches it.

const planArgs = { title: 'Work', steps: ['Go on'], acknowledgement: 'Going on.' };
/** Three requests for each run: the plan, the step's result and the answer. */
function threeTurns({ body }: FakeRequest, n: number): FakeReply {
  const prompt = JSON.stringify(body.messages);
  const begin = Math.max(...['First', 'Second', 'Third'].map((task) => prompt.lastIndexOf(task)));
  const isPlanned = prompt.includes('"name":"make_plan"', begin);
  return isPlanned ? { text: `Done ${n}.` } : { calls: [{ name: 'make_plan', args: planArgs }] };
}

test('F084 a request above the budget is never sent; the answer of the user lets it through', async () => {
  const price = { input: 1_000, output: 1_000 };
  await using it = await modelServer({
    wire: 'compatible',
    replies: threeTurns,
    settings: {
      CORRAL_MODELS_CATALOG: JSON.stringify({ [fakeRefs.compatible]: { window: 100_000, price } }),
      CORRAL_RUN_COST_BUDGET: '0.5',
    },
  });
  const session = await it.session();
  await session.send('Please work');
  await session.reaches('run.wait');
  expect(it.provider.requests).toHaveLength(0);
  const { data } = session.of('run.wait')[0] ?? {};
  expect(data).toMatchObject({
    reason: 'budget',
    budget: { scope: 'run', kind: 'cost', limit: 0.5, used: 0, needs: expect.any(Number) },
    spent: { turns: 0, tokens: 0, cost: 0, by: {} },
  });
  expect(data?.budget?.needs).toBeGreaterThan(0.5);
  expect(data?.question).toContain('was not sent');
  await session.send('Go on all the same');
  await session.reaches('run.wait', 2); // the second request also needs more than is left
  expect(it.provider.requests).toHaveLength(1);
  expect(requestText(it.provider.requests[0] as FakeRequest)).toContain('Go on all the same');
  expect(session.of('run.wait')[1]?.data.spent).toMatchObject({
    turns: 1,
    tokens: 162,
    inputTokens: 120,
    outputTokens: 42,
    cachedTokens: 40,
    by: { plan: { turns: 1, tokens: 162 } },
  });
});

test('F084 a person who reached the budget of the day waits, an answer grants nothing, and a raise lets the run continue', async () => {
  await using it = await modelServer({
    wire: 'compatible',
    replies: threeTurns,
    settings: { CORRAL_PERSON_DAY_TOKEN_BUDGET: '100' },
  });
  const session = await it.session();
  await session.send('Please work');
  await session.reaches('run.wait');
  expect(session.of('run.wait')[0]?.data).toMatchObject({
    reason: 'budget',
    budget: { scope: 'person', period: 'day', kind: 'tokens', limit: 100, used: 0, needs: expect.any(Number) },
    question: expect.stringContaining('an administrator raises it'),
  });
  await session.send('Go on all the same');
  await session.reaches('run.wait', 2);
  expect(it.provider.requests).toHaveLength(0);

  using client = openClient(it.url, 'ws');
  await client.budgets.change.mutate({ of: 'person', id: '', tokensPerDay: 1_000_000 });
  await session.reaches('run.end');
  expect(session.of('run.end')[0]?.data.status).toBe('completed');
  expect(session.of('message.user').at(-1)?.data.text).toContain('has room again');
  const [budget] = await client.budgets.list.query();
  const counted = session
    .of('usage')
    .reduce((sum, { data }) => sum + data.inputTokens + data.outputTokens + (data.assumed?.tokens ?? 0), 0);
  const expected = { of: 'person', id: '', tokensPerDay: { limit: 1_000_000, used: counted, reserved: 0 } };
  expect(budget).toMatchObject(expected);
});

test('F084 the budget of a session counts over its runs and a restart', { tags: ['all'] }, async () => {
  await using it = await modelServerProcess({
    wire: 'compatible',
    replies: threeTurns,
    settings: { CORRAL_SESSION_TURN_BUDGET: '4' },
  });
  const session = await it.session();
  await session.send('First');
  await session.reaches('run.end');
  expect(it.provider.requests).toHaveLength(3);

  await it.crash();
  await session.send('Second');
  await session.reaches('run.wait');
  expect(it.provider.requests).toHaveLength(4);
  expect(session.of('run.wait')[0]?.data).toMatchObject({
    reason: 'budget',
    budget: { scope: 'session', kind: 'turns', limit: 4, used: 4 },
    spent: { turns: 1, by: { plan: { turns: 1 } } },
    total: { turns: 4, by: { plan: { turns: 2 }, work: { turns: 1 }, answer: { turns: 1 } } },
  });

  await session.send('Yes, go on');
  await session.reaches('run.end', 2);
  expect(session.of('run.end').map(({ data }) => data.status)).toEqual(['completed', 'completed']);

  const own = await it.session({ budget: { turns: 2, tokens: 1_000_000 } }); // the smaller limit applies
  await own.send('Third');
  await own.reaches('run.wait');
  expect(own.of('run.wait')[0]?.data.budget).toMatchObject({ scope: 'session', kind: 'turns', limit: 2, used: 2 });

  await it.crash({ CORRAL_SESSION_TURN_BUDGET: '100' });
  await session.send('Third');
  await session.reaches('run.end', 3);
  expect(session.of('run.wait')).toHaveLength(1);
});

test('a run above the limit of running runs waits with the reason, and continues by itself when another run ends', async () => {
  await using it = await modelServer({
    wire: 'compatible',
    replies: (request) =>
      requestText(request).includes('First') ? { text: 'It begins.', after: 'stall' } : { text: 'Done.' },
    settings: { CORRAL_SERVER_MAX_RUNNING_RUNS: '1', CORRAL_SERVER_MAX_CPUS: '1000' },
  });
  const [first, second] = [await it.session({ plans: false }), await it.session({ plans: false })];
  await first.send('First');
  await first.reaches('message.delta');
  await second.send('Second');
  await second.reaches('run.wait');
  expect(second.of('run.wait')[0]?.data).toMatchObject({
    reason: 'budget',
    budget: { scope: 'server', kind: 'runningRuns', limit: 1, used: 1, needs: 1 },
    question: expect.stringMatching(/limit of 1 running runs of the server .* an administrator raises the limit/),
  });
  using client = openClient(it.url, 'ws');
  const ofServer = async () => (await client.budgets.list.query()).find(({ of }) => of === 'server');
  const expected = { runningRuns: { limit: 1, own: null, used: 1 }, sessions: { limit: 500, used: 2 } };
  expect(await ofServer()).toMatchObject(expected);
  await client.runs.stop.mutate({ sessionId: first.id });
  await second.reaches('run.end');
  expect(second.of('run.end')[0]?.data.status).toBe('completed');
  expect(second.of('message.user').at(-1)?.data.text).toContain('room for another run');
});
