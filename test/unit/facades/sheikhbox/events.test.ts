import { describe, expect, test } from 'vitest';
import type { SessionEvent, SessionFact, ToolContent, ToolFamily } from '../../../../src/core/model/events.ts';
import { MessageId, RunId, SessionId } from '../../../../src/core/model/ids.ts';
import {
  createResyncEvent,
  type SheikhboxProfile,
  toEpochSeconds,
  toSheikhboxEvent,
} from '../../../../src/facades/compat/sheikhbox/stream/events.ts';
import { fact } from '../../../support/machines/session-parts.ts';

const runId = RunId.parse('00000000-0000-4000-8000-000000000001');
const messageId = MessageId.parse('00000000-0000-4000-8000-000000000002');
const at = 1_735_689_600_999;
const event = (fact: SessionFact): SessionEvent => ({
  ...fact,
  seq: 7,
  sessionId: SessionId.parse('0123456789abcdef'),
  ts: at,
});
const message = (fact: SessionFact, profile: SheikhboxProfile = 'current') => toSheikhboxEvent(event(fact), profile);
const stamp = { event_id: '7', timestamp: 1_735_689_600 };
const calling = (tool: ToolFamily, name = 'f'): SessionFact =>
  fact('tool.calling', { callId: 'c', tool, function: name, args: { a: 1 } }, runId);
const called = (tool: ToolFamily, content: ToolContent | null, name = 'f'): SessionFact =>
  fact(
    'tool.called',
    { callId: 'c', tool, function: name, args: { a: 1 }, success: true, output: 'out', content },
    runId,
  );

describe('every row of the mapping', () => {
  const steps = [{ id: '1', description: 'd', status: 'pending' as const }];
  const failed = { ...steps[0], status: 'failed' };
  const rows: [SessionFact, string | undefined, object?][] = [
    [
      { type: 'message.user', runId, data: { messageId, text: 'hi', attachments: [], clientTimestamp: 5 } },
      'message',
      { role: 'user', content: 'hi', attachments: null },
    ],
    [
      { type: 'message.assistant', runId, data: { messageId, text: 'yes', attachments: [] } },
      'message',
      { role: 'assistant', content: 'yes', attachments: null },
    ],
    [{ type: 'run.started', runId, data: { task: 't', messageId } }, undefined],
    [{ type: 'title', runId: null, data: { title: 'T' } }, 'title', { title: 'T' }],
    [{ type: 'plan', runId, data: { steps } }, 'plan', { steps }],
    [{ type: 'step', runId, data: failed as never }, 'step', failed],
    [{ type: 'message.delta', runId, data: { messageId, text: 'x' } }, undefined],
    [{ type: 'tool.output', runId, data: { callId: 'c', text: 'x' } }, undefined],
    [{ type: 'run.wait', runId, data: { question: 'Q' } }, 'wait', {}],
    [{ type: 'run.resumed', runId, data: { messageId } }, undefined],
    [{ type: 'run.notice', runId, data: { kind: 'stuck', detail: '' } }, undefined],
    [{ type: 'run.error', runId, data: { error: 'E' } }, 'error', { error: 'E' }],
    [{ type: 'run.end', runId, data: { status: 'completed', reason: 'completed', task: '' } }, 'done', {}],
    [{ type: 'run.end', runId, data: { status: 'stopped', reason: 'superseded', task: '' } }, 'done', {}],
    [{ type: 'run.end', runId, data: { status: 'failed', reason: 'failed', task: '' } }, undefined],
    [{ type: 'session.created', runId: null, data: { origin: 'trpc', template: 't' } }, undefined],
    [{ type: 'session.updated', runId: null, data: { title: 'x' } }, undefined],
    [{ type: 'sandbox.phase', runId: null, data: { phase: 'ready' } }, undefined],
    [{ type: 'egress', runId, data: { host: 'h', port: 1, decision: 'refused', rule: 'r' } }, undefined],
    [{ type: 'usage', runId, data: { model: 'm', inputTokens: 1, outputTokens: 1 } }, undefined],
  ];
  test.each(rows)('%j is %s', (fact, name, data) =>
    expect(message(fact)).toEqual(name && { event: name, data: { ...stamp, ...data } }),
  );
});

describe('tools', () => {
  test('calling has no content; called repeats id, function and args', () => {
    const common = { ...stamp, tool_call_id: 'c', name: 'shell', function: 'f', args: { a: 1 } };
    expect(message(calling('shell'))?.data).toEqual({ ...common, status: 'calling', content: null });
    const console = [{ ps1: '$ ', command: 'c', output: 'o' }];
    expect(message(called('shell', { console }))?.data).toEqual({ ...common, status: 'called', content: { console } });
  });

  test.each<[ToolFamily, ToolContent | null, object | null]>([
    ['file', { content: 'new', oldContent: 'old' }, { content: 'new', old_content: 'old' }],
    ['file', { content: 'new', oldContent: null }, { content: 'new', old_content: null }],
    ['browser', { screenshot: '/s.png' }, { screenshot: '/s.png' }],
    ['mcp', { result: [1] }, { result: [1] }],
    ['message', { result: 1 }, null],
    ['shell', null, null],
  ])('the content of %s %j is %j', (tool, content, shown) =>
    expect(message(called(tool, content))?.data).toHaveProperty('content', shown),
  );

  test('a family that this wire does not know is shown as mcp', () =>
    expect(message(calling('kernel'))?.data).toMatchObject({ name: 'mcp', function: 'f' }));

  test('a search also has the result that v2.0.0 reads', () => {
    const results = [{ title: 't', link: 'l', snippet: 's' }];
    const expected = { content: { results }, result: { success: true, data: { results } } };
    expect(message(called('search', { results }))?.data).toMatchObject(expected);
    expect(message(called('search', null))?.data).toHaveProperty('result', { success: true, data: { results: [] } });
    expect(message(calling('search'))?.data).not.toHaveProperty('result');
  });

  test('a question is not shown as a tool, a notice is', () => {
    for (const make of [calling, (tool: ToolFamily, name: string) => called(tool, null, name)]) {
      expect(message(make('message', 'message_ask_user'))).toBeUndefined();
      expect(message(make('message', 'message_notify_user'))?.event).toBe('tool');
    }
  });

  test.each<[ToolFamily, boolean, boolean]>([
    ['shell', true, false],
    ['file', true, false],
    ['browser', true, false],
    ['message', true, false],
    ['search', false, true],
    ['mcp', false, false],
    ['kernel', false, false],
  ])('profile v2.0 sees of %s: calling %s, called %s', (tool, showsCalling, showsCalled) => {
    expect(message(calling(tool), 'v2.0') !== undefined).toBe(showsCalling);
    expect(message(called(tool, null), 'v2.0') !== undefined).toBe(showsCalled);
  });
});

test('an attached file has a name and an id', () => {
  const attached = fact('message.assistant', { messageId, text: '', attachments: ['/workspace/a.md'] }, runId);
  expect(message(attached)?.data).toHaveProperty('attachments', [
    expect.objectContaining({ file_id: '/workspace/a.md', filename: 'a.md', upload_date: '2025-01-01T00:00:00.999Z' }),
  ]);
});

test('a resync says why and from where to where; a slow reader’s cursor counts as too old', () => {
  const resync = (reason: 'cursor_ahead' | 'cursor_too_old' | 'too_slow') =>
    createResyncEvent({ kind: 'resync', reason, oldest: 3, head: 9 }, at);
  expect(resync('cursor_ahead')).toEqual({
    event: 'resync',
    data: {
      event_id: '9',
      timestamp: toEpochSeconds(at),
      reason: 'cursor_ahead',
      oldest_event_id: '3',
      latest_event_id: '9',
    },
  });
  expect(resync('too_slow').data.reason).toBe('cursor_too_old');
});
