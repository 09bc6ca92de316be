import { describe, expect, test } from 'vitest';
import {
  droppableEventTypes,
  eventNoticeOf,
  eventSummaryOf,
  isNoteEvent,
} from '../../../src/core/model/event-traits.ts';
import { SessionFact } from '../../../src/core/model/events.ts';

const runId = '123e4567-e89b-42d3-a456-426614174000';
const messageId = '123e4567-e89b-42d3-a456-426614174001';

const call = { callId: 'call_1', tool: 'shell', function: 'shell_exec', args: { command: 'ls' } };
const shortened = 'The model sees the conversation shortened';
const content = { console: [{ ps1: '$', command: 'ls', output: '' }] };

describe('session facts', () => {
  test.each([
    { type: 'message.user', runId, data: { messageId, text: 'hi', attachments: [] } },
    { type: 'message.delta', runId, data: { messageId, text: 'a' } },
    { type: 'step', runId, data: { id: '1', description: 'Look', status: 'running' } },
    { type: 'tool.called', runId, data: { ...call, success: false, output: '', reason: 'interrupted', content } },
    { type: 'run.end', runId, data: { status: 'stopped', reason: 'superseded', task: 'hi' } },
    { type: 'sandbox.phase', runId: null, data: { phase: 'ready', ms: 12 } },
    { type: 'egress', runId: null, data: { host: 'example.com', port: 443, decision: 'refused', rule: 'none' } },
  ])('$type is one, and comes back as it went in', (fact) =>
    expect(SessionFact.parse(JSON.parse(JSON.stringify(fact)))).toEqual(fact),
  );

  test.each([
    ['an unknown type', { type: 'message.edited', runId: null, data: {} }],
    ['an empty delta', { type: 'message.delta', runId, data: { messageId, text: '' } }],
    ['an unknown end', { type: 'run.end', runId, data: { status: 'stopped', reason: 'bored', task: '' } }],
    ['a run id that is none', { type: 'title', runId: 'run-1', data: { title: 'x' } }],
  ])('%s is not', (_, fact) => expect(SessionFact.safeParse(fact).success).toBe(false));

  test('have one line each, and a client reads those of a newer server too', () => {
    expect(eventSummaryOf({ type: 'tool.calling', data: call })).toBe('shell_exec ls');
    const unknown = { type: 'weather' as 'title', data: { sky: 'blue' } };
    expect([eventSummaryOf(unknown), isNoteEvent(unknown)]).toEqual(['', true]);
  });

  test.each([
    ['egress', { decision: 'refused', host: 'a.b', port: 1, rule: 'none' }, 'blocked: a.b:1 (none)'],
    ['egress', { decision: 'allowed', host: 'a.b', port: 1, rule: 'web' }, undefined],
    ['desktop', { kind: 'started', detail: 'The desktop runs.' }, undefined],
    ['context.compacted', { before: 9, after: 4 }, `${shortened}: about 9 tokens became 4.`],
  ] as const)('of the type %s tell a person what matters now: %o', (type, data, text) =>
    expect(eventNoticeOf({ type, data })?.text).toBe(text),
  );

  test('only facts that are stored in full elsewhere are droppable', () =>
    expect([...droppableEventTypes]).toEqual(['message.delta', 'tool.output']));
});
