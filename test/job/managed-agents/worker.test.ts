// @module-tag all
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Corral } from '../../../src/client/index.ts';
import { boxesOf, startWorker } from '../../support/agents/worker-process.ts';
import { call } from '../../support/clients/call.ts';
import { eachNeeds, has } from '../../support/servers/components.ts';
import { bundledCli, type PackedCli } from '../../support/servers/packed-cli.ts';
import { key, serverWith } from './programs.ts';

// Self-hosted environments: a real server's queue, served by `corral worker`; sdk.test.ts has the SDK's own worker.
let it: Awaited<ReturnType<typeof serverWith>>;
let cli: PackedCli;
let corral: Corral;
const patiently = { interval: 100 };

eachNeeds('bubblewrap'); // a server with a model does not start without isolation
beforeAll(async () => {
  if (!(await has('bubblewrap'))) return;
  cli = await bundledCli();
  it = await serverWith('anthropic');
  corral = new Corral({ url: it.server.url, token: key });
});
afterAll(async () => {
  await it?.[Symbol.asyncDispose]();
  await cli?.[Symbol.asyncDispose]();
});

// biome-ignore lint/suspicious/noExplicitAny: read by assertions
type Body = any;
const ask = async (method: string, path: string, body?: object): Promise<Body> =>
  (await call(method, `${it.server.url}/anthropic/v1${path}`, { token: key, body })).body;
const say = (text: string) => [{ type: 'user.message', content: [{ type: 'text', text }] }];

async function queueOfTest() {
  const tools = [{ type: 'agent_toolset_20260401' }];
  const agent = await ask('POST', '/agents', { model: 'claude-sonnet-5-5', name: 'Coder', tools });
  const { id } = await ask('POST', '/environments', { name: 'own', config: { type: 'self_hosted' } });
  const made = await ask('POST', `/environments/${id}/keys`, { name: 'worker' });
  const begin = async (text: string): Promise<string> => {
    const body = { agent: agent.id, environment_id: id, initial_events: say(text) };
    return (await ask('POST', '/sessions', body)).id;
  };
  return { id: id as string, key: made.key as string, begin };
}
const eventsOf = async (session: string): Promise<Body[]> => (await ask('GET', `/sessions/${session}/events`)).data;
const restOf = async (session: string) => (await eventsOf(session)).at(-1)?.stop_reason?.type;
const textOf = (events: Body[], type: string) => events.findLast((event) => event.type === type)?.content[0].text;
test('a session waits in the queue until a worker gives it a sandbox', async () => {
  const queue = await queueOfTest();
  const session = await queue.begin('run: echo from-$((40+2)); touch made');
  await expect.poll(() => restOf(session), patiently).toBe('requires_action');
  expect(await ask('GET', `/environments/${queue.id}/work/stats`)).toMatchObject({ depth: 1, pending: 0 });
  const id = session.slice('sesn_'.length);
  expect((await corral.api.sandbox.status.query({ sessionId: id })).condition).toBe('new');

  const args = ['--environment', queue.id, '--api', `${it.server.url}/anthropic`, '--egress', 'none'];
  const own = { CORRAL_URL: it.server.url, CORRAL_TOKEN: key, ANTHROPIC_ENVIRONMENT_KEY: queue.key };
  startWorker(cli.program, args, own);
  await expect.poll(() => restOf(session), patiently).toBe('end_turn');
  const events = await eventsOf(session);
  expect(textOf(events, 'user.tool_result')).toBe('from-42');
  expect(textOf(events, 'agent.message')).toBe('The result is: from-42');
  expect(events.filter(({ type }) => type === 'agent.tool_result')).toEqual([]);
  const [box = ''] = await boxesOf(corral, session);
  expect((await (await corral.open(box)).files.list()).map(({ name }) => name)).toContain('made');

  await ask('DELETE', `/sessions/${session}`);
  await expect.poll(() => boxesOf(corral, session), patiently).toEqual([]);
});
