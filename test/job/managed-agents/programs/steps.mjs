// Shared by the programs of this folder on the TypeScript SDK. The base URL and the key come from the environment.
import Anthropic from '@anthropic-ai/sdk';

export const client = new Anthropic();
export const { agents, environments, sessions } = client.beta;
export const model = 'claude-sonnet-5-5';
export const toolset = { type: 'agent_toolset_20260401' };
export const input_schema = { type: 'object', properties: { location: { type: 'string' } }, required: ['location'] };
export const weather = { type: 'custom', name: 'get_weather', description: 'Weather of a city', input_schema };

export const steps = {};
/** Keeps what a step finds; the test says what it expects. */
export async function step(name, work) {
  try {
    steps[name] = await work();
  } catch (error) {
    steps[name] = String(error);
  }
}

export const say = (text) => ({ type: 'user.message', content: [{ type: 'text', text }] });
export const types = (events) => events.map(({ type }) => type).filter((type) => !type.startsWith('event_'));
export const textsOf = (events, type) =>
  events.filter((event) => event.type === type).map(({ content }) => content[0].text);

/** Opens the stream, does the work, and collects the events until the session rests. */
export async function untilIdle(session, work, heard = () => {}) {
  const events = [];
  const stream = await sessions.events.stream(session.id, { event_deltas: ['agent.message'] });
  await work();
  for await (const event of stream) {
    events.push(event);
    await heard(event);
    if (event.type === 'session.status_idle') break;
  }
  return events;
}
export const idle = (session, ...events) => untilIdle(session, () => sessions.events.send(session.id, { events }));

export const listed = async (pages) => await Array.fromAsync(pages);
export const print = () => process.stdout.write(`${JSON.stringify(steps)}\n`);
