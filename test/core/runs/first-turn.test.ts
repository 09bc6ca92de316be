import { expect, test } from 'vitest';
import type { FakeReply } from '../../support/agents/fake-models/wire-format.ts';
import { modelServer } from '../../support/agents/model-server.ts';
import { composeCore } from '../../support/servers/composed.ts';

// The first request of a run decides: an answer, calls, or a plan.

const shell = { name: 'shell_exec', args: { id: 'main', command: 'echo hi' } };
const plan = (...steps: string[]) => ({
  name: 'make_plan',
  args: { title: 'Greet', steps, acknowledgement: 'On it.' },
});
const messages = ['message.assistant'];
const tool = ['tool.calling', 'tool.called'];

const rows: readonly (readonly [name: string, replies: readonly FakeReply[], order: readonly string[]])[] = [
  ['an answer is one request, and no plan', [{ text: 'Hello.' }], ['title', ...messages, 'run.end']],
  [
    'calls without a plan are one step, whose result is the answer',
    [{ calls: [shell] }, { text: 'It printed hi.' }],
    ['title', 'plan', 'step', ...tool, 'step', ...messages, 'plan', 'run.end'],
  ],
  [
    'a plan has its steps and a summary',
    [{ calls: [plan('Greet')] }, { calls: [shell] }, { text: 'It printed hi.' }, { text: 'All is done.' }],
    ['title', ...messages, 'plan', 'step', ...tool, 'step', ...messages, 'plan', ...messages, 'plan', 'run.end'],
  ],
  [
    'calls beside the plan are the first of its first step',
    [{ calls: [plan('Greet'), shell] }, { text: 'It printed hi.' }, { text: 'All is done.' }],
    ['title', ...messages, 'plan', 'step', ...tool, 'step', ...messages, 'plan', ...messages, 'plan', 'run.end'],
  ],
  [
    'a plan that follows calls takes the step at work as its first',
    [{ calls: [shell] }, { calls: [plan('Look')] }, { text: 'It printed hi.' }, { text: 'All is done.' }],
    ['title', 'plan', 'step', ...tool, 'title', 'plan', 'step', ...messages, 'plan', ...messages, 'plan', 'run.end'],
  ],
];
const shown = new Set(['title', 'message.assistant', 'plan', 'step', 'tool.calling', 'tool.called', 'run.end']);

test.each(rows)('%s', async (_name, replies, order) => {
  await using it = await modelServer({ wire: 'compatible', replies: (_, n) => replies[n] ?? { text: 'Too many.' } });
  const session = await it.session();
  await session.send('Say hi');
  await session.reaches('run.end');
  expect(
    session
      .log()
      .map(({ type }) => type)
      .filter((type) => shown.has(type)),
  ).toEqual(order);
  expect(it.provider.requests).toHaveLength(replies.length);
});

test.each([
  ['the first reply', [{ text: 'Slow words', after: 'stall' }]],
  ['a step', [{ calls: [plan('Greet')] }, { text: 'Slow words', after: 'stall' }]],
] satisfies [string, FakeReply[]][])('the text of %s is in the log while it arrives', async (_name, replies) => {
  await using it = await modelServer({ wire: 'compatible', replies: (_, n) => replies[n] ?? 'silence' });
  const session = await it.session();
  await session.send('Say hi');
  await expect
    .poll(() =>
      session
        .of('message.delta')
        .map(({ data }) => data.text)
        .join(''),
    )
    .toContain('Slow words');
  expect(session.of('run.end')).toEqual([]);
});

// Preparing a run's first request takes about as long as storing and sending an event, on the same loop.

test('subscribers have a message before its run prepares a request', async () => {
  await using server = await composeCore();
  const { services, store } = server.core;
  const { sessions } = services;
  const { id } = await sessions.create({ origin: 'trpc' });
  const order: string[] = [];
  const { list } = store.records;
  // The first step of a turn loads the conversation.
  store.records.list = (kind, ...rest) => {
    if (kind === 'transcript') order.push('the run prepares');
    return list.call(store.records, kind, ...rest);
  };
  const leave = new AbortController();
  const following = (async () => {
    for await (const item of sessions.follow(id, 1, { signal: leave.signal, deltas: false })) {
      if (item.kind === 'resync') continue;
      order.push(...item.events.map(({ type }) => type));
      if (order.includes('run.end')) leave.abort();
    }
  })();
  await sessions.send(id, { text: 'Hello\n```fail\nenough\n```', mode: 'inject' });
  await following;
  expect(order).toContain('the run prepares');
  expect(order.indexOf('message.user')).toBeLessThan(order.indexOf('the run prepares'));
});
