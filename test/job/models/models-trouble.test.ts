// @module-tag nightly
import { expect, test } from 'vitest';
import { fakeRefs } from '../../support/agents/fake-models/models.ts';
import { fakeKey, fakeProvider } from '../../support/agents/fake-models/server.ts';
import type { FakeReply, FakeRequest } from '../../support/agents/fake-models/wire-format.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { serverProcess } from '../../support/servers/server-process.ts';

// The real server with a model that costs money, fails or asks for patience.

const planArgs = { title: 'Work', steps: ['Go on'], acknowledgement: 'Going on.' };
const isPlanned = ({ body }: FakeRequest) => JSON.stringify(body).includes('Going on.');
function works(request: FakeRequest, n: number): FakeReply {
  if (!isPlanned(request)) return { calls: [{ name: 'make_plan', args: planArgs }] };
  return { calls: [{ name: 'shell_exec', args: { id: 'a', command: `echo ${n}` } }] };
}
const says = (request: FakeRequest): FakeReply =>
  isPlanned(request) ? { text: 'All is done.' } : { calls: [{ name: 'make_plan', args: planArgs }] };

async function started(settings: Record<string, string>) {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await serverProcess({ CORRAL_DRIVER: 'memory', ...settings }));
  const client = stack.use(openClient(server.url, 'ws'));
  const { id } = await client.sessions.create.mutate({ task: 'Please work' });
  const held = stack.move();
  return {
    client,
    id,
    status: async () => (await client.sessions.get.query({ id })).status,
    log: async () => JSON.stringify((await client.events.list.query({ sessionId: id, limit: 500 })).events),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
const compatible = (url: string) => ({
  CORRAL_MODEL: fakeRefs.compatible,
  CORRAL_MODELS_COMPATIBLE: JSON.stringify({ local: { 'base-url': url, 'api-key': fakeKey } }),
});

test('F084 a run of a model with a price waits when its cost budget does not cover the next request', async () => {
  await using provider = await fakeProvider('compatible', works);
  const price = { input: 1_000, output: 1_000 };
  await using run = await started({
    ...compatible(provider.url),
    CORRAL_MODELS_CATALOG: JSON.stringify({ [fakeRefs.compatible]: { window: 100_000, price } }),
    CORRAL_RUN_COST_BUDGET: '0.05',
  });
  await expect.poll(run.status).toBe('waiting');
  expect(await run.log()).toMatch(/The cost budget of 0.05 does not cover the next request, which was not sent/);
});

test('a fallback model takes over from a model whose key is wrong', async () => {
  await using broken = await fakeProvider('openai', [], { key: 'another' });
  await using good = await fakeProvider('anthropic', says);
  await using run = await started({
    CORRAL_MODEL: fakeRefs.openai,
    CORRAL_MODELS_FALLBACKS: fakeRefs.anthropic,
    OPENAI_API_KEY: fakeKey,
    CORRAL_MODELS_OPENAI_BASE_URL: broken.url,
    ANTHROPIC_API_KEY: fakeKey,
    CORRAL_MODELS_ANTHROPIC_BASE_URL: good.url,
  });
  await expect.poll(run.status).toBe('completed');
  expect(broken.requests).toHaveLength(1);
  expect(await run.log()).toContain(`"model":"${fakeRefs.anthropic}"`);
});

test('a run that waits for its provider can be stopped', async () => {
  const patience = { status: 429, message: 'Too many requests.', headers: { 'retry-after': '30' } };
  await using provider = await fakeProvider('compatible', () => patience);
  await using run = await started(compatible(provider.url));
  await expect.poll(run.log).toContain('waiting_provider');
  await run.client.runs.stop.mutate({ sessionId: run.id });
  await expect.poll(run.status).not.toBe('running');
  expect(await run.log()).toContain('"status":"stopped"');
  expect(provider.requests).toHaveLength(1);
});
