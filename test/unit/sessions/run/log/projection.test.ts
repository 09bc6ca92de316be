import { describe, expect, test } from 'vitest';
import type { FactOf, SessionFact } from '../../../../../src/core/model/events.ts';
import {
  applyFact,
  computeSpendingAt,
  type StoredSession,
  toPublicRecord,
} from '../../../../../src/sessions/run/log/projection.ts';
import {
  asks,
  assistantMessage,
  fact,
  messageId,
  openRun,
  runId,
  says,
  stored,
} from '../../../../support/machines/session-parts.ts';

/** The record after these facts, the first of which has seq 1. */
const recordOf = (facts: readonly SessionFact[], record: StoredSession = stored(), watched = false): StoredSession =>
  facts.reduce((before, it, n) => applyFact(before, it, { seq: n + 1, ts: 100 + n, watched }), record);
const started = (n = 1) => fact('run.started', { task: `task ${n}`, messageId: messageId(n) }, runId(n));
const ended = (n = 1) => fact('run.end', { status: 'completed', reason: 'completed', task: `task ${n}` }, runId(n));

const wait = fact('run.wait', { question: '?' });
const resumed = fact('run.resumed', { messageId: messageId(2) });
const phase = (name: FactOf<'sandbox.phase'>['data']['phase']) => fact('sandbox.phase', { phase: name }, null);

describe('the record of a session', () => {
  test('knows a run from its first message, its start from its own, and forgets it with its end', () => {
    const message = recordOf([asks('do it')]);
    expect(message.openRuns).toMatchObject([{ runId: runId(), task: 'do it', seq: 1, startedSeq: null }]);
    expect(recordOf([asks('do it'), started()]).openRuns).toMatchObject([{ seq: 1, startedSeq: 2 }]);
    expect(recordOf([asks('do it'), started(), ended()]).openRuns).toEqual([]);
  });

  test('takes a message into an open run for no run of its own', () =>
    expect(recordOf([asks('do it'), started(), asks('and this', messageId(2))]).openRuns).toHaveLength(1));

  test('is pending, then running, waiting while it asks, running again, and completed at the end', () => {
    const facts = [asks('do it'), started(), wait, resumed, ended()];
    const statuses = facts.map((_, n) => recordOf(facts.slice(0, n + 1)).status);
    expect(statuses).toEqual(['pending', 'running', 'waiting', 'running', 'completed']);
  });

  test.each(['stopped', 'failed'] as const)('is completed after a run that %s, too', (status) => {
    const end = fact('run.end', { status, reason: status, task: 'task 1' });
    expect(recordOf([asks('do it'), started(), end]).status).toBe('completed');
  });

  test('continues running when a queued run is dropped next to the active one', () => {
    const both = stored({ status: 'running', openRuns: [openRun(1, 2), openRun(2, null)] });
    expect(recordOf([ended(2)], both)).toMatchObject({ status: 'running', openRuns: [{ runId: runId(1) }] });
  });

  test('shows the newest message of either side, at most 1000 characters of it, and when', () => {
    const expected = { latestMessage: 'a'.repeat(1_000), latestMessageAt: 101 };
    expect(recordOf([asks('question'), assistantMessage('a'.repeat(2_000))])).toMatchObject(expected);
    expect(recordOf([assistantMessage('answer'), asks('question')])).toMatchObject({ latestMessage: 'question' });
    for (const says of [asks, assistantMessage])
      expect(recordOf([says(`${'a'.repeat(999)}😀`)]).latestMessage).toBe('a'.repeat(999));
  });

  test('counts the assistant’s messages that nobody watched, and none while somebody does', () => {
    expect(recordOf([assistantMessage('one'), asks('x'), assistantMessage('two', messageId(2))]).unread).toBe(2);
    expect(recordOf([assistantMessage('three')], stored({ unread: 2 }), true).unread).toBe(0);
  });

  test('knows whose title it has: a run’s, or a client’s', () => {
    expect(recordOf([fact('title', { title: 'Mine' })])).toMatchObject({ title: 'Mine', titleBy: 'run' });
    expect(recordOf([fact('title', { title: 'Mine' }, null)])).toMatchObject({ title: 'Mine', titleBy: 'client' });
  });

  test.each([
    ['starting', 'created'],
    ['ready', 'running'],
    ['pausing', 'running'],
    ['paused', 'running'],
    ['resuming', 'running'],
    ['resumed', 'running'],
    ['lost', 'not_found'],
    ['released', 'stopped'],
  ] as const)('has, in the phase %s, a sandbox that is %s', (name, sandboxState) => {
    const before = stored({ sandboxState: name === 'lost' ? 'running' : 'not_found' });
    expect(recordOf([phase(name)], before)).toMatchObject({ sandboxState });
  });

  test('remembers until the next run that a person stopped its sandbox', () => {
    const held = stored({ sandboxHeld: true });
    expect(recordOf([phase('released')], held).sandboxHeld).toBe(true);
    expect(recordOf([phase('ready')], held)).toMatchObject({ sandboxState: 'running', sandboxHeld: true });
    expect(recordOf([asks('do it'), started()], held).sandboxHeld).toBe(false);
    expect(recordOf([phase('ready')], stored({ sandboxHeld: true, status: 'running' })).sandboxHeld).toBe(false);
  });

  test('remembers that its sandbox could not be trusted until a person writes, or another one starts', () => {
    const breach = fact('sandbox.untrusted', { reason: 'wrong_shape', call: 'GET /health', detail: 'it' }, null);
    const distrusted = recordOf([breach, phase('lost')]);
    expect(distrusted.sandboxUntrusted).toBe(true);
    expect(recordOf([asks('go on')], distrusted).sandboxUntrusted).toBe(false);
    expect(recordOf([phase('starting')], distrusted).sandboxUntrusted).toBe(false);
  });

  test('is the very same object after facts that a list does not show', () => {
    const record = stored();
    const unseen = [
      says('delta'),
      fact('tool.output', { callId: 'c', text: 'x' }),
      fact('egress', { host: 'h', port: 443, decision: 'refused', rule: 'none' }, null),
      phase('queued'),
    ];
    expect(recordOf(unseen, record)).toBe(record);
  });

  test('counts what the runs of a session use, by what it was for, and in one run alone', () => {
    const usage = { model: 'demo', inputTokens: 5, outputTokens: 2, cachedTokens: 4, cost: 0.5 };
    const record = recordOf([
      ...[asks('do it'), started(), fact('usage', { ...usage, purpose: 'plan' }), ended()],
      ...[asks('more', messageId(2), runId(2)), started(2)],
      fact('usage', { ...usage, purpose: 'compaction' }, runId(2)),
    ]);
    const one = { turns: 1, tokens: 7, cost: 0.5 };
    const { spent, total } = computeSpendingAt(record, runId(2), 106);
    expect(total).toMatchObject({ turns: 2, tokens: 14, inputTokens: 10, cachedTokens: 8, cost: 1 });
    expect(total.by).toEqual({ plan: one, compaction: one });
    expect(spent).toMatchObject({ ...one, by: { compaction: one } });
  });

  test('counts working time, without waiting for a person and without downtime', () => {
    const back = fact('run.notice', { kind: 'resumed_after_restart', detail: '' });
    const times = [0, 100, 150, 1_000, 9_000, 9_030];
    const facts = [asks('do it'), started(), wait, resumed, back, ended()];
    const at = (n: number) => ({ seq: n + 1, ts: times[n] ?? 0, watched: false });
    expect(facts.reduce((record, it, n) => applyFact(record, it, at(n)), stored()).spending.ms).toBe(80);
  });

  test('takes an answer to a spent budget of the session as a grant of all of it again, and no other answer', () => {
    const used = [asks('do it'), started(), fact('usage', { model: 'demo', inputTokens: 5, outputTokens: 2 })];
    const over = { scope: 'session', kind: 'turns', limit: 1, used: 1, needs: 1 } as const;
    const answered = (budget: object) => recordOf([...used, fact('run.wait', { question: '?', ...budget }), resumed]);
    expect(answered({ reason: 'budget', budget: over }).granted).toMatchObject({ turns: 1, tokens: 7 });
    expect(answered({ reason: 'budget', budget: { ...over, scope: 'run' } }).granted).toBeNull();
  });

  test('carries the number and time of the fact that changed it last', () => {
    expect(recordOf([asks('x'), started()])).toMatchObject({ lastSeq: 2, updatedAt: 101 });
    expect(recordOf([asks('x'), fact('plan', { steps: [] })])).toMatchObject({ lastSeq: 2, updatedAt: 100 });
  });

  test('shows clients nothing of what only a restart needs', () => {
    const record = stored({ openRuns: [openRun()], sandboxUntrusted: true, sandboxHeld: true });
    for (const name of ['openRuns', 'sandboxHeld', 'sandboxUntrusted', 'spending'])
      expect([name in record, name in toPublicRecord(record)], name).toEqual([true, false]);
  });
});
