// @module-tag nightly
// Programs on the Anthropic SDK, unpatched, with agents that work for an agent; and what a killed server leaves of them.
import { expect, test } from 'vitest';
import { needs } from '../../support/servers/components.ts';
import { key, serverWith, stepsOf, testEverywhere } from './programs.ts';

const bad = [400, 'invalid_request_error', null];
const gone = [404, 'not_found_error', null];
const reply = ['span.model_request_start', 'agent.message', 'span.model_request_end'];

const team = [
  ['Writer', 'Runner', 'Reporter'],
  ['Reporter', 'Runner', 'Writer'],
  [
    ['Reporter', true, 'idle'],
    ['Runner', true, 'idle'],
    ['Writer', true, 'idle'],
  ],
  [null, 'idle', true],
  [
    ['Reporter', 'weather: Oslo'],
    ['Runner', 'run: echo from-$((40+2))'],
    ['Writer', 'hello'],
  ],
  [
    ['Reporter', 'The result is: rain'],
    ['Runner', 'The result is: from-42'],
    ['Writer', 'You said: hello'],
  ],
  [
    ['agent.custom_tool_use', true],
    ['agent.tool_use', true],
  ],
  [false, true],
  ['idle', true, true],
  true,
  true,
  true,
];

testEverywhere('a coordinator and three agents work for a program as threads of a session', {}, async (it) => {
  expect(await stepsOf(it, 'threads.py')).toEqual({
    rosters: [true, [true, 1], [true, null, 2], bad, gone, bad, bad, bad],
    team,
    thread: [
      [
        'agent.thread_message_received',
        'session.thread_status_running',
        'span.model_request_start',
        'span.model_request_end',
        'agent.custom_tool_use',
        'session.thread_status_idle',
      ],
      [
        'user.custom_tool_result',
        'session.thread_status_running',
        ...reply,
        'agent.thread_message_sent',
        'session.thread_status_idle',
      ],
      true,
      'end_turn',
      'user.custom_tool_result',
      ['terminated', true],
      bad,
      true,
    ],
    interrupt: [
      ['requires_action', 2],
      bad,
      [true, 'idle'],
      [
        ['user.interrupt', 'agent.tool_result', 'session.thread_status_idle'],
        ['idle', 'idle', 'idle'],
        'session.status_idle',
        'end_turn',
      ],
      gone,
      bad,
      'session_deleted',
      gone,
    ],
  });
});

test('calls that threads wait for are answered after the server was killed', async (context) => {
  await needs(context, 'bubblewrap');
  await using it = await serverWith('anthropic');
  const { server } = it;
  const ask = async (method: string, path: string, body?: object) => {
    const headers = { 'x-api-key': key, 'content-type': 'application/json' };
    const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
    // biome-ignore lint/suspicious/noExplicitAny: read by assertions
    return (await (await fetch(`${server.url}/anthropic/v1${path}`, init)).json()) as any;
  };
  const tool = (name: string) => ({ type: 'custom', name, description: 'Weather', input_schema: { type: 'object' } });
  const model = 'claude-sonnet-5-5';
  const reporter = await ask('POST', '/agents', { model, name: 'Reporter', tools: [tool('get_weather')] });
  const runner = await ask('POST', '/agents', {
    model,
    name: 'Runner',
    tools: [{ type: 'agent_toolset_20260401', default_config: { permission_policy: { type: 'always_ask' } } }],
  });
  const multiagent = { type: 'coordinator', agents: [reporter.id, runner.id] };
  const lead = await ask('POST', '/agents', { model, name: 'Lead', multiagent });
  const environment = await ask('POST', '/environments', { name: 'plain' });
  const text = 'ask Reporter: weather: Oslo\nask Runner: run: echo from-$((40+2))';
  const session = await ask('POST', '/sessions', {
    agent: lead.id,
    environment_id: environment.id,
    initial_events: [{ type: 'user.message', content: [{ type: 'text', text }] }],
  });
  const events = async () => (await ask('GET', `/sessions/${session.id}/events`)).data;
  const stop = async () => {
    const { type, stop_reason } = (await events()).at(-1);
    return type === 'session.status_idle' ? stop_reason : {};
  };
  const rests = async () => (await stop()).type;
  const send = async (event: object) => await ask('POST', `/sessions/${session.id}/events`, { events: [event] });
  const uses = async () => (await stop()).event_ids?.length;
  await expect.poll(uses).toBe(2);
  const before = await events();
  const find = (type: string) => before.find((one: { type: string }) => one.type === type);

  server.kill('SIGKILL');
  await server.restart();
  expect(await events()).toEqual(before);
  expect((await ask('GET', `/sessions/${session.id}`)).status).toBe('idle');
  const custom_tool_use_id = find('agent.custom_tool_use').id;
  const content = [{ type: 'text', text: 'rain' }];
  await send({ type: 'user.custom_tool_result', custom_tool_use_id, content });
  await expect.poll(uses).toBe(1); // the other thread waits on

  server.kill('SIGKILL');
  await server.restart();
  await send({ type: 'user.tool_confirmation', tool_use_id: find('agent.tool_use').id, result: 'allow' });
  await expect.poll(rests).toBe('end_turn');
  const after = await events();
  expect(after.slice(0, before.length)).toEqual(before);
  const said = after.findLast((one: { type: string }) => one.type === 'agent.message').content[0].text;
  expect(said).toContain('rain');
  expect(said).toContain('from-42');
  const count = (type: string) => after.filter((one: { type: string }) => one.type === type).length;
  expect([count('session.thread_created'), count('agent.thread_message_received')]).toEqual([2, 2]);
  expect((await ask('GET', `/sessions/${session.id}/threads`)).data).toHaveLength(3);
});
