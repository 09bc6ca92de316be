// @module-tag nightly
import { expect, test } from 'vitest';
import { fakeRefs } from '../../support/agents/fake-models/models.ts';
import { type FakeReply, type FakeRequest, isPlanned } from '../../support/agents/fake-models/wire-format.ts';
import { modelServerProcess, requestText } from '../../support/agents/model-server.ts';

// A message with an attachment that reaches a working session, in each mode of working.

const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const settings = {
  CORRAL_MODELS_CATALOG: JSON.stringify({ [fakeRefs.compatible]: { window: 100_000, images: true } }),
};
const planArgs = { title: 'Work', steps: ['Wait', 'Look'], acknowledgement: 'On it.' };
const ways = { 'plan-act': { plans: true }, todo: { plans: true }, ReAct: { plans: false } } as const;
type SteeringWay = keyof typeof ways;

const todoCall = {
  name: 'todo',
  args: {
    steps: [
      { description: 'Wait', status: 'running' },
      { description: 'Look', status: 'pending' },
    ],
  },
};
const replies =
  (way: SteeringWay) =>
  (request: FakeRequest): FakeReply => {
    if (ways[way].plans && !isPlanned(request)) return { calls: [{ name: 'make_plan', args: planArgs }] };
    if (requestText(request).includes('Look at this')) return { text: 'Seen.' };
    const wait = { name: 'shell_exec', args: { id: 's', command: 'sleep 2; echo waited' } };
    return { calls: way === 'todo' ? [todoCall, wait] : [wait] };
  };

test.each(Object.keys(ways) as SteeringWay[])(
  'an injected message and its picture are in the very next request of a session that works by %s',
  async (way) => {
    await using it = await modelServerProcess({ wire: 'compatible', replies: replies(way), settings });
    const session = await it.session(ways[way]);
    const picture = await it.upload('dot.png', new Uint8Array(Buffer.from(png, 'base64')));
    await session.send('First');
    const isWaiting = () => session.of('tool.calling').some(({ data }) => data.function === 'shell_exec');
    await expect.poll(isWaiting).toBe(true);
    const before = it.provider.requests.length;
    await session.send('Look at this', 'inject', [picture]);
    await session.reaches('run.end');
    const next = requestText(it.provider.requests[before] as FakeRequest);
    expect(next).toContain('Look at this');
    expect(next).toContain(png);
    expect(session.of('run.started')).toHaveLength(1);
    expect(it.provider.refusals).toEqual([]);
  },
);
