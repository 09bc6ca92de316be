// A program on the Anthropic SDK, unpatched: the base URL and the key come from the environment.
import Anthropic from '@anthropic-ai/sdk';
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';

const client = new Anthropic();
const steps = {};
const model = 'claude-sonnet-5-5';
const say = (text) => [{ type: 'user.message', content: [{ type: 'text', text }] }];

async function idle(session, events) {
  const seen = [];
  const stream = await client.beta.sessions.events.stream(session.id);
  await client.beta.sessions.events.send(session.id, { events });
  for await (const event of stream) {
    seen.push(event);
    if (event.type === 'session.status_idle') break;
  }
  return seen;
}

async function step(name, work) {
  try {
    steps[name] = await work();
  } catch (error) {
    steps[name] = String(error);
  }
}

const environment = await client.beta.environments.create({ name: 'plain' });
const input_schema = { type: 'object', properties: { location: { type: 'string' } }, required: ['location'] };
const weather = { type: 'custom', name: 'get_weather', description: 'Weather of a city', input_schema };

await step('tool runner', async () => {
  const agent = await client.beta.agents.create({ model, name: 'Weather', tools: [weather] });
  const session = await client.beta.sessions.create({ agent: agent.id, environment_id: environment.id });
  const asked = [];
  const tool = betaTool({
    name: 'get_weather',
    description: 'Weather of a city',
    inputSchema: input_schema,
    run: ({ location }) => {
      asked.push(location);
      return `rain in ${location}`;
    },
  });
  await client.beta.sessions.events.send(session.id, { events: say('both: Oslo') });
  const runner = client.beta.sessions.events.toolRunner(session.id, { tools: [tool], maxIdleMs: 500 });
  for await (const _call of runner);
  const events = [];
  for await (const event of client.beta.sessions.events.list(session.id)) events.push(event);
  const results = events.filter(({ type }) => type === 'user.custom_tool_result').map(({ type }) => type);
  const last = events.findLast(({ type }) => type === 'agent.message').content[0].text;
  return [results, asked.sort(), last.includes('rain in Oslo')];
});

await step('quickstart', async () => {
  const tools = [{ type: 'agent_toolset_20260401' }];
  const agent = await client.beta.agents.create({ model, name: 'Coder', tools });
  const session = await client.beta.sessions.create({ agent: agent.id, environment_id: environment.id });
  const events = await idle(session, say('run: echo hello-$((40+2))'));
  const result = events.find(({ type }) => type === 'agent.tool_result').content[0].text;
  return [result.includes('hello-42'), events.at(-1).stop_reason.type];
});

await step('other sessions', async () => {
  const url = process.env.ANTHROPIC_BASE_URL.replace(/\/anthropic$/, '');
  const headers = { authorization: `Bearer ${process.env.ANTHROPIC_API_KEY}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ title: 'Made elsewhere' });
  const made = await (await fetch(`${url}/trpc/sessions.create`, { method: 'POST', headers, body })).json();
  const id = `sesn_${made.result.data.id}`;
  const read = await client.beta.sessions.retrieve(id);
  const agent = await client.beta.agents.create({ model, name: 'Coder' });
  const own = await client.beta.sessions.create({ agent: agent.id, environment_id: environment.id, title: 'Mine' });
  const input = encodeURIComponent(JSON.stringify({ id: own.id.slice(5) }));
  const shown = await (await fetch(`${url}/trpc/sessions.get?input=${input}`, { headers })).json();
  return [read.title === 'Made elsewhere' && read.environment_id === 'env_server', shown.result?.data.title === 'Mine'];
});
process.stdout.write(`${JSON.stringify(steps)}\n`);
