import { expect, test } from 'vitest';
import type { SessionEvent, SessionFact } from '../../../../src/core/model/events.ts';
import { MessageId, RunId, SessionId } from '../../../../src/core/model/ids.ts';
import { createResyncFrame, toConversationFrame } from '../../../../src/facades/shared/conversation/frames.ts';
import { parseClientFrame } from '../../../../src/facades/shared/conversation/socket.ts';
import { formatToolCall, translateToolCall } from '../../../../src/facades/shared/conversation/tool-names.ts';

const sessionId = SessionId.parse('5f2a0c9be41d7733');
const runId = RunId.parse('11111111-1111-4111-8111-111111111111');
const messageId = MessageId.parse('22222222-2222-4222-8222-222222222222');
const ts = Date.parse('2025-01-01T00:00:00.000Z');
const event = (fact: SessionFact, seq = 7): SessionEvent => ({ ...fact, seq, sessionId, ts });
const replied = (fact: SessionFact) => toConversationFrame(event(fact), '/workspace');
const common = { session_id: sessionId, timestamp: '2025-01-01T00:00:00.000Z', seq: 7 };

test('a tool call carries the name and the arguments that its clients know, and a line for people', () => {
  const data = {
    callId: 'call_1',
    tool: 'shell',
    function: 'shell_exec',
    args: { id: 'main', exec_dir: '/workspace', command: 'ls -la' },
  } as const;
  expect(replied({ type: 'tool.calling', runId, data })).toEqual({
    ...common,
    type: 'tool_call',
    tool_name: 'run_shell',
    arguments: { cmd: 'ls -la' },
    tool_call_id: 'call_1',
    content: 'run_shell: ls -la',
  });
  const called = { ...data, success: false, output: 'no\n', exitCode: 2, content: null };
  expect(replied({ type: 'tool.called', runId, data: called })).toEqual({
    ...common,
    type: 'tool_complete',
    tool_name: 'run_shell',
    tool_call_id: 'call_1',
    success: false,
    output: 'no\n',
    content: '',
  });
});

const ended = (status: 'completed' | 'stopped' | 'failed') => ({ status, reason: status, task: 'T' });
const completed = { type: 'task_completed', task: 'T', run_id: runId, content: '' };
const text = { type: 'text_delta', role: 'assistant', message_id: messageId, content: 'Hel' };
test.each<[type: SessionFact['type'], data: object, shown: object | undefined]>([
  ['run.started', { task: 'Say hi', messageId }, { type: 'task_started', task: 'Say hi', run_id: runId, content: '' }],
  ['message.delta', { messageId, text: 'Hel' }, text],
  ['run.wait', { question: 'Which?' }, { type: 'waiting', question: 'Which?', run_id: runId, content: '' }],
  ['run.error', { error: 'It broke.' }, { type: 'error', message: 'It broke.', content: 'It broke.' }],
  ['run.end', ended('completed'), { ...completed, status: 'completed' }],
  ['run.end', ended('stopped'), { ...completed, status: 'stopped' }],
  ['run.end', ended('failed'), undefined],
])('%s %j is the frame %j', (type, data, shown) =>
  expect(replied({ type, runId, data } as SessionFact)).toEqual(shown && { ...common, ...shown }),
);

test('a resync names where to continue, and a reader that was too slow has a cursor that is too old', () => {
  const item = { kind: 'resync', reason: 'too_slow', oldest: 3, head: 90 } as const;
  expect(createResyncFrame(sessionId, ts, item)).toEqual({
    type: 'resync',
    session_id: sessionId,
    reason: 'cursor_too_old',
    oldest_seq: 3,
    latest_seq: 90,
    seq: 90,
    content: '',
    timestamp: common.timestamp,
  });
  expect(createResyncFrame(sessionId, ts, { ...item, reason: 'cursor_ahead' }).reason).toBe('cursor_ahead');
});

test.each([
  ['shell_exec', { id: 'main', exec_dir: '/w', command: 'ls' }, 'run_shell', { cmd: 'ls' }],
  ['file_write', { file: '/w/a/b.py', content: 'x', append: false }, 'write_file', { path: 'a/b.py', content: 'x' }],
  ['file_write', { file: 'b', content: 'x', append: true }, 'write_file', { path: 'b', content: 'x', append: true }],
  ['file_read', { file: '/w/b', start_line: 2 }, 'read_file', { path: 'b', start_line: 2 }],
  [
    'file_str_replace',
    { file: '/w/b', old_str: '1', new_str: '2' },
    'edit_file',
    { path: 'b', old_str: '1', new_str: '2' },
  ],
  ['file_find_by_name', { path: '/w', glob: '*.py' }, 'search_files', { path: '.', glob: '*.py' }],
  ['file_find_in_content', { file: '/w/b', regex: 'x' }, 'grep_search', { file: '/w/b', regex: 'x' }],
  ['file_read', { file: '/wider/b' }, 'read_file', { path: '/wider/b' }],
  ['info_search_web', { query: 'q' }, 'info_search_web', { query: 'q' }],
  ['shell_view', { id: 'main' }, 'shell_view', { id: 'main' }],
])('%s %j is %s %j', (name, args, theirs, expected) =>
  expect(translateToolCall(name, args, '/w')).toEqual({ name: theirs, arguments: expected }),
);

test('the line for people is one line, and not a long one', () => {
  expect(formatToolCall({ name: 'run_shell', arguments: { cmd: ' cd a \r\n  ls\n' } })).toBe('run_shell: cd a ls');
  expect(formatToolCall({ name: 'write_file', arguments: { content: 'x', path: 'a.py' } })).toBe('write_file: a.py');
  expect(formatToolCall({ name: 'browser_click', arguments: { index: 3 } })).toBe('browser_click');
  expect(formatToolCall({ name: 'run_shell', arguments: { cmd: 'x'.repeat(500) } })).toHaveLength(
    'run_shell: '.length + 200,
  );
  const cut = formatToolCall({ name: 'run_shell', arguments: { cmd: `${'x'.repeat(198)}😀😀` } });
  expect(cut).toBe(`run_shell: ${'x'.repeat(198)}…`);
});

test.each([
  [{ content: 'hi' }, { kind: 'message', text: 'hi', mode: undefined }],
  [
    { type: 'message', content: 'hi', mode: 'replace' },
    { kind: 'message', text: 'hi', mode: 'replace' },
  ],
  [
    { content: 'hi', mode: null },
    { kind: 'message', text: 'hi', mode: undefined },
  ],
  [{ type: 'stop' }, { kind: 'stop' }],
  [{ type: 'ping' }, { kind: 'ping' }],
])('the frame %j of a client is understood', (frame, expected) => expect(parseClientFrame(frame)).toEqual(expected));

test.each([
  [{ type: 'dance' }, 'Unknown message type: dance'],
  [{ type: 5, content: 'hi' }, 'Unknown message type: 5'],
  [{ type: null, content: 'hi' }, 'Unknown message type: null'],
  [{}, 'content must be a non-empty string'],
  [{ content: ' \n' }, 'content must be a non-empty string'],
  [{ content: 7 }, 'content must be a non-empty string'],
  [{ content: 'x'.repeat(200_001) }, 'content must have at most 200000 characters'],
  [{ content: 'hi', mode: 'later' }, 'mode must be inject, queue or replace'],
])('a client that sends %j gets the reason', (frame, message) =>
  expect(parseClientFrame(frame)).toEqual({ kind: 'bad', message }),
);
