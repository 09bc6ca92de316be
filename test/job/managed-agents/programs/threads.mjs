// A program on the Anthropic SDK, unpatched, with a coordinator and three agents. The step has the name and the results of
// that of threads.py.
import {
  agents,
  carefulToolset,
  environments,
  listed,
  model,
  print,
  say,
  sessions,
  step,
  textsOf,
  weather,
} from './steps.mjs';

const writer = await agents.create({ model, name: 'Writer', description: 'Writes texts.' });
const runner = await agents.create({ model, name: 'Runner', tools: [carefulToolset] });
const reporter = await agents.create({ model, name: 'Reporter', tools: [weather] });
const roster = [writer.id, { type: 'agent', id: runner.id, version: 1 }, reporter.id];
const lead = await agents.create({ model, name: 'Lead', multiagent: { type: 'coordinator', agents: roster } });
const environment = await environments.create({ name: 'plain' });
const eventsOf = (session) => listed(sessions.events.list(session.id));
const isUse = ({ type }) => type === 'agent.custom_tool_use' || type === 'agent.tool_use';

function answerTo({ type, id }) {
  const content = [{ type: 'text', text: 'rain' }];
  if (type === 'agent.custom_tool_use') return { type: 'user.custom_tool_result', custom_tool_use_id: id, content };
  return { type: 'user.tool_confirmation', tool_use_id: id, result: 'allow' };
}

/** All events, once the session rests. Calls that wait are answered until then; tells whether each went to its thread. */
async function rest(session) {
  const stream = await sessions.events.stream(session.id);
  const before = await eventsOf(session);
  const known = new Set(before.map(({ id }) => id));
  const uses = new Map();
  const routes = [];
  async function* all() {
    yield* before;
    for await (const event of stream) if (!known.has(event.id)) yield event;
  }
  for await (const event of all()) {
    if (isUse(event)) uses.set(event.id, event);
    if (event.type !== 'session.status_idle') continue;
    if (event.stop_reason.type !== 'requires_action') break;
    const waiting = event.stop_reason.event_ids.map((id) => uses.get(id));
    const { data } = await sessions.events.send(session.id, { events: waiting.map(answerTo) });
    routes.push(...data.map((sent, n) => sent.session_thread_id === waiting[n].session_thread_id));
  }
  return { events: await eventsOf(session), routes };
}

await step('team', async () => {
  const text = 'ask Writer: hello\nask Runner: run: echo from-$((40+2))\nask Reporter: weather: Oslo';
  const initial_events = [say(text)];
  const session = await sessions.create({ agent: lead.id, environment_id: environment.id, initial_events });
  const { events, routes } = await rest(session);
  const of = (type) => events.filter((event) => event.type === type);
  const [primary, ...others] = await listed(sessions.threads.list(session.id));
  const ids = others.map(({ id }) => id);
  const [state] = events.filter(({ type }) => type.startsWith('session.thread_status'));
  const last = textsOf(events, 'agent.message').at(-1);
  const whole = await sessions.retrieve(session.id);
  const { usage } = of('session.usage').at(-1);
  const tokens = [primary, ...others].reduce((sum, one) => sum + one.usage.output_tokens, 0);
  const elsewhere = await listed(sessions.list({ agent_id: writer.id }));
  return [
    whole.agent.multiagent.agents.map(({ name }) => name),
    of('session.thread_created')
      .map((event) => event.agent_name)
      .sort(),
    others.map(({ agent, parent_thread_id: above, status }) => [agent.name, above === primary.id, status]).sort(),
    [primary.parent_thread_id, primary.status, state.session_thread_id === primary.id],
    of('agent.thread_message_sent')
      .map((event) => [event.to_agent_name, event.content[0].text])
      .sort(),
    of('agent.thread_message_received')
      .map((event) => [event.from_agent_name, event.content[0].text.trim()])
      .sort(),
    events
      .filter(isUse)
      .map((event) => [event.type, ids.includes(event.session_thread_id)])
      .sort(),
    [of('agent.tool_result').length > 0, ['You said: hello', 'from-42', 'rain'].every((words) => last.includes(words))],
    [whole.status, whole.usage.output_tokens === tokens, usage.output_tokens === whole.usage.output_tokens],
    routes.length >= 2 && routes.every(Boolean),
    new Set(events.map(({ id }) => id)).size === events.length,
    (await listed(sessions.list())).some(({ id }) => id === session.id) && elsewhere.length === 0,
  ];
});
print();
