// @module-tag all
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { AgentsApi } from '../../../src/cli/worker/agents-api.ts';
import { SessionBoxes } from '../../../src/cli/worker/session-boxes.ts';
import { runWorker } from '../../../src/cli/worker/worker.ts';
import { Corral } from '../../../src/client/index.ts';
import { eachNeeds, has } from '../../support/servers/components.ts';
import { type PackedCli, packedCli } from '../../support/servers/packed-cli.ts';
import { key, serverWith } from './programs.ts';

// Self-hosted environments: a real server's queue, served by `corral worker`; languages.test.ts has the SDKs' own workers.
let it: Awaited<ReturnType<typeof serverWith>>;
let cli: PackedCli;
let corral: Corral;
const patiently = { interval: 100 };

eachNeeds('bubblewrap'); // a server with a model does not start without it
beforeAll(async () => {
  if (!(await has('bubblewrap'))) return;
  [cli, it] = await Promise.all([packedCli(), serverWith('anthropic')]);
  corral = new Corral({ url: it.server.url, token: key });
});
afterAll(async () => {
  await it?.[Symbol.asyncDispose]();
  await cli?.[Symbol.asyncDispose]();
});

// biome-ignore lint/suspicious/noExplicitAny: read by assertions
type Body = any;
async function ask(method: string, path: string, body?: object): Promise<Body> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
  return await (await fetch(`${it.server.url}/anthropic/v1${path}`, init)).json();
}
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
const boxesOf = async (session: string) => {
  const ids: string[] = [];
  for await (const { id } of corral.list({ metadata: { 'managed-agents.session': session } })) ids.push(id);
  return ids;
};

function startWorker(queue: { readonly id: string; readonly key: string }): ChildProcess {
  const { PATH = '', HOME = '' } = process.env;
  const env = { PATH, HOME, CORRAL_URL: it.server.url, CORRAL_TOKEN: key, ANTHROPIC_ENVIRONMENT_KEY: queue.key };
  const words = ['worker', '--environment', queue.id, '--api', `${it.server.url}/anthropic`, '--egress', 'none'];
  const child = spawn(cli.program, words, { env, stdio: 'ignore' });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  return child;
}

test('a session waits in the queue until a worker gives it a sandbox', async () => {
  const queue = await queueOfTest();
  const session = await queue.begin('run: echo from-$((40+2)); touch made');
  await expect.poll(() => restOf(session), patiently).toBe('requires_action');
  expect(await ask('GET', `/environments/${queue.id}/work/stats`)).toMatchObject({ depth: 1, pending: 0 });
  const id = session.slice('sesn_'.length);
  expect((await corral.api.sandbox.status.query({ sessionId: id })).condition).toBe('new');

  startWorker(queue);
  await expect.poll(() => restOf(session), patiently).toBe('end_turn');
  const events = await eventsOf(session);
  expect(textOf(events, 'user.tool_result')).toBe('from-42');
  expect(textOf(events, 'agent.message')).toBe('The result is: from-42');
  expect(events.filter(({ type }) => type === 'agent.tool_result')).toEqual([]);
  const [box = ''] = await boxesOf(session);
  expect((await (await corral.open(box)).files.list()).map(({ name }) => name)).toContain('made');

  await ask('DELETE', `/sessions/${session}`);
  await expect.poll(() => boxesOf(session), patiently).toEqual([]);
});

test('sessions whose leases lapse all the time, with two workers, are all answered, each once', {
  tags: ['nightly'],
}, async () => {
  const queue = await queueOfTest();
  const ends = new AbortController();
  const lines: string[] = [];
  const workers = ['one', 'two'].map(async (workerId) => {
    const api = new AgentsApi({
      url: `${it.server.url}/anthropic`,
      key: queue.key,
      workerId,
      // Shorter than the pause between two heartbeats, so that items are claimed again while they are served.
      fetch: (url, init) => fetch(String(url).replace('/heartbeat?', '/heartbeat?desired_ttl_seconds=1&'), init),
    });
    const boxes = new SessionBoxes(corral, queue.id, { egress: 'none' });
    const parts = { api, environmentId: queue.id, boxes, maxSessions: 8, maxIdleMs: 200 };
    await runWorker({ ...parts, say: (line) => lines.push(`${workerId} ${line}`) }, ends.signal);
  });
  const command = 'run: echo ran >>count; sleep 1.5; wc -l <count';
  const sessions = await Promise.all(Array.from({ length: 24 }, () => queue.begin(command)));
  const rests = async () => [...new Set(await Promise.all(sessions.map(restOf)))];
  await expect.poll(rests, { interval: 2_000 }).toEqual(['end_turn']);
  for (const session of sessions) {
    expect(textOf(await eventsOf(session), 'user.tool_result')).toBe('1');
    const boxes = await boxesOf(session);
    expect([boxes.length, await (await corral.open(boxes[0] ?? '')).files.read('count')]).toEqual([1, 'ran\n']);
  }
  expect(lines.some((line) => line.includes('another worker has it now'))).toBe(true);
  for (const session of sessions) await ask('DELETE', `/sessions/${session}`);
  ends.abort();
  await Promise.all(workers);
  for (const session of sessions) await new SessionBoxes(corral, queue.id).remove(session);
});
