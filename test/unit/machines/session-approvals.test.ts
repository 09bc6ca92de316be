import { describe, expect, test } from 'vitest';
import { begun, messageIdOf, queuedRun, runIdOf } from '../../support/machines/machines.ts';
import { sessionAlone } from '../../support/machines/session-machine.ts';

const approval = { callId: 'c1', remainingMs: 10_000 };
function approving(slots: 'granted' | 'held' = 'granted') {
  const session = sessionAlone({}, slots);
  session.send(1);
  if (slots === 'held') session.grant('run');
  session.run.says({ type: 'run.waiting', question: 'May I?', approval });
  return session;
}
const resolved = (decision: string, by: string, text?: string) => ({
  type: 'approval.resolved',
  runId: runIdOf(1),
  data: { callId: 'c1', decision, by, ...(text !== undefined && { text }) },
});
const resumed = { type: 'run.resumed', runId: runIdOf(1), data: {} };
const conflict = [{ ok: false, code: 'conflict', message: expect.stringContaining('does not wait') }];

describe('F113 session: a call that waits for leave', () => {
  test.each(['approved', 'rejected'] as const)('is %s by command, and the run goes on with that', (decision) => {
    const { decide, answerTo, facts, run, isIn } = approving();
    const command = decide('c1', decision, { text: 'because' });
    expect(facts.slice(-2)).toEqual([resolved(decision, 'somebody', 'because'), resumed]);
    expect(answerTo(command)).toEqual([{ ok: true, value: { callId: 'c1', decision } }]);
    expect(run.heard).toEqual([{ type: 'run.answer', verdict: { decision, text: 'because' } }]);
    expect(isIn('active.working')).toBe(true);
  });

  test('is decided by the first; the second is told that it comes too late', () => {
    const { decide, answerTo, facts } = approving('held');
    decide('c1', 'approved');
    const second = decide('c1', 'rejected');
    expect(answerTo(second)).toEqual(conflict);
    expect(facts.filter(({ type }) => type === 'approval.resolved')).toEqual([resolved('approved', 'somebody')]);
  });

  test('refuses a decision on another call, and so does a session in which no call waits', () => {
    const { decide, answerTo, isIn } = approving();
    expect(answerTo(decide('c2', 'approved'))).toEqual(conflict);
    expect(isIn('active.approving')).toBe(true);
    const idle = sessionAlone();
    expect(idle.answerTo(idle.decide('c1', 'approved'))).toEqual(conflict);
  });

  test('expires without a decision, and a later decision is refused', () => {
    const { clock, decide, answerTo, facts, run } = approving();
    clock.increment(9_999);
    expect(run.heard).toEqual([]);
    clock.increment(1);
    expect(facts.slice(-2)).toEqual([resolved('expired', 'timeout'), resumed]);
    expect(run.heard).toEqual([{ type: 'run.answer', verdict: { decision: 'expired' } }]);
    expect(answerTo(decide('c1', 'approved'))).toEqual(conflict);
  });

  test.each(['inject', 'queue', 'replace'] as const)('is decided by a message too (%s)', (mode) => {
    const { send, facts, run, log } = approving();
    send(2, mode);
    expect(log().slice(-3)).toEqual(['message.user 1', 'approval.resolved 1', 'run.resumed 1']);
    expect(facts.at(-2)).toEqual(resolved('rejected', 'user', 'task 2'));
    expect(facts.at(-1)?.data).toEqual({ messageId: messageIdOf(2) });
    expect(run.heard).toEqual([{ type: 'run.answer', verdict: { decision: 'rejected', text: 'task 2' } }]);
  });

  test('occupies no run slot, and requests one after the decision', () => {
    const { slots, decide, grant, run } = approving('held');
    expect(slots()).toEqual(['request run', 'release run']);
    decide('c1', 'approved');
    expect(run.heard).toEqual([]);
    grant('run');
    expect(run.heard).toEqual([{ type: 'run.answer', verdict: { decision: 'approved' } }]);
  });

  test('is over with its run', () => {
    const { stop, run, decide, answerTo } = approving();
    stop();
    expect(answerTo(decide('c1', 'approved'))).toEqual(conflict);
    run.ends({ reason: 'stopped' });
    expect(answerTo(decide('c1', 'approved'))).toEqual(conflict);
  });

  test('after a restart waits for as long as is left, and can be decided', () => {
    const resume = { ...begun, waiting: 'May I?', approval: { callId: 'c1', remainingMs: 500 } };
    const again = () => sessionAlone({ runs: [queuedRun(1, { resume })] });
    const one = again();
    one.decide('c1', 'approved');
    expect(one.run.heard).toEqual([{ type: 'run.answer', verdict: { decision: 'approved' } }]);
    const other = again();
    other.clock.increment(500);
    expect(other.run.heard).toEqual([{ type: 'run.answer', verdict: { decision: 'expired' } }]);
  });

  test('does not affect a later question, which a message answers as usual', () => {
    const { decide, run, send, isIn } = approving();
    decide('c1', 'approved');
    run.says({ type: 'run.waiting', question: 'Which one?' });
    expect(isIn('active.waiting')).toBe(true);
    send(2);
    expect(run.heard.at(-1)).toEqual({ type: 'run.answer' });
  });
});
