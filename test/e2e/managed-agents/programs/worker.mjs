// A worker on the Anthropic SDK, unpatched: the base URL and the key come from the environment.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import Anthropic from '@anthropic-ai/sdk';

const client = new Anthropic();
const agent = await client.beta.agents.create({
  model: 'claude-sonnet-5-5',
  name: 'Coder',
  tools: [{ type: 'agent_toolset_20260401' }],
});
const environment = await client.beta.environments.create({ name: 'own', config: { type: 'self_hosted' } });
// The SDK has no call for this: the hosted service makes keys in its console.
const { key } = await client.post(`/v1/environments/${environment.id}/keys`, { body: { name: 'sdk' } });
const session = await client.beta.sessions.create({
  agent: agent.id,
  environment_id: environment.id,
  initial_events: [{ type: 'user.message', content: [{ type: 'text', text: 'run: echo of the SDK' }] }],
});

const workdir = await mkdtemp(join(tmpdir(), 'corral-test-worker-'));
const ends = new AbortController();
const options = { environmentId: environment.id, environmentKey: key, workdir, maxIdleMs: 500 };
const running = client.beta.environments.work.worker(options).run(ends.signal);
const items = async () => (await client.beta.environments.work.list(environment.id)).data;
while (!(await items()).every(({ state }) => state === 'stopped')) await pause(100);
ends.abort();
await running.catch(() => {});
await rm(workdir, { recursive: true });

const events = [];
for await (const event of client.beta.sessions.events.list(session.id)) events.push(event);
const result = events.find(({ type }) => type === 'user.tool_result').content[0].text.trim();
process.stdout.write(`${JSON.stringify({ worker: [result, (await items())[0].state] })}\n`);
process.exit(0);
