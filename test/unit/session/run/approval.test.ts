import { expect, test } from 'vitest';
import { leaveFor } from '../../../../src/session/run/approval.ts';
import { toolRegistry } from '../../../../src/tools/registry.ts';

const tools = toolRegistry();
const call = (name: string, args: unknown = {}) => ({ callId: 'c1', name, args, begun: false });
const asking = (...names: string[]) => ({ tools, approvals: { tools: names, timeoutMs: 1_000 } });

test('F113 a listed tool asks, with what it would do; others do not', () => {
  expect(leaveFor(asking('shell_exec'), call('shell_exec', { command: 'rm -rf /' }))).toEqual({
    kind: 'ask',
    question: expect.stringContaining('rm -rf /'),
    approval: { callId: 'c1', function: 'shell_exec', args: { command: 'rm -rf /' }, timeoutMs: 1_000 },
  });
  expect(leaveFor(asking('shell_exec'), call('file_read'))).toBeUndefined();
  expect(leaveFor({ tools, approvals: undefined }, call('shell_exec'))).toBeUndefined();
});

test('F113 all tools may be listed, but for those that only speak and those that do not exist', () => {
  expect(leaveFor(asking('*'), call('file_read'))).toMatchObject({ kind: 'ask' });
  for (const name of ['message_ask_user', 'message_notify_user', 'no_such_tool'])
    expect(leaveFor(asking('*'), call(name)), name).toBeUndefined();
});

test('F113 with leave the call is made; without, the model is told why not', () => {
  const decided = (verdict: { decision: 'approved' | 'rejected' | 'expired'; text?: string }) =>
    leaveFor(asking('*'), { ...call('shell_exec'), verdict });
  expect(decided({ decision: 'approved' })).toBeUndefined();
  expect(decided({ decision: 'rejected', text: 'use make' })).toEqual({
    kind: 'refused',
    why: expect.stringMatching(/rejected.*use make/),
  });
  expect(decided({ decision: 'expired' })).toEqual({ kind: 'refused', why: expect.stringContaining('in time') });
});

test('F113 a call that was begun before a restart had leave; one whose refusal was being told is still refused', () => {
  const begun = { ...call('shell_exec'), begun: true };
  expect(leaveFor(asking('*'), begun)).toBeUndefined();
  expect(leaveFor(asking('*'), { ...begun, verdict: { decision: 'rejected' } })).toMatchObject({ kind: 'refused' });
});

test('F113 what would be done is told in few words, however long it is', () => {
  const asked = leaveFor(asking('*'), call('file_write', { content: 'x'.repeat(100_000) }));
  expect(asked?.kind === 'ask' && asked.question.length).toBeLessThan(1_000);
});
