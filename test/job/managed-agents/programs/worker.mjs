// A worker on the Anthropic SDK, unpatched: the base URL and the key come from the environment.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  agents,
  client,
  environments,
  listed,
  model,
  print,
  say,
  sessions,
  steps,
  textsOf,
  toolset,
} from './steps.mjs';

const agent = await agents.create({ model, name: 'Coder', tools: [toolset] });
const environment = await environments.create({ name: 'own', config: { type: 'self_hosted' } });
// The SDK has no call for this: the hosted service makes keys in its console.
const { key } = await client.post(`/v1/environments/${environment.id}/keys`, { body: { name: 'sdk' } });
const initial_events = [say('run: echo of the SDK')];
const session = await sessions.create({ agent: agent.id, environment_id: environment.id, initial_events });

const workdir = await mkdtemp(join(tmpdir(), 'corral-test-worker-'));
const ends = new AbortController();
const options = { environmentId: environment.id, environmentKey: key, workdir, maxIdleMs: 500 };
const running = environments.work.worker(options).run(ends.signal);
const items = async () => (await environments.work.list(environment.id)).data;
while (!(await items()).every(({ state }) => state === 'stopped')) await pause(100);
ends.abort();
await running.catch(() => {});
await rm(workdir, { recursive: true });

const results = textsOf(await listed(sessions.events.list(session.id)), 'user.tool_result');
steps.worker = [results[0].trim(), (await items())[0].state];
print();
process.exit(0);
