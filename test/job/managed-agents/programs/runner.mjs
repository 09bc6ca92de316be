// A program on the Anthropic SDK, unpatched, whose tools the SDK's runner calls.
import Anthropic from '@anthropic-ai/sdk';
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';

const { agents, environments, sessions } = new Anthropic().beta;
const weather = { name: 'get_weather', description: 'Weather of a city' };
const inputSchema = { type: 'object', properties: { location: { type: 'string' } }, required: ['location'] };
const tools = [{ ...weather, type: 'custom', input_schema: inputSchema }];
const agent = await agents.create({ model: 'claude-sonnet-5-5', name: 'Weather', tools });
const environment = await environments.create({ name: 'plain' });
const { id } = await sessions.create({ agent: agent.id, environment_id: environment.id });
const tool = betaTool({ ...weather, inputSchema, run: ({ location }) => `rain in ${location}` });
const content = [{ type: 'text', text: 'weather: Oslo, Bergen' }];
await sessions.events.send(id, { events: [{ type: 'user.message', content }] });
const called = [];
for await (const { name } of sessions.events.toolRunner(id, { tools: [tool], maxIdleMs: 500 })) called.push(name);
const events = await Array.fromAsync(sessions.events.list(id));
const textsOf = (type) => events.filter((event) => event.type === type).map((event) => event.content[0].text);
const results = textsOf('user.custom_tool_result').sort();
process.stdout.write(`${JSON.stringify([called, results, textsOf('agent.message').at(-1)])}\n`);
