// A program on the Anthropic SDK, unpatched, whose tools the SDK's runner calls.
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';
import {
  agents,
  environments,
  idle,
  input_schema,
  listed,
  model,
  print,
  say,
  sessions,
  step,
  textsOf,
  toolset,
  types,
  weather,
} from './steps.mjs';

const environment = await environments.create({ name: 'plain' });
const begin = async (agent, more = {}) =>
  await sessions.create({ agent: agent.id, environment_id: environment.id, ...more });

await step('tool runner', async () => {
  const session = await begin(await agents.create({ model, name: 'Weather', tools: [weather] }));
  const requests = [];
  const tool = betaTool({
    name: weather.name,
    description: weather.description,
    inputSchema: input_schema,
    run: ({ location }) => {
      requests.push(location);
      return `rain in ${location}`;
    },
  });
  await sessions.events.send(session.id, { events: [say('both: Oslo')] });
  const runner = sessions.events.toolRunner(session.id, { tools: [tool], maxIdleMs: 500 });
  for await (const _call of runner);
  const events = await listed(sessions.events.list(session.id));
  const results = types(events).filter((type) => type === 'user.custom_tool_result');
  return [results, requests.sort(), textsOf(events, 'agent.message').at(-1).includes('rain in Oslo')];
});

await step('quickstart', async () => {
  const session = await begin(await agents.create({ model, name: 'Coder', tools: [toolset] }));
  const events = await idle(session, say('run: echo hello-$((40+2))'));
  return [textsOf(events, 'agent.tool_result')[0].includes('hello-42'), events.at(-1).stop_reason.type];
});

await step('other sessions', async () => {
  const url = process.env.ANTHROPIC_BASE_URL.replace(/\/anthropic$/, '');
  const headers = { authorization: `Bearer ${process.env.ANTHROPIC_API_KEY}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ title: 'Made elsewhere' });
  const made = await (await fetch(`${url}/trpc/sessions.create`, { method: 'POST', headers, body })).json();
  const read = await sessions.retrieve(`sesn_${made.result.data.id}`);
  const own = await begin(await agents.create({ model, name: 'Coder' }), { title: 'Mine' });
  const input = encodeURIComponent(JSON.stringify({ id: own.id.slice(5) }));
  const shown = await (await fetch(`${url}/trpc/sessions.get?input=${input}`, { headers })).json();
  return [read.title === 'Made elsewhere' && read.environment_id === 'env_server', shown.result?.data.title === 'Mine'];
});
print();
