import { describe, expect, test } from 'vitest';
import { parseVerdict } from '../../../machines/run-rules.ts';
import { begun, callOf, callOutcome, calls } from '../../support/machines/machines.ts';
import { startRun } from '../../support/machines/run-machine.ts';

const approval = { callId: 'c1', function: 'shell_exec', args: {}, timeoutMs: 10_000 };

async function responseTo() {
  const run = startRun();
  await run.resolves(['act', calls('c1', 'c2')], ['calls', [{ kind: 'ask', question: 'May I?', approval }]]);
  return run;
}

describe('F113 run: a call that needs leave', () => {
  test('makes the run wait, and its session knows for what and how long', async () => {
    const { reports, holes, isIn } = await responseTo();
    const approvals = [{ callId: 'c1', tool: 'shell_exec', remainingMs: 10_000 }];
    expect(reports).toEqual([{ type: 'run.waiting', question: 'May I?', approvals }]);
    expect(holes.the('wait').input).toMatchObject({ question: 'May I?', approvals: [approval] });
    await holes.the('wait').resolve();
    expect(isIn('waiting.open')).toBe(true);
  });

  test('goes to its actor again with the decision, and the next call without', async () => {
    const { actor, holes } = await responseTo();
    await holes.the('wait').resolve();
    actor.send({ type: 'run.answer', verdicts: { c1: { decision: 'rejected', text: 'no' } } });
    const expected = { ...callOf('c1'), verdict: { decision: 'rejected', text: 'no' } };
    expect(holes.the('calls').input.calls[0]).toEqual(expected);
    await holes.the('calls').resolve([callOutcome()]);
    expect(holes.the('calls').input.calls[0]).toEqual(callOf('c2'));
  });

  test('can be decided before the question is all in the log', async () => {
    const { actor, holes } = await responseTo();
    actor.send({ type: 'run.answer', verdicts: { c1: { decision: 'approved' } } });
    expect(holes.the('calls').input.calls[0].verdict).toEqual({ decision: 'approved' });
  });

  test('a question after it waits for no leave', async () => {
    const { actor, holes, reports } = await responseTo();
    actor.send({ type: 'run.answer', verdicts: { c1: { decision: 'approved' } } });
    await holes.the('calls').resolve([{ kind: 'ask', question: 'Which?' }]);
    expect(reports.at(-1)).toEqual({ type: 'run.waiting', question: 'Which?' });
    expect(holes.calls.filter(({ name }) => name === 'wait').at(-1)?.input.approvals).toEqual([]);
  });

  test('waits next to all others of its turn, and each decision reaches its own call', async () => {
    const { actor, reports, holes } = startRun();
    await holes.the('act').resolve(calls('c1', 'c2'));
    const ask = (callId: string, more = {}) =>
      ({ kind: 'ask', question: `${callId}?`, approval: { ...approval, callId, ...more } }) as const;
    await holes.the('calls').resolve([ask('c1', { forWorker: true }), ask('c2', { byClient: true, reason: 'why' })]);
    expect(reports.at(-1)).toEqual({
      type: 'run.waiting',
      question: 'c1?',
      approvals: [
        { callId: 'c1', tool: 'shell_exec', remainingMs: 10_000, client: 'permission' },
        { callId: 'c2', tool: 'shell_exec', remainingMs: 10_000, client: 'result', isAlone: true },
      ],
    });
    actor.send({ type: 'run.answer', verdicts: { c2: { decision: 'approved' } } });
    const expected = [undefined, { decision: 'approved' }];
    expect(holes.the('calls').input.calls.map(({ verdict }: { verdict?: object }) => verdict)).toEqual(expected);
    // This decision comes while the other call is made, so the run does not wait for it again.
    actor.send({ type: 'run.decided', verdicts: { c1: { decision: 'rejected' } } });
    await holes.the('calls').resolve([ask('c1'), callOutcome()]);
    expect(reports.filter(({ type }) => type === 'run.waiting')).toHaveLength(1);
    expect(holes.the('calls').input.calls).toEqual([{ ...callOf('c1'), verdict: { decision: 'rejected' } }]);
  });

  test('with a decision from before a restart continues with that decision', async () => {
    const verdict = { decision: 'approved' } as const;
    const { actor, holes } = startRun({ resume: { ...begun, calls: [{ ...callOf('c1'), verdict }] } });
    actor.send({ type: 'run.answer' });
    expect(holes.the('calls').input.calls[0].verdict).toEqual(verdict);
  });
});

test.each([
  ['approve', 'approved'],
  [' Approved. ', 'approved'],
  ['YES!', 'approved'],
  ['y', 'approved'],
  ['Ok.', 'approved'],
  ['Ja.', 'approved'],
  ['J', 'approved'],
  ['no', 'rejected'],
  ['N', 'rejected'],
  ['Nein!', 'rejected'],
  ['ja, aber später', 'rejected', 'with a comment'],
  ['yes, but use less', 'rejected', 'with a comment'],
  ['approve it not', 'rejected', 'with a comment'],
  ['Why do you need this?', 'questioned', 'with a comment'],
  ['yes?', 'questioned', 'with a comment'],
  ['これは何ですか？', 'questioned', 'with a comment'],
])('F113 the answer %j means %s', (text, decision, comment?: string) => {
  expect(parseVerdict(text)).toEqual(comment === undefined ? { decision } : { decision, text });
});
