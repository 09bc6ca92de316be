import { expect, test } from 'vitest';
import type { SessionEvent, SessionFact } from '../../../../src/core/model/events.ts';
import { MessageId, RunId, SessionId } from '../../../../src/core/model/ids.ts';
import { toCambioMessage } from '../../../../src/facades/compat/cambio/routes.ts';

const sessionId = SessionId.parse('5f2a0c9be41d7733');
const runId = RunId.parse('11111111-1111-4111-8111-111111111111');
const messageId = MessageId.parse('22222222-2222-4222-8222-222222222222');
const at = (fact: SessionFact): SessionEvent => ({
  ...fact,
  seq: 9,
  sessionId,
  ts: Date.parse('2025-01-01T00:00:00Z'),
});
const data = { messageId, text: 'hi', attachments: [] };

test('a message has its id, its role, its time and its seq in the log', () => {
  const message = {
    id: messageId,
    session_id: sessionId,
    role: 'user',
    content: 'hi',
    timestamp: '2025-01-01T00:00:00.000Z',
    metadata: { run_id: runId, seq: 9 },
  };
  expect(toCambioMessage(at({ type: 'message.user', runId, data }))).toEqual(message);
  expect(toCambioMessage(at({ type: 'message.assistant', runId, data }))).toEqual({ ...message, role: 'assistant' });
});

test('deltas and unspoken text are no messages', () => {
  expect(toCambioMessage(at({ type: 'message.delta', runId, data: { messageId, text: 'h' } }))).toBeUndefined();
  expect(toCambioMessage(at({ type: 'title', runId, data: { title: 'T' } }))).toBeUndefined();
});
