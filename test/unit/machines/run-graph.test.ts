// @module-tag all
import { describe, expect, test } from 'vitest';
import type { runMachine } from '../../../machines/run.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import { doneEvent, errorEvent, explore } from '../../support/machines/machine-graph.ts';
import {
  begun,
  callOf,
  callOutcome,
  empty,
  goal,
  judgedAs,
  ManualActors,
  overloaded,
  refused,
  runInput,
  runPolicy,
  runWith,
  spent,
} from '../../support/machines/machines.ts';

const policy = {
  ...runPolicy,
  maxRetries: 1,
  stuck: { sameResult: 2, sameError: 2, alternation: 2, sameText: 2, sameWait: 2 },
};
const frugal = { ...policy, budget: { ...runPolicy.budget, turns: 1 } };
const planned = { ...policy, plans: true };
const approval = { callId: 'c1', function: 'shell_exec', args: {}, timeoutMs: 1_000 };
const over = { scope: 'run', kind: 'cost', limit: 1, used: 0.9, needs: 0.3 } as const;
const step = (status: 'pending' | 'completed') => ({ id: '1', description: 'do it', status });
const turns = ['plan', 'act', 'summarize'].flatMap((id) => [
  doneEvent(id, { kind: 'replied', digest: 'done', steps: [step('completed')], spent }),
  doneEvent(id, { kind: 'planned', steps: [step('pending')], spent }),
  doneEvent(id, { kind: 'calls', calls: [callOf('c1')], spent }),
  doneEvent(id, empty),
  doneEvent(id, { kind: 'full', question: '?', spent }),
  doneEvent(id, { kind: 'unaffordable', over, spent }),
  doneEvent(id, refused),
  doneEvent(id, overloaded),
  errorEvent(id, new Error('bug')),
]);
const graph = explore({
  machine: runWith(new ManualActors()).provide({
    actions: { tellWaiting: () => {}, tellQuestionLogged: () => {}, askLeave: () => {}, tellEnding: () => {} },
  }) as typeof runMachine,
  starts: [
    runInput({ policy }),
    runInput({ policy: frugal }),
    runInput({ policy: planned }),
    runInput({ policy: planned, resume: { ...begun, steps: [step('pending')], unseen: 1 } }),
    runInput({ policy, goal: { ...goal, maxRevisions: 1 } }),
    runInput({ policy, goal, resume: { ...begun, judgement: { round: 1, revisions: 0, isOpen: true } } }),
    runInput({ policy, resume: { ...begun, waiting: '?', calls: [callOf('ask')] } }),
  ],
  events: [
    ...turns,
    doneEvent('judge', judgedAs('satisfied')),
    doneEvent('judge', judgedAs('not_satisfied', true)),
    doneEvent('judge', { kind: 'unaffordable', over, spent }),
    doneEvent('judge', overloaded),
    errorEvent('judge', new Error('bug')),
    doneEvent('calls', [callOutcome()]),
    doneEvent('calls', [{ kind: 'ask', question: '?' }]),
    doneEvent('calls', [{ kind: 'ask', question: '?', approval }]),
    { type: 'run.answer', verdicts: { c1: { decision: 'approved' } } },
    { type: 'run.decided', verdicts: { c1: { decision: 'approved' } } },
    ...['wait', 'notice', 'end', 'close'].map((id) => doneEvent(id)),
    ...['calls', 'wait', 'notice', 'end', 'close'].map((id) =>
      errorEvent(id, new AppError('store_unavailable', 'No.')),
    ),
    { type: 'run.inject' },
    { type: 'run.answer' },
    { type: 'run.mayEnd' },
    { type: 'run.goOn' },
    { type: 'run.stop', reason: 'stopped' },
  ],
  key: ({ steps, calls, injected, seen, acts, hinted, empties, retries, spent: { turns }, policy, end, ...rest }) => [
    steps.map(({ status }) => status),
    calls.length,
    injected - seen,
    acts.map(({ kind }) => kind),
    [hinted, empties, retries, turns >= policy.budget.turns, end?.reason],
    [rest.goal?.maxRevisions, rest.revisions, rest.isJudging, rest.sentBack, rest.judged?.result],
  ],
  mayHear: ({ injected, resume, goal: own, revisions }, event) => {
    if (event.type === 'run.inject') return injected < (resume?.unseen ?? 0) + 1;
    const goesBack = 'output' in event && (event.output as { goesBack?: boolean } | undefined)?.goesBack;
    return !goesBack || revisions < (own?.maxRevisions ?? 0);
  },
});

describe('run graph', () => {
  test('every state can be reached, every transition is taken, and none breaks it', () =>
    expect([graph.unreached, graph.untaken, graph.broken]).toEqual([[], [], []]));

  test('a stop and the end that follows end the run from every state', () => {
    for (const state of graph.states) {
      if (state.status !== 'active') continue;
      const ended = graph.after(state, { type: 'run.stop', reason: 'stopped' }, doneEvent('end'), doneEvent('close'));
      expect(ended.status, JSON.stringify(state.value)).toBe('done');
      expect(ended.output, JSON.stringify(state.value)).toHaveProperty('reason');
    }
  });
});
