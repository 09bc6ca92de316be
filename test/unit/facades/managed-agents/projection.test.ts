import { describe, expect, test } from 'vitest';
import type { SessionEvent, SessionFact } from '../../../../src/core/model/events.ts';
import type { SessionId } from '../../../../src/core/model/ids.ts';
import { parseInboundEvents } from '../../../../src/facades/compat/managed-agents/sessions/inbound.ts';
import { ThreadProjection } from '../../../../src/facades/compat/managed-agents/sessions/projection.ts';
import { sendEvents } from '../../../../src/facades/compat/managed-agents/sessions/send.ts';
import { SessionProjection } from '../../../../src/facades/compat/managed-agents/sessions/threads/session-projection.ts';

const sessionId = '0123456789abcdef' as SessionId;
const runId = '3f0b6f0e-7c1d-4a51-9f43-2f6f0f1f7a10';
const messageId = '3f0b6f0e-7c1d-4a51-9f43-2f6f0f1f7a11';
const facts = { name: 'Coder', customTools: new Set(['get_weather']), servers: new Map([['github', 'GitHub']]) };

const logOf = (...all: readonly { type: string; data: object }[]): SessionEvent[] =>
  all.map((fact, n) => ({ ...(fact as SessionFact), runId, seq: n + 1, ts: 1_000 * n, sessionId }) as SessionEvent);
function projected(log: readonly SessionEvent[]) {
  const projection = new ThreadProjection(sessionId, facts);
  const events = log.flatMap((event) => projection.add(event));
  return { projection, events, types: events.map(({ type }) => type) };
}
const begun = [
  { type: 'message.user', data: { messageId, text: 'Hi', attachments: [] } },
  { type: 'run.started', data: { task: 'Hi', messageId } },
];
const usage = { type: 'usage', data: { model: 'm', inputTokens: 10, outputTokens: 5, cachedTokens: 4, cost: 0.02 } };
const approval = (name: string, callId = 'c1') => [
  { type: 'approval.requested', data: { callId, function: name, args: { a: 1 }, expiresAt: 1 } },
  { type: 'message.assistant', data: { messageId, text: 'May I?', attachments: [] } },
  { type: 'run.wait', data: { question: 'May I?', reason: 'approval' } },
];
/** A call that began, and one that has its result. */
const call = (tool: string, name: string) => ({ callId: 'c1', tool, function: name, args: {} });
const calling = (tool: string, name: string) => ({ type: 'tool.calling', data: call(tool, name) });
const called = (tool: string, name: string, result: object) => ({
  type: 'tool.called',
  data: { ...call(tool, name), success: true, content: null, ...result },
});
const end = (status: string, reason: string, code?: string) => ({
  type: 'run.end',
  data: { status, reason, task: 'Hi', ...(code && { code }) },
});
const idle = ['session.thread_status_idle', 'session.usage', 'session.status_idle'];
const running = ['session.status_running', 'session.thread_status_running'];

test('the same log gives the same events, with ids of their own', () => {
  const log = logOf(...begun, usage, ...approval('bash'), end('stopped', 'stopped'));
  const { events } = projected(log);
  expect(projected(log).events).toEqual(events);
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
});

test('a change of the session is an event with what changed, and its archive the last one', () => {
  const updated = (data: object) => ({ type: 'session.updated', data });
  const shown = { id: 'agent_1', name: 'Coder' };
  const projection = new ThreadProjection(sessionId, { ...facts, shown: () => shown });
  const log = logOf(
    updated({ agent: true, metadata: { team: 'a' } }),
    updated({ budget: { cost: 0.5, hard: true } }),
    updated({ budget: {} }),
    updated({ budget: { turns: 5 } }), // limits that a reply extends
    updated({}), // the fence of a deletion
    updated({ archived: false }),
    updated({ archived: true }),
  );
  const events = log.flatMap((event) => projection.add(event)).map(({ id: _, processed_at: __, ...event }) => event);
  const cap = { type: 'limit', max_list_cost: { amount: '50', currency: 'USD' } };
  expect(events).toEqual([
    { type: 'session.updated', agent: shown, metadata: { team: 'a' } },
    { type: 'session.updated', budget: cap },
    { type: 'session.updated', budget: null },
    { type: 'session.thread_status_terminated', ...projection.thread },
    { type: 'session.status_terminated' },
  ]);
});

describe('the log of a long session drops the pieces of old texts', () => {
  const words = (n: number, more: object = {}) => {
    const message = { messageId: messageId.replace(/11$/, `2${n}`), ...more };
    return [
      { type: 'message.delta', data: { ...message, text: 'Hel' } },
      { type: 'message.delta', data: { ...message, text: 'lo' } },
      { type: 'message.assistant', data: { ...message, text: 'Hello', attachments: [] } },
    ];
  };
  const busy = { type: 'run.notice', data: { kind: 'waiting_provider', detail: 'It is busy.' } };
  const idsOf = (log: readonly SessionEvent[]) => {
    const session = new SessionProjection(sessionId, facts);
    const ofThread = projected(log).events;
    const ofSession = log.flatMap((event) => session.add(event)).map(({ event }) => event);
    return [ofThread, ofSession].map((events) =>
      events.map(({ id, type, model_request_start_id: start }) => [type, id, start]),
    );
  };

  test('and no event has another id than before', () => {
    const log = logOf(...begun, ...words(1), usage, busy, ...words(2), usage, ...words(3), end('stopped', 'stopped'));
    const [before, after] = [log, log.filter(({ type }) => type !== 'message.delta')].map(idsOf);
    expect(after).toEqual(before);
    for (const events of before ?? []) expect(new Set(events.map(([, id]) => id)).size).toBe(events.length);
    expect(before?.flat().filter(([type]) => type === 'session.status_running')).toHaveLength(4);
  });

  test('and the question about a spent budget is still no message of the agent', () => {
    const wait = { type: 'run.wait', data: { question: 'Hello', reason: 'budget' } };
    const log = logOf(...begun, ...words(1), usage, ...words(2, { waits: 'budget' }), wait);
    const [before, after] = [log, log.filter(({ type }) => type !== 'message.delta')].map(idsOf);
    expect(after).toEqual(before);
  });
});

test('a call that a program carries out waits, and its result is the answer; the question about it is not shown', () => {
  const { projection, events, types } = projected(logOf(...begun, usage, ...approval('get_weather')));
  expect(types).toEqual([
    ...['user.message', ...running, 'span.model_request_start', 'span.model_request_end', 'agent.custom_tool_use'],
    ...idle,
  ]);
  const use = events.find(({ type }) => type === 'agent.custom_tool_use');
  expect(events.at(-1)).toMatchObject({ stop_reason: { type: 'requires_action', event_ids: [use?.id] } });
  expect(projection.callOf(use?.id ?? '')).toMatchObject({ callId: 'c1', kind: 'custom', waitsFor: 'result' });
  const resolved = { callId: 'c1', decision: 'approved', by: 'program', result: { output: 'rain', isError: false } };
  const more = logOf(
    ...begun,
    usage,
    ...approval('get_weather'),
    { type: 'approval.resolved', data: resolved },
    { type: 'run.resumed', data: {} },
    calling('custom', 'get_weather'),
    called('custom', 'get_weather', { output: 'rain' }),
  );
  const after = projected(more);
  expect(after.types.slice(types.length)).toEqual(['user.custom_tool_result', ...running]);
  expect(after.projection.pending).toEqual([]);
});

test('a call that a person denied has its confirmation and a result that is an error', () => {
  const { events } = projected(
    logOf(
      ...begun,
      ...approval('bash'),
      { type: 'approval.resolved', data: { callId: 'c1', decision: 'rejected', by: 'program', text: 'no' } },
      { type: 'run.resumed', data: {} },
      calling('shell', 'bash'),
      called('shell', 'bash', { success: false, output: 'Not run' }),
    ),
  );
  const expected = { evaluated_permission: 'ask', evaluation: { type: 'always_ask' } };
  expect(events.find(({ type }) => type === 'agent.tool_use')).toMatchObject(expected);
  expect(events.find(({ type }) => type === 'user.tool_confirmation')).toMatchObject({
    result: 'deny',
    deny_message: 'no',
  });
  expect(events.at(-1)).toMatchObject({ type: 'agent.tool_result', is_error: true });
});

test('a stop is an interrupt: the open request ends, each call that waits gets an error, and the turn is over', () => {
  const delta = { type: 'message.delta', data: { messageId, text: 'He' } };
  const { types, events } = projected(logOf(...begun, delta, ...approval('bash'), end('stopped', 'stopped')));
  expect(types.slice(-6)).toEqual(['user.interrupt', 'span.model_request_end', 'agent.tool_result', ...idle]);
  expect(events.at(-1)).toMatchObject({ stop_reason: { type: 'end_turn' } });
});

test('a request that a killed server had open ends as an error, and the one in its place is another', () => {
  const words = (text: string) => [
    { type: 'message.delta', data: { messageId, text } },
    { type: 'message.assistant', data: { messageId, text, attachments: [] } },
  ];
  const resumed = { type: 'run.notice', data: { kind: 'resumed_after_restart', detail: 'It goes on.' } };
  const { types, events } = projected(logOf(...begun, ...words('He'), resumed, ...words('Hello'), usage));
  const request = ['span.model_request_start', 'agent.message', 'span.model_request_end'];
  expect(types).toEqual(['user.message', ...running, ...request, ...request]);
  expect(events.filter(({ type }) => type === 'span.model_request_end')).toMatchObject([
    { is_error: true, model_request_start_id: events[3]?.id },
    { is_error: false, model_request_start_id: events[6]?.id },
  ]);
  // A restart between two requests ends none.
  expect(projected(logOf(...begun, usage, resumed)).types.slice(-1)).toEqual(['span.model_request_end']);
});

test('a session that reached its budget rests without a message, because no model wrote one', () => {
  const text = 'The budget is spent.';
  const question = (waits: 'budget' | 'stuck') => [
    { type: 'message.delta', data: { messageId, text, waits } },
    { type: 'message.assistant', data: { messageId, text, attachments: [], waits } },
    { type: 'run.wait', data: { question: text, reason: waits } },
  ];
  const { types, events, projection } = projected(logOf(...begun, ...question('budget')));
  expect(types).toEqual(['user.message', ...running, ...idle]);
  expect(events.at(-1)).toMatchObject({ stop_reason: { type: 'budget_reached' } });
  expect([projection.shows, projection.lastWords, projection.hasOpenRun]).toEqual([true, '', true]);
  // Only the question of a run without progress shows why it is idle; no model request led to it.
  const stuck = projected(logOf(...begun, ...question('stuck')));
  expect(stuck.types).toEqual(['user.message', ...running, 'agent.message', ...idle]);
});

test('a run that fails ends with an error, and the usage stands before the end', () => {
  const { events, types } = projected(
    logOf(...begun, usage, { type: 'run.error', data: { error: 'Busy' } }, end('failed', 'failed', 'model_overloaded')),
  );
  expect(types.slice(-4)).toEqual(['session.error', ...idle]);
  expect(events.find(({ type }) => type === 'session.error')).toMatchObject({
    error: { type: 'model_overloaded_error', message: 'Busy', retry_status: { type: 'exhausted' } },
  });
  expect(events.find(({ type }) => type === 'session.usage')).toMatchObject({
    usage: {
      input_tokens: 6,
      cache_read_input_tokens: 4,
      output_tokens: 5,
      list_cost: { amount: '2', currency: 'USD' },
    },
  });
});

test.each([
  [true, 'mcp_authentication_failed_error'],
  [false, 'mcp_connection_failed_error'],
])('a tool server without tools (refused: %s) is reported as %s, and the turn continues', (isRefused, type) => {
  const notice = (name: string) => ({
    type: 'run.notice',
    data: { kind: 'no_tools', detail: 'No.', server: { name, isRefused } },
  });
  const { events, types, projection } = projected(logOf(...begun, notice('github'), notice('other'), usage));
  expect(types.slice(3)).toEqual([
    ...['session.error', 'session.error', 'span.model_request_start', 'span.model_request_end'],
  ]);
  const error = { type, message: 'No.', retry_status: { type: 'retrying' } };
  expect(events.flatMap((one) => (one.type === 'session.error' ? [one.error] : []))).toEqual([
    { ...error, mcp_server_name: 'GitHub' },
    { ...error, mcp_server_name: 'other' },
  ]);
  expect(projection.status).toBe('running');
});

test('a repository that could not be fetched is an error of the session, and the turn continues', () => {
  const fact = (kind: string) => ({
    type: 'repository',
    data: { kind, url: 'https://github.com/acme/tools', path: 'tools', detail: 'No.' },
  });
  const { events, projection } = projected(logOf(...begun, fact('fetching'), fact('failed'), fact('ready')));
  expect(events.flatMap((one) => (one.type === 'session.error' ? [one.error] : []))).toEqual([
    {
      type: 'repository_clone_error',
      message: 'No.',
      retry_status: { type: 'retrying' },
      repository_url: 'https://github.com/acme/tools',
    },
  ]);
  expect(projection.status).toBe('running');
});

test('a pause for the provider is reported once, and the run continues with the next text', () => {
  const notice = { type: 'run.notice', data: { kind: 'waiting_provider', detail: 'Busy' } };
  const reply = { type: 'message.assistant', data: { messageId, text: 'Done', attachments: [] } };
  const { types, projection } = projected(logOf(...begun, notice, notice, reply));
  expect(types).toEqual([
    ...['user.message', ...running, 'session.error', 'session.thread_status_rescheduled'],
    ...['session.status_rescheduled', 'session.error', ...running, 'span.model_request_start', 'agent.message'],
  ]);
  expect(projection.status).toBe('running');
});

test('a call of a tool server has the name that the program gave the server', () => {
  const { events } = projected(logOf(...begun, calling('mcp', 'mcp_github_get_issue')));
  expect(events.at(-1)).toMatchObject({ type: 'agent.mcp_tool_use', name: 'get_issue', mcp_server_name: 'GitHub' });
});

test('a call of a self-hosted environment waits for a person first, then for its worker', () => {
  const [request, ...question] = approval('bash');
  const forWorker = [
    { ...request, type: 'approval.requested', data: { ...request?.data, byClient: true } },
    ...question,
  ];
  const allowed = { type: 'approval.resolved', data: { callId: 'c1', decision: 'approved', by: 'program' } };
  const output = { output: 'done', isError: true };
  const input = { type: 'approval.resolved', data: { ...allowed.data, result: output } };
  const resumed = { type: 'run.resumed', data: {} };
  const first = projected(logOf(...begun, usage, ...approval('bash')));
  const use = first.events.find(({ type }) => type === 'agent.tool_use');
  expect(use).toMatchObject({ evaluated_permission: 'ask' });
  expect(first.projection.callOf(use?.id ?? '')).toMatchObject({ waitsFor: 'permission' });
  const log = [...begun, usage, ...approval('bash'), allowed, resumed, ...forWorker];
  const second = projected(logOf(...log));
  expect(second.projection.callOf(use?.id ?? '')).toMatchObject({ waitsFor: 'result' });
  expect(second.projection.pending).toEqual([use?.id]);
  expect(second.types.filter((type) => type === 'agent.tool_use')).toHaveLength(1);
  const third = projected(logOf(...log, input, resumed));
  const expected = { tool_use_id: use?.id, content: [{ type: 'text', text: 'done' }], is_error: true };
  expect(third.events.find(({ type }) => type === 'user.tool_result')).toMatchObject(expected);
  const alone = projected(logOf(...begun, usage, ...forWorker));
  expect(alone.events.find(({ type }) => type === 'agent.tool_use')).toMatchObject({ evaluated_permission: 'allow' });
});

test('of several calls that wait each answer leaves the others, and no question is a message of the agent', () => {
  const [first, , wait] = approval('get_weather');
  const [second] = approval('get_weather', 'c2');
  const question = {
    type: 'message.assistant',
    data: { messageId, text: 'I wait.', attachments: [], waits: 'approval' },
  };
  const result = { output: 'rain', isError: false };
  const log = logOf(
    ...begun,
    ...[first, second, question, wait].flatMap((one) => one ?? []),
    { type: 'approval.resolved', data: { callId: 'c1', decision: 'approved', by: 'program', result } },
    { type: 'run.resumed', data: {} },
    question,
    ...[wait].flatMap((one) => one ?? []),
  );
  const { events, types } = projected(log);
  const uses = events.filter(({ type }) => type === 'agent.custom_tool_use').map(({ id }) => id);
  const named = events.flatMap(({ type, stop_reason: why }) =>
    type === 'session.status_idle' ? [(why as { event_ids: string[] }).event_ids] : [],
  );
  expect(named).toEqual([uses, uses.slice(1)]);
  expect(types).not.toContain('agent.message');
});

type Three = [SessionEvent, SessionEvent, SessionEvent];
test('a message that waits for its turn is marked so, and listed without a time until then', () => {
  const next = '3f0b6f0e-7c1d-4a51-9f43-2f6f0f1f7a99';
  const [, ...log] = logOf(...begun, ...begun, end('completed', 'completed'), ...begun);
  const own = (event: SessionEvent, id: string) => ({ ...event, runId: id }) as SessionEvent;
  const [started, waiting, , ended, , begins] = log as [...Three, ...Three];
  const projection = new ThreadProjection(sessionId, facts);
  projection.add(started);
  expect(projection.add(own(waiting, next))).toEqual([]);
  expect(projection.queued).toMatchObject([{ type: 'user.message', processed_at: null }]);
  const [{ id } = { id: '' }] = projection.queued;
  projection.add(ended);
  const expected = { id, type: 'user.message', processed_at: '1970-01-01T00:00:06.000Z' };
  expect(projection.add(own(begins, next))[0]).toMatchObject(expected);
  expect(projection.queued).toEqual([]);
});

test('thinking comes before its message, once', () => {
  const reply = { type: 'message.assistant', data: { messageId, text: 'Hi', attachments: [], thought: true } };
  const used = { ...usage, data: { ...usage.data, thoughts: 'Hm.' } };
  const { types } = projected(logOf(...begun, reply, used, used));
  const thoughts = types.filter((type) => type === 'agent.thinking' || type === 'agent.message');
  expect(thoughts).toEqual(['agent.thinking', 'agent.message', 'agent.thinking']);
});

test.each([
  ['model_rate_limited', 'model_rate_limited_error'],
  ['model_stalled', 'model_request_failed_error'],
  [undefined, 'model_overloaded_error'],
])('a pause for %s is an error of the type %s', (code, type) => {
  const notice = { type: 'run.notice', data: { kind: 'waiting_provider', detail: 'Later.', ...(code && { code }) } };
  const { events } = projected(logOf(...begun, notice));
  expect(events.find((event) => event.type === 'session.error')).toMatchObject({ error: { type } });
});

test('one update of title and metadata is one event', () => {
  const changed = { type: 'session.updated', data: { title: 'New', metadata: { a: '1' } } };
  const title = (text: string) => ({ type: 'title', data: { title: text } });
  const log = logOf(...begun, changed, title('New'), title('New'));
  const { events } = projected(log.map((event) => (event.type === 'title' ? { ...event, runId: null } : event)));
  const updates = events.filter(({ type }) => type === 'session.updated');
  expect(updates).toMatchObject([{ title: 'New', metadata: { a: '1' } }, { title: 'New' }]);
});

test.each([
  ['2', 'budget_reached', 'budget_reached'],
  ['3', 'end_turn', 'sent'],
])(
  'a turn that uses two cents under a limit of %s ends with %s, and the next message is %s',
  async (amount, reason, next) => {
    const limit = { type: 'limit', max_list_cost: { amount, currency: 'USD' } } as const;
    const projection = new SessionProjection(sessionId, facts, limit);
    const events = logOf(...begun, usage, end('completed', 'completed')).flatMap((event) => projection.add(event));
    expect(events.at(-1)?.event).toMatchObject({ type: 'session.status_idle', stop_reason: { type: reason } });
    const sessions = { activeRun: async () => undefined, send: async () => ({ seq: 9 }) };
    const target = { record: { id: sessionId, budget: { hard: true } }, projection, sessions, files: {}, now: () => 1 };
    const message = { type: 'user.message', content: [{ type: 'text', text: 'Hi' }] };
    const sent = sendEvents(target as never, parseInboundEvents({ events: [message] })).then(() => 'sent');
    expect(await sent.catch(({ code, narrow }) => code === 'invalid_request' && narrow.errorCode)).toBe(next);
  },
);

test('the pictures of a result come back as pictures, with the files that have them', () => {
  const pictures = [{ file: messageId, mimeType: 'image/png' }];
  const { events } = projected(
    logOf(...begun, calling('file', 'read'), called('file', 'read', { output: 'a.png', pictures })),
  );
  const image = { type: 'image', source: { type: 'file', file_id: `file_u${messageId.replaceAll('-', '')}` } };
  expect(events.at(-1)).toMatchObject({ type: 'agent.tool_result', content: [{ type: 'text', text: 'a.png' }, image] });
});
