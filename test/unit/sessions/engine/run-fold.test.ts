import { describe, expect, test } from 'vitest';
import type { SessionEvent, SessionFact } from '../../../../src/core/model/events.ts';
import { SessionId } from '../../../../src/core/model/ids.ts';
import { foldRuns, RunFold, readEventsFrom } from '../../../../src/sessions/engine/run-fold.ts';
import { Transcript } from '../../../../src/sessions/run/log/transcript.ts';
import {
  asks,
  assistantMessage,
  fact,
  messageId,
  openRun,
  runId,
  says,
  sessionId,
  stored,
  writerBench,
} from '../../../support/machines/session-parts.ts';

const steps = [
  { id: '1', description: 'One', status: 'running' },
  { id: '2', description: 'Two', status: 'pending' },
] as const;
const call = { callId: 'c1', tool: 'shell', function: 'shell_exec', args: { command: 'make' } } as const;
const calling = fact('tool.calling', call);
const called = (success: boolean) => fact('tool.called', { ...call, success, output: '', content: null });
const usage = fact('usage', { model: 'demo', inputTokens: 10, outputTokens: 5, cost: 0.25 });
const wait = fact('run.wait', { question: 'Which?' });
const resumed = fact('run.resumed', { messageId: messageId(2) });
const restarted = fact('run.notice', { kind: 'resumed_after_restart', detail: '' });
const plan = fact('plan', { steps: [...steps] });
const approval = fact('approval.requested', { callId: 'c1', function: 'shell_exec', args: {}, expiresAt: 5_000 });

function folded(...facts: readonly SessionFact[]) {
  const fold = new RunFold();
  for (const [n, it] of facts.entries()) fold.add({ ...it, seq: n + 1, sessionId, ts: 1 } as SessionEvent);
  const transcript = new Transcript(sessionId, writerBench().store.records);
  const resume = (now = 0) => fold.resume(transcript, runId(), now);
  return { fold, transcript, soFar: () => fold.soFar(transcript), resume };
}
const reply = (...calls: { callId: string; name: string; args: unknown }[]) =>
  ({ runId: runId(), message: { role: 'assistant', model: 'demo', text: '', calls, raw: [] } }) as const;

describe('a run that a restart cut', () => {
  test('has the steps of its newest plan, as far as they got', () => {
    const done = { ...steps[0], status: 'completed' } as const;
    expect(folded(plan, fact('step', done)).soFar().steps).toEqual([done, steps[1]]);
    expect(folded(says('a'), assistantMessage('a')).soFar().steps).toEqual([]);
  });

  test('F083 has what it did since its last hint, for stuck detection', () => {
    const hint = fact('run.notice', { kind: 'stuck', detail: 'No progress.' });
    const { transcript, resume } = folded(hint);
    const ls = { callId: 'c1', name: 'shell_exec', args: { command: 'ls' } };
    for (const seq of [0, 1, 2]) {
      transcript.add({ ...reply(ls), seq });
      const message = { role: 'tool', callId: 'c1', name: 'shell_exec', output: 'a', success: true } as const;
      transcript.add({ runId: runId(), seq, message });
    }
    expect(resume()).toMatchObject({ hinted: true, acts: [{ kind: 'call' }, { kind: 'call' }] });
    expect(folded(hint, fact('run.resumed', {})).resume()).toMatchObject({ hinted: false, acts: [] });
  });

  test('has the call that was announced and has no outcome, with how much of its output is known', () => {
    const output = (text: string, callId = 'c1') => fact('tool.output', { callId, text });
    const { soFar } = folded(calling, output('abc'), output('zz', 'other'), output('de'));
    expect(soFar().openCalls).toEqual([{ ...call, logged: 5 }]);
    expect(folded(calling, called(true)).soFar().openCalls).toEqual([]);
  });

  test('has the child that an open call has started', () => {
    const child = SessionId.parse('aaaaaaaaaaaaaaaa');
    const started = fact('child.started', { sessionId: child, callId: 'c1', task: 'Write' });
    expect(folded(calling, started).soFar().openCalls).toEqual([{ ...call, logged: 0, child }]);
  });

  test('F113 has the call that waits for leave, and how long is left for that', () => {
    const { resume, transcript } = folded(approval, wait);
    transcript.add(reply({ callId: 'c1', name: 'shell_exec', args: {} }));
    expect(resume(2_000)).toMatchObject({
      waiting: 'Which?',
      approvals: [{ callId: 'c1', tool: 'shell_exec', remainingMs: 3_000 }],
      calls: [{ callId: 'c1', begun: false }],
    });
    expect(resume(9_000).approvals).toMatchObject([{ remainingMs: 0 }]);
  });

  test('F113 has the decision on a call that was not made yet, and the message that decided is no news', () => {
    const shown = fact('message.user', { messageId: messageId(2), text: 'no', attachments: [] });
    const decided = fact('approval.resolved', { callId: 'c1', decision: 'rejected', by: 'user', text: 'no' });
    const { resume, transcript } = folded(plan, approval, wait, shown, decided, resumed);
    transcript.add(reply({ callId: 'c1', name: 'shell_exec', args: {} }));
    expect(resume()).toMatchObject({
      waiting: undefined,
      unseen: 0,
      calls: [{ callId: 'c1', begun: false, verdict: { decision: 'rejected', text: 'no' } }],
    });
    expect(resume().approvals).toBeUndefined();
  });

  test('F113 has the other calls that wait next to a decided one, and the result that a worker still owes', () => {
    const ask = (callId: string, more = {}) =>
      fact('approval.requested', { callId, function: 'bash', args: {}, expiresAt: 5_000, ...more });
    const approve = (callId: string, more = {}) =>
      fact('approval.resolved', { callId, decision: 'approved', by: 'user', ...more });
    const ids = (...events: SessionFact[]) => {
      const { resume, soFar } = folded(...events);
      return [resume().approvals?.map(({ callId, client }) => [callId, client]), soFar().requests];
    };
    expect(ids(ask('c1'), ask('c2'), wait, approve('c1'), resumed)[0]).toEqual([['c2', undefined]]);
    const permitted = [ask('c1', { forWorker: true }), wait, approve('c1'), resumed];
    const owed = { callId: 'c1', byClient: true, isUnwritten: true };
    expect(ids(...permitted)).toMatchObject([[['c1', 'result']], [owed]]);
    const answered = approve('c1', { result: { output: 'ok', isError: false } });
    expect(ids(...permitted, answered)).toEqual([undefined, []]);
  });

  test('F015 has worked since it began or was last answered, and not while it waited', () => {
    const at = (ts: number, it: SessionFact) => ({ ...it, seq: ts, sessionId, ts }) as SessionEvent;
    const began = at(100, fact('run.started', { task: 'a', messageId: messageId(1) }));
    const worked = (...events: SessionEvent[]) => {
      const fold = new RunFold();
      for (const event of [began, ...events]) fold.add(event);
      return fold.resume(new Transcript(sessionId, writerBench().store.records), runId(), 0).workedMs;
    };
    expect([worked(at(350, calling)), worked(at(350, calling), at(400, wait))]).toEqual([250, 0]);
    expect(worked(at(400, wait), at(900, resumed), at(910, calling))).toBe(10);
    // Time without a server does not count.
    expect(worked(at(350, calling), at(5_000, restarted), at(5_040, usage))).toBe(290);
  });

  test('has several calls open at once, each until its own result', () => {
    const other = fact('tool.calling', { ...call, callId: 'c2' });
    const { soFar } = folded(calling, other, fact('tool.output', { callId: 'c2', text: 'ab' }));
    expect(soFar().openCalls).toEqual([
      { ...call, logged: 0 },
      { ...call, callId: 'c2', logged: 2 },
    ]);
    expect(folded(calling, other, called(true)).soFar().openCalls).toMatchObject([{ callId: 'c2' }]);
  });

  test('has in its inbox what no turn has seen', () => {
    const { soFar, transcript } = folded(asks('one', messageId(1)), asks('two', messageId(2)));
    transcript.add({ runId: runId(), messageId: messageId(1), message: { role: 'user', text: 'one' } });
    expect(soFar().inbox).toEqual([{ messageId: messageId(2), text: 'two' }]);
  });

  test('has the message that it was saying, with the text so far', () => {
    expect(folded(says('so '), says('far')).fold.openMessage).toMatchObject({ text: 'so far' });
    expect(folded(says('so'), assistantMessage('so')).fold.openMessage).toBeUndefined();
    const next = folded(says('one'), assistantMessage('one'), says('two', messageId(2)));
    expect(next.fold.openMessage).toMatchObject({ text: 'two' });
  });

  test('continues with the calls of its last reply; the one that was announced has begun', () => {
    const { resume, transcript } = folded(calling);
    transcript.add(reply({ callId: 'c1', name: 'shell_exec', args: 1 }, { callId: 'c2', name: 'file_read', args: 2 }));
    expect(resume().calls).toEqual([
      { callId: 'c1', name: 'shell_exec', args: 1, begun: true },
      { callId: 'c2', name: 'file_read', args: 2, begun: false },
    ]);
  });

  test('has spent what its turns cost, and with an answer the budget again', () => {
    expect(folded(usage, usage, calling).resume().spent).toMatchObject({ tokens: 30, cost: 0.5 });
    const answered = folded(usage, wait, resumed, usage);
    expect(answered.resume().spent).toMatchObject({ tokens: 15, cost: 0.25 });
  });

  test('F014 continues over an event of a type that only a newer version knows, which is kept and shown', async () => {
    const novel = { type: 'mood', runId: runId(), data: { mood: 'good' } } as unknown as SessionFact;
    const record = stored({ openRuns: [openRun()] });
    const { writer, log, events } = writerBench({ record });
    await writer.write([asks('x'), fact('run.started', { task: 'x', messageId: messageId(1) }), calling, novel]);
    expect((await events()).at(-1)).toMatchObject({ type: 'mood', seq: 4, data: { mood: 'good' } });
    const { folds } = await foldRuns(log, writer.record);
    const soFar = folds.get(runId())?.soFar(new Transcript(sessionId, writerBench().store.records));
    expect(soFar?.openCalls).toMatchObject([{ callId: 'c1' }]);
  });

  test('F084 has spent the turns that were cut too, so that none can end its server for ever', () => {
    const turnsOf = (...facts: SessionFact[]) => folded(...facts).resume().spent.turns;
    expect([turnsOf(usage), turnsOf(usage, restarted, restarted), turnsOf(usage, wait, restarted)]).toEqual([2, 4, 1]);
    const { resume, transcript } = folded(usage, calling, restarted);
    transcript.add(reply({ callId: 'c1', name: 'shell_exec', args: 1 }));
    expect(resume().spent.turns).toBe(1); // the restart interrupted a call, not a turn
  });

  test('waits for the answer to its question, until it arrived', () => {
    expect(folded(wait, calling, called(true)).resume().waiting).toBe('Which?');
    expect(folded(wait, resumed).resume().waiting).toBeUndefined();
  });

  test('counts a message as injected only once there was a plan: before, it is the task itself', () => {
    expect(folded(asks('task')).resume().unseen).toBe(0);
    expect(folded(asks('task'), plan).resume().unseen).toBe(1);
  });

  test('takes the answer to its own question for that, not for an injected message', () => {
    const asking = { ...call, function: 'message_ask_user', tool: 'message' } as const;
    const { resume, transcript } = folded(plan, fact('tool.calling', asking), asks('This one', messageId(2)));
    transcript.add(reply({ callId: 'c1', name: 'message_ask_user', args: {} }));
    expect(resume().unseen).toBe(0);
  });
});

describe('a session’s open runs', () => {
  test('come with the one that had begun first, folded from its own events alone', async () => {
    const { log, writer } = writerBench({ record: stored({ openRuns: [openRun(1), openRun(2)] }) });
    await writer.write([fact('plan', { steps: [...steps] }, runId(1)), fact('plan', { steps: [] }, runId(2))]);
    const record = stored({ openRuns: [openRun(2, null), openRun(1, 3)] });
    const { runs, folds } = await foldRuns(log, record);
    expect([runs.map((run) => run.runId), [...folds.keys()]]).toEqual([[runId(1), runId(2)], [runId(1)]]);
    const transcript = new Transcript(sessionId, writerBench().store.records);
    expect(folds.get(runId(1))?.soFar(transcript).steps).toEqual(steps);
  });

  test('cost no reading of the log while none has begun', async () => {
    const page = () => Promise.reject(new Error('read'));
    const { runs, folds } = await foldRuns({ page }, stored({ openRuns: [openRun(1, null)] }));
    expect([runs.length, folds.size]).toEqual([1, 0]);
  });

  test('are read page by page, to the end', async () => {
    const { log, writer } = writerBench();
    await writer.write(Array.from({ length: 1_200 }, (_, n) => fact('title', { title: `${n}` }, null)));
    const seqs: number[] = [];
    for await (const { seq } of readEventsFrom(log, sessionId, 101)) seqs.push(seq);
    expect(seqs).toEqual(Array.from({ length: 1_100 }, (_, n) => n + 101));
  });
});
