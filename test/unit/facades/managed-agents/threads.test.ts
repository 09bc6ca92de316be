import { expect, test } from 'vitest';
import type { SessionEvent, SessionFact } from '../../../../src/core/model/events.ts';
import type { SessionId } from '../../../../src/core/model/ids.ts';
import { toApiEventId, toApiThreadId } from '../../../../src/facades/compat/managed-agents/sessions/ids.ts';
import type { ManagedEvent } from '../../../../src/facades/compat/managed-agents/sessions/projection.ts';
import { SessionProjection } from '../../../../src/facades/compat/managed-agents/sessions/threads/session-projection.ts';

const root = '0123456789abcdef' as SessionId;
const [writer, runner] = ['aaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbb'] as SessionId[] as [SessionId, SessionId];
const messageId = '3f0b6f0e-7c1d-4a51-9f43-2f6f0f1f7a11';
const lead = {
  name: 'Lead',
  customTools: new Set<string>(),
  servers: new Map(),
  subAgents: new Map([['W', 'Writer']]),
};
const own = (name: string) => ({ name, customTools: new Set(['get_weather']), servers: new Map() });

/** A session, and a way to write the next fact of one of its logs. */
function session() {
  const projection = new SessionProjection(root, lead);
  const heads = new Map<SessionId, number>();
  let ts = 1_000;
  const write = (log: SessionId, type: string, data: object = {}) => {
    const seq = (heads.get(log) ?? 0) + 1;
    heads.set(log, seq);
    ts += 1;
    const event = { ...({ type, data } as SessionFact), runId: null, seq, ts, sessionId: log } as SessionEvent;
    return projection
      .add(event)
      .map(({ thread, event: it }): ManagedEvent & { readonly thread: SessionId } => ({ ...it, thread }));
  };
  const begin = (log: SessionId, text: string) => [
    ...write(log, 'message.user', { messageId, text, attachments: [] }),
    ...write(log, 'run.started', { task: text, messageId }),
  ];
  const delegate = (child: SessionId, args: object, callId = `c-${child}`) => {
    const call = { callId, tool: 'delegate', function: 'delegate', args };
    const called = write(root, 'tool.calling', call);
    projection.open(child, root, own('Writer'));
    const started = write(root, 'child.started', { sessionId: child, callId, task: 'cut' });
    const end = () => write(root, 'tool.called', { ...call, success: true, output: 'done', content: null });
    return { reported: [...called, ...started], end };
  };
  const ask = (log: SessionId, name: string, callId: string) => [
    ...write(log, 'approval.requested', { callId, function: name, args: { a: 1 }, expiresAt: 1 }),
    ...write(log, 'run.wait', { question: 'May I?', reason: 'approval' }),
  ];
  const say = (log: SessionId, text: string) => [
    ...write(log, 'message.assistant', { messageId, text, attachments: [] }),
    ...write(log, 'usage', { model: 'm', inputTokens: 10, outputTokens: 5 }),
  ];
  const end = (log: SessionId, reason = 'completed') =>
    write(log, 'run.end', { status: reason, reason, task: 'x', ...(reason === 'stopped' && { status: 'stopped' }) });
  return { projection, write, begin, delegate, ask, say, end };
}
/** A session whose lead has work for these children, who begin with it. */
function atWork(...children: readonly SessionId[]) {
  const it = session();
  it.begin(root, 'Hi');
  const delegated = children.map((child) => it.delegate(child, { agent: 'W', task: 'Write' }));
  for (const child of children) it.begin(child, 'Write');
  return { ...it, delegated };
}
type WrittenEvents = ReturnType<ReturnType<typeof session>['write']>;
const typesIn = (reported: WrittenEvents, thread: SessionId) =>
  reported.flatMap((one) => (one.thread === thread ? [one.type] : []));
const find = (reported: WrittenEvents, type: string) => reported.find((one) => one.type === type);
const idle = ['session.thread_status_idle', 'session.usage', 'session.status_idle'];

test('a child is a thread: it is announced with its task, and its last words come back before it rests', () => {
  const it = session();
  it.begin(root, 'Hi');
  const { reported, end } = it.delegate(writer, { agent: 'W', task: ' Write\nall of it ' });
  expect(typesIn(reported, root)).toEqual(['session.thread_created', 'agent.thread_message_sent']);
  const to = { session_thread_id: toApiThreadId(writer), agent_name: 'Writer' };
  expect(find(reported, 'session.thread_created')).toMatchObject({ ...to, workflow_run_id: null });
  expect(find(reported, 'agent.thread_message_sent')).toMatchObject({
    to_session_thread_id: toApiThreadId(writer),
    to_agent_name: 'Writer',
    content: [{ type: 'text', text: 'Write\nall of it' }],
  });
  const begun = it.begin(writer, 'Write\nall of it');
  expect(typesIn(begun, writer)).toEqual(['agent.thread_message_received', 'session.thread_status_running']);
  expect(typesIn(begun, root)).toEqual(['session.thread_status_running']);
  expect(find(begun, 'agent.thread_message_received')).toMatchObject({ from_session_thread_id: toApiThreadId(root) });
  const reply = it.say(writer, 'A poem');
  expect(typesIn(reply, root)).toEqual([]);
  expect(typesIn(reply, writer)).toContain('agent.message');
  const ended = it.end(writer);
  expect(typesIn(ended, writer)).toEqual(['agent.thread_message_sent', 'session.thread_status_idle']);
  expect(typesIn(ended, root)).toEqual(['agent.thread_message_received', 'session.thread_status_idle']);
  expect(ended.find((one) => one.type === 'agent.thread_message_received')).toMatchObject({
    from_session_thread_id: toApiThreadId(writer),
    from_agent_name: 'Writer',
    content: [{ type: 'text', text: 'A poem' }],
  });
  expect([it.projection.status, typesIn(end(), root)]).toEqual(['running', []]);
  it.say(root, 'Done');
  const last = it.end(root);
  expect(typesIn(last, root)).toEqual(idle);
  expect(find(last, 'session.usage')).toMatchObject({ usage: { input_tokens: 20, output_tokens: 10 } });
  expect(it.projection.of(writer).usage).toMatchObject({ input: 10, output: 5 });
});

test('a message that a person wrote to a child is not one of its parent', () => {
  const it = session();
  it.begin(root, 'Hi');
  it.delegate(writer, { agent: 'W', task: 'Write' });
  expect(typesIn(it.begin(writer, 'Write'), writer)[0]).toBe('agent.thread_message_received');
  const other = it.write(writer, 'message.user', { messageId, text: 'Write', attachments: [] });
  expect(typesIn(other, writer)).toEqual(['user.message']);
  const call = { callId: 's', tool: 'delegate', function: 'delegate_send', args: { child: writer, text: 'More' } };
  it.write(root, 'tool.calling', call);
  const sent = it.write(root, 'tool.called', { ...call, success: true, output: 'sent', content: null });
  expect(typesIn(sent, root)).toEqual(['agent.thread_message_sent']);
  const received = it.write(writer, 'message.user', { messageId, text: 'More', attachments: [] });
  expect(typesIn(received, writer)).toEqual(['agent.thread_message_received']);
});

test('calls of children that wait for the program stand in the primary stream, and the session rests when nothing else continues', () => {
  const it = atWork(writer, runner);
  const requested = it.ask(writer, 'get_weather', 'w');
  expect(typesIn(requested, root)).toEqual(['agent.custom_tool_use', 'session.thread_status_idle']);
  const use = requested.find((one) => one.thread === root && one.type === 'agent.custom_tool_use');
  expect(use).toMatchObject({ session_thread_id: toApiThreadId(writer) });
  expect(requested.find((one) => one.thread === writer && one.type === 'agent.custom_tool_use')).toMatchObject({
    id: use?.id,
  });
  expect(it.projection.isWaiting).toBe(false);
  const also = it.ask(runner, 'bash', 'r');
  expect(typesIn(also, root)).toEqual(['agent.tool_use', 'session.thread_status_idle', ...idle]);
  const [command] = also.flatMap((one) => (one.type === 'agent.tool_use' ? [one.id] : []));
  expect(also.at(-1)).toMatchObject({ stop_reason: { type: 'requires_action', event_ids: [use?.id, command] } });
  expect([it.projection.status, it.projection.statusOf(root), it.projection.isWaiting]).toEqual(['idle', 'idle', true]);
  expect(it.projection.callOf(use?.id ?? '')).toMatchObject({ thread: writer, callId: 'w', waitsFor: 'result' });
  expect(it.projection.callOf(command ?? '')).toMatchObject({ thread: runner, waitsFor: 'permission' });

  const result = { output: 'rain', isError: false };
  const answered = [
    ...it.write(writer, 'approval.resolved', { callId: 'w', decision: 'approved', by: 'program', result }),
    ...it.write(writer, 'run.resumed'),
  ];
  expect(typesIn(answered, root)).toEqual([
    ...['user.custom_tool_result', 'session.status_running', 'session.thread_status_running'],
    'session.thread_status_running',
  ]);
  const running = answered.filter((one) => one.thread === root && one.type === 'session.thread_status_running');
  expect(running.map((one) => one.session_thread_id).sort()).toEqual([root, writer].map(toApiThreadId).sort());
  it.say(writer, 'Wet');
  // The parent is notified, and still waits for the other child.
  const rest = [...it.end(writer), ...(it.delegated[0]?.end() ?? [])];
  expect(rest.filter(({ type }) => type === 'session.status_idle')).toEqual([
    expect.objectContaining({ stop_reason: { type: 'requires_action', event_ids: [command] } }),
  ]);
});

test('a thread that is archived tells of it in both streams; only the session’s own end is one of the session', () => {
  const it = atWork(writer);
  const reported = it.write(writer, 'session.updated', { archived: true, metadata: { a: '1' } });
  expect(reported.map(({ thread, type }) => [thread, type])).toEqual([
    [writer, 'session.thread_status_terminated'],
    [root, 'session.thread_status_terminated'],
  ]);
  const own = it.write(root, 'session.updated', { archived: true });
  expect(typesIn(own, root)).toEqual(['session.thread_status_terminated', 'session.status_terminated']);
});

test('of two children that wait, one that is interrupted leaves the other one to answer', () => {
  const it = atWork(writer, runner);
  it.ask(writer, 'get_weather', 'w');
  it.ask(runner, 'get_weather', 'r');
  const stopped = it.end(runner, 'stopped');
  const expected = { thread: runner, session_thread_id: toApiThreadId(runner) };
  expect(stopped.find((one) => one.type === 'user.interrupt')).toMatchObject(expected);
  expect(stopped.at(-1)).toMatchObject({
    type: 'session.status_idle',
    stop_reason: { event_ids: [it.projection.pending[0]] },
  });
  it.delegated[1]?.end();
  expect(typesIn(it.end(root, 'stopped'), root)).toEqual(['user.interrupt', 'session.thread_status_idle']);
  expect(it.projection.status).toBe('running'); // until its child has stopped too
  const last = it.end(writer, 'stopped');
  expect(typesIn(last, root)).toEqual(idle);
  expect(last.at(-1)).toMatchObject({ type: 'session.status_idle', stop_reason: { type: 'end_turn' } });
  expect(it.projection.status).toBe('idle');
});

test('a session that was interrupted can continue before its children have stopped', () => {
  const it = atWork(writer);
  it.ask(writer, 'get_weather', 'w');
  expect(it.projection.status).toBe('idle');
  it.end(root, 'stopped');
  const expected = ['user.message', 'session.status_running', 'session.thread_status_running'];
  expect(typesIn(it.begin(root, 'Again'), root)).toEqual(expected);
  expect(typesIn(it.end(writer, 'stopped'), root)).toEqual(['session.thread_status_idle']);
  expect(typesIn([...it.say(root, 'Done'), ...it.end(root)], root).slice(-3)).toEqual(idle);
});

test('a child that was deleted counts no more', () => {
  const it = atWork(writer);
  it.end(root, 'stopped');
  it.projection.forget(writer);
  expect([it.projection.has(writer), it.projection.threads]).toEqual([false, [root]]);
  expect([typesIn(it.begin(root, 'Again'), root)[0], typesIn(it.end(root), root)]).toEqual(['user.message', idle]);
});

test('an agent without children has the same events as its log alone, also after a pause for the provider', () => {
  const it = session();
  const reports = [
    ...it.begin(root, 'Hi'),
    ...it.write(root, 'run.notice', { kind: 'waiting_provider', detail: 'Busy' }),
    ...it.say(root, 'Done'),
    ...it.end(root),
  ];
  expect(typesIn(reports, root)).toEqual([
    ...['user.message', 'session.status_running', 'session.thread_status_running', 'session.error'],
    ...['session.thread_status_rescheduled', 'session.status_rescheduled', 'session.status_running'],
    ...['session.thread_status_running', 'span.model_request_start', 'agent.message', 'span.model_request_end'],
    ...idle,
  ]);
  expect(find(reports, 'session.status_running')?.id).toBe(toApiEventId(root, 2));
  expect(new Set(reports.map(({ id }) => id)).size).toBe(reports.length);
  expect(it.write('cccccccccccccccc' as SessionId, 'run.started')).toEqual([]);
});
