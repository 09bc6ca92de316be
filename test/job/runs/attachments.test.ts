import { expect, test } from 'vitest';
import { fakeRefs } from '../../support/agents/fake-models/models.ts';
import { type FakeReply, type FakeRequest, isPlanned } from '../../support/agents/fake-models/wire-format.ts';
import { modelServer, requestText } from '../../support/agents/model-server.ts';

// A user's files, from the upload to the provider's wire and to the workspace.

const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const images = JSON.stringify({ [fakeRefs.compatible]: { window: 100_000, images: true } });

function replies({ body }: FakeRequest) {
  const prompt = JSON.stringify(body);
  if (!prompt.includes('On it.')) {
    return { calls: [{ name: 'make_plan', args: { title: 'Look', steps: ['Look'], acknowledgement: 'On it.' } }] };
  }
  const path = /attachments\/[0-9a-f]{8}-notes\.txt/.exec(prompt)?.[0] ?? 'none';
  if (!prompt.includes('the secret word')) return { calls: [{ name: 'file_read', args: { file: path } }] };
  return { text: 'Seen.' };
}

test('the model sees a picture in the first turn, and reads another file at the path in the message', async () => {
  await using it = await modelServer({ wire: 'compatible', replies, settings: { CORRAL_MODELS_CATALOG: images } });
  const picture = await it.upload('dot.bin', new Uint8Array(Buffer.from(png, 'base64')));
  const notes = await it.upload('notes.txt', new TextEncoder().encode('the secret word\n'));
  const session = await it.session();
  await session.send('Look at these', 'queue', [picture, notes, 'src/main.c']);
  await session.reaches('run.end');
  const { provider } = it;
  const first = JSON.stringify(provider.requests[0]?.body);
  expect(first).toContain(png);
  expect(first).toContain('src/main.c');
  expect(JSON.stringify(provider.requests.at(-1)?.body)).toContain('the secret word');
  expect(provider.refusals).toEqual([]);
});

const ways = { 'plan-act': { plans: true }, todo: { plans: true }, ReAct: { plans: false } } as const;
type SteeringWay = keyof typeof ways;
const planArgs = { title: 'Work', steps: ['Wait', 'Look'], acknowledgement: 'On it.' };
const steps = [
  { description: 'Wait', status: 'running' },
  { description: 'Look', status: 'pending' },
];
const waiting =
  (way: SteeringWay) =>
  (request: FakeRequest): FakeReply => {
    if (ways[way].plans && !isPlanned(request)) return { calls: [{ name: 'make_plan', args: planArgs }] };
    if (requestText(request).includes('Look at this')) return { text: 'Seen.' };
    const wait = { name: 'shell_exec', args: { id: 's', command: 'sleep 2; echo waited' } };
    return { calls: way === 'todo' ? [{ name: 'todo', args: { steps } }, wait] : [wait] };
  };

test.for(Object.keys(ways) as SteeringWay[])(
  'an injected message and its picture are in the very next request of a session that works by %s',
  { tags: ['nightly'] },
  async (way) => {
    const settings = { CORRAL_MODELS_CATALOG: images };
    await using it = await modelServer({ wire: 'compatible', replies: waiting(way), settings });
    const session = await it.session(ways[way]);
    const picture = await it.upload('dot.png', new Uint8Array(Buffer.from(png, 'base64')));
    await session.send('First');
    await expect.poll(() => session.of('tool.calling').map(({ data }) => data.function)).toContain('shell_exec');
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
