import { expect, test } from 'vitest';
import type { SessionEvent, SessionFact } from '../../../../src/core/model/events.ts';
import { MessageId, RunId, SessionId } from '../../../../src/core/model/ids.ts';
import { toHistoryItem, toHistoryMessage } from '../../../../src/facades/compat/crogia/history.ts';
import { fact } from '../../../support/machines/session-parts.ts';
import { demoRun } from '../../../support/servers/demo-run.ts';

const sessionId = SessionId.parse('5f2a0c9be41d7733');
const runId = RunId.parse('11111111-1111-4111-8111-111111111111');
const messageId = MessageId.parse('22222222-2222-4222-8222-222222222222');
const question: SessionFact = fact(
  'tool.calling',
  { callId: 'call_2', tool: 'message', function: 'message_ask_user', args: { text: 'Which?' } },
  runId,
);
const facts: SessionFact[] = [
  { type: 'message.user', runId, data: { messageId, text: 'Say hi', attachments: [] } },
  { type: 'run.started', runId, data: { task: 'Say hi', messageId } },
  ...demoRun(runId),
  question,
];
const events: SessionEvent[] = facts.map((fact, n) => ({ ...fact, seq: n + 1, sessionId, ts: 0 }));
const isShown = <T>(one: T | undefined): one is T => one !== undefined;

test('the conversation has both sides, whole and in order', () => {
  const ai = { type: 'ai', id: '00000000-0000-4000-8000-000000000001' };
  expect(events.map(toHistoryMessage).filter(isShown)).toEqual([
    { type: 'human', content: 'Say hi', id: messageId },
    { ...ai, content: 'Working on it: Say hi' },
    { ...ai, content: 'It says hi.' },
    { ...ai, content: 'All done: hi' },
  ]);
});

test('a failed run is an assistant message with the error', () => {
  const error = { type: 'run.error', runId, data: { error: 'No model.' }, seq: 9, sessionId, ts: 0 } as SessionEvent;
  expect(toHistoryMessage(error)).toEqual({ type: 'ai', content: 'No model.', id: `${sessionId}-9` });
  const expected = { role: 'assistant', content: [{ type: 'output_text', text: 'No model.' }] };
  expect(toHistoryItem(error, '/workspace')).toEqual(expected);
});

test('the full conversation has each tool call and its output too, questions included, an open call without an output', () =>
  expect(events.map((event) => toHistoryItem(event, '/workspace')).filter(isShown)).toEqual([
    { role: 'user', content: 'Say hi' },
    { role: 'assistant', content: [{ type: 'output_text', text: 'Working on it: Say hi' }] },
    { type: 'function_call', name: 'run_shell', arguments: '{"cmd":"echo hi"}', call_id: 'call_1' },
    { type: 'function_call_output', call_id: 'call_1', output: 'hi\n' },
    { role: 'assistant', content: [{ type: 'output_text', text: 'It says hi.' }] },
    { role: 'assistant', content: [{ type: 'output_text', text: 'All done: hi' }] },
    { type: 'function_call', name: 'message_ask_user', arguments: '{"text":"Which?"}', call_id: 'call_2' },
  ]));
