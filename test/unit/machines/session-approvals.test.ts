import { describe, expect, test } from 'vitest';
import { begun, messageIdOf, queuedRun, runIdOf } from '../../support/machines/machines.ts';
import { sessionAlone } from '../../support/machines/session-machine.ts';

const approval = { callId: 'c1', tool: 'bash', remainingMs: 10_000 };
function approving(slots: 'granted' | 'held' = 'granted') {
  const session = sessionAlone({}, slots);
  session.send(1);
  if (slots === 'held') session.grant('run');
  session.run.says({ type: 'run.waiting', question: 'May I?', approvals: [approval] });
  return session;
}
const resolved = (decision: string, by: string, text?: string) => ({
  type: 'approval.resolved',
  runId: runIdOf(1),
  data: { callId: 'c1', decision, by, ...(text !== undefined && { text }) },
});
const resumed = { type: 'run.resumed', runId: runIdOf(1), data: {} };
const conflict = [{ ok: false, code: 'conflict', message: expect.stringContaining('is not waiting') }];

describe('F113 session: a call that waits for leave', () => {
  test.each(['approved', 'rejected'] as const)('is %s by command, and the run continues with that', (decision) => {
    const { decide, answerTo, facts, run, isIn } = approving();
    const command = decide('c1', decision, { text: 'because' });
    expect(facts.slice(-2)).toEqual([resolved(decision, 'somebody', 'because'), resumed]);
    expect(answerTo(command)).toEqual([{ ok: true, value: { callId: 'c1', decision } }]);
    expect(run.received).toEqual([{ type: 'run.answer', verdicts: { c1: { decision, text: 'because' } } }]);
    expect(isIn('active.working')).toBe(true);
  });

  test('is decided by the first; the second is refused as too late', () => {
    const { decide, answerTo, facts } = approving('held');
    decide('c1', 'approved');
    expect(answerTo(decide('c1', 'rejected'))).toEqual(conflict);
    expect(facts.filter(({ type }) => type === 'approval.resolved')).toEqual([resolved('approved', 'somebody')]);
  });

  test('refuses a decision on another call, and so does a session in which no call waits', () => {
    const { decide, answerTo, isIn } = approving();
    expect([answerTo(decide('c2', 'approved')), isIn('active.approving')]).toEqual([conflict, true]);
    const idle = sessionAlone();
    expect(idle.answerTo(idle.decide('c1', 'approved'))).toEqual(conflict);
  });

  test('expires without a decision, and a later decision is refused', () => {
    const { clock, decide, answerTo, facts, run } = approving();
    clock.advance(9_999);
    expect(run.received).toEqual([]);
    clock.advance(1);
    expect(facts.slice(-2)).toEqual([resolved('expired', 'timeout'), resumed]);
    expect(run.received).toEqual([{ type: 'run.answer', verdicts: { c1: { decision: 'expired' } } }]);
    expect(answerTo(decide('c1', 'approved'))).toEqual(conflict);
  });

  test.each(['inject', 'queue', 'replace'] as const)('is decided by a message too (%s)', (mode) => {
    const { send, facts, run, log } = approving();
    send(2, mode);
    expect(log().slice(-3)).toEqual(['message.user 1', 'approval.resolved 1', 'run.resumed 1']);
    expect(facts.at(-2)).toEqual(resolved('rejected', 'user', 'task 2'));
    expect(facts.at(-1)?.data).toEqual({ messageId: messageIdOf(2) });
    expect(run.received).toEqual([{ type: 'run.answer', verdicts: { c1: { decision: 'rejected', text: 'task 2' } } }]);
  });

  test('occupies no run slot, and requests one after the decision', () => {
    const { slots, decide, grant, run } = approving('held');
    expect(slots()).toEqual(['request run', 'release run']);
    decide('c1', 'approved');
    expect(run.received).toEqual([]);
    grant('run');
    expect(run.received).toEqual([{ type: 'run.answer', verdicts: { c1: { decision: 'approved' } } }]);
  });

  test('is over with its run', () => {
    const { stop, run, decide, answerTo } = approving();
    stop();
    expect(answerTo(decide('c1', 'approved'))).toEqual(conflict);
    run.ends({ reason: 'stopped' });
    expect(answerTo(decide('c1', 'approved'))).toEqual(conflict);
  });

  test('after a restart waits for as long as is left, and can be decided', () => {
    const resume = { ...begun, waiting: 'May I?', approvals: [{ ...approval, remainingMs: 500 }] };
    const again = () => sessionAlone({ runs: [queuedRun(1, { resume })] });
    const one = again();
    one.decide('c1', 'approved');
    expect(one.run.received).toEqual([{ type: 'run.answer', verdicts: { c1: { decision: 'approved' } } }]);
    const other = again();
    other.clock.advance(500);
    expect(other.run.received).toEqual([{ type: 'run.answer', verdicts: { c1: { decision: 'expired' } } }]);
  });

  test.each([
    ['in one step', true],
    ['while the run works on the first', false],
  ])('several wait at once, and are decided %s', (_, isOneStep) => {
    const { run, decide, facts, answerTo, isIn } = approving();
    decide('c1', 'approved');
    const two = ['c2', 'c3'].map((callId) => ({ ...approval, callId }));
    run.says({ type: 'run.waiting', question: 'May I?', approvals: two });
    const before = facts.length;
    const also = [
      { callId: 'c3', decision: 'rejected' },
      { callId: 'gone', decision: 'approved' },
    ] as const;
    const commands = isOneStep
      ? [decide('c2', 'approved', { also })]
      : [decide('c2', 'approved'), decide('c3', 'rejected')];
    for (const command of commands) expect(answerTo(command)).toMatchObject([{ ok: true }]);
    const of = (callId: string, decision: string) => ({ ...resolved(decision, 'somebody').data, callId });
    expect(facts.slice(before).map(({ type, data }) => (type === 'run.resumed' ? type : data))).toEqual(
      isOneStep
        ? [of('c2', 'approved'), of('c3', 'rejected'), 'run.resumed']
        : [of('c2', 'approved'), 'run.resumed', of('c3', 'rejected')],
    );
    const received = run.received.slice(1).map(({ type, verdicts }) => [type, Object.keys(verdicts)]);
    expect(received).toEqual(
      isOneStep
        ? [['run.answer', ['c2', 'c3']]]
        : [
            ['run.answer', ['c2']],
            ['run.decided', ['c3']],
          ],
    );
    expect([isIn('active.working'), answerTo(decide('c3', 'approved'))]).toEqual([true, conflict]);
  });

  test('a standing permission covers those of its tool that wait too, but not one with a reason of its own', () => {
    const { run, decide, facts } = approving();
    decide('c1', 'approved');
    const more = [
      { ...approval, callId: 'c2' },
      { ...approval, callId: 'c3', isAlone: true },
    ];
    run.says({ type: 'run.waiting', question: 'May I?', approvals: [approval, ...more] });
    decide('c1', 'approved', { always: true });
    const expected = [{ data: { callId: 'c1', always: 'bash' } }, { data: { callId: 'c2' } }, resumed];
    expect(facts.slice(-3)).toMatchObject(expected);
  });

  test('a worker can give its result as soon as the call is permitted, and not before', () => {
    const { run, decide, answerTo } = approving();
    decide('c1', 'approved');
    run.says({ type: 'run.waiting', question: 'May I?', approvals: [{ ...approval, client: 'permission' }] });
    const result = { output: 'done', isError: false };
    expect(answerTo(decide('c1', 'approved', { result }))).toEqual(conflict);
    decide('c1', 'approved');
    expect(answerTo(decide('c1', 'approved', { result }))).toMatchObject([{ ok: true }]);
    expect(run.received.at(-1)).toEqual({ type: 'run.decided', verdicts: { c1: { decision: 'approved', result } } });
    expect(answerTo(decide('c1', 'approved', { result }))).toEqual(conflict);
  });

  test('does not affect a later question, which a message answers as usual', () => {
    const { decide, run, send, isIn } = approving();
    decide('c1', 'approved');
    run.says({ type: 'run.waiting', question: 'Which one?' });
    expect(isIn('active.waiting')).toBe(true);
    send(2);
    expect(run.received.at(-1)).toEqual({ type: 'run.answer' });
  });
});
