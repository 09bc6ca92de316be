import { describe, expect, test } from 'vitest';
import type { RunInput } from '../../../machines/run.ts';
import { AppError } from '../../../src/core/errors.ts';
import {
  asChild,
  begun,
  called,
  callOf,
  calls,
  empty,
  Holes,
  overloaded,
  refused,
  runInput,
  runPolicy,
  runWith,
  said,
  settled,
  spent,
} from '../../support/machines.ts';

function start(input: Partial<RunInput> = {}) {
  const holes = new Holes();
  const run = asChild(runWith(holes), runInput(input));
  const resolves = async (...results: [hole: string, result: unknown][]) => {
    for (const [hole, result] of results) await holes.the(hole).resolve(result);
  };
  const tells = (type: string) => run.told.filter((event) => event.type === type);
  /** Lets the run end: the session permits it, and the end is logged. */
  const ends = async () => {
    run.actor.send({ type: 'run.mayEnd' });
    await holes.the('end').resolve();
  };
  return { ...run, holes, resolves, tells, ends };
}
const step = (id: string, status: 'pending' | 'completed' = 'pending') => ({ id, description: `step ${id}`, status });
const planned = (...steps: ReturnType<typeof step>[]) => ({ kind: 'planned', steps, spent }) as const;
const withPlan = { policy: { ...runPolicy, plans: true } };

describe('run: the way to its end', () => {
  test('a run plans, does each step, sums up, asks leave and ends as completed', async () => {
    const { holes, resolves, tells, ends, end } = start(withPlan);
    await resolves(['plan', planned(step('1'), step('2'))]);
    expect(holes.the('act').input.steps[0].status).toBe('running');
    await resolves(['act', { ...said('one'), steps: [step('1', 'completed'), step('2')] }]);
    await resolves(['act', { ...said('two'), steps: [step('1', 'completed'), step('2', 'completed')] }]);
    await resolves(['summarize', { ...said('all'), steps: [] }]);
    expect(tells('run.wantsToEnd')).toEqual([{ type: 'run.wantsToEnd', seen: 0 }]);
    await ends();
    expect(end()).toEqual({ reason: 'completed' });
  });

  test('a run without a plan ends with the first text without calls', async () => {
    const { resolves, ends, end } = start();
    await resolves(['act', calls('c1', 'c2')], ['calls', [called()]], ['calls', [called()]], ['act', said()]);
    await ends();
    expect(end()).toEqual({ reason: 'completed' });
  });

  test('all calls of a turn go to their actor at once, and the next turn follows when each has a result', async () => {
    const { holes, resolves } = start();
    await resolves(['act', calls('c1', 'c2')]);
    expect(holes.the('calls').input.calls.map(({ callId }: { callId: string }) => callId)).toEqual(['c1', 'c2']);
    await resolves(['calls', [called('a'), called('b')]]);
    holes.the('act');
  });

  test('a call that needs a decision makes the run wait; that call and the held ones run after the answer', async () => {
    const { actor, holes, resolves, tells } = start();
    await resolves(['act', calls('c1', 'c2', 'c3')]);
    await resolves(
      ['calls', [called('a'), { kind: 'ask', question: 'May I?' }, { kind: 'held' }]],
      ['wait', undefined],
    );
    expect(tells('run.waiting')[0]?.question).toBe('May I?');
    actor.send({ type: 'run.answer' });
    expect(holes.the('calls').input).toMatchObject({ answered: true, calls: [{ callId: 'c2' }, { callId: 'c3' }] });
  });

  test('a call that changes the plan begins the next step without a turn for the end of the one before', async () => {
    const { holes, resolves } = start(withPlan);
    await resolves(['plan', planned(step('1'), step('2'))], ['act', calls('c1')]);
    const steps = [step('1', 'completed'), { ...step('2'), status: 'running' }];
    await resolves(['calls', [{ ...called(), steps }]]);
    expect(holes.the('act').input.steps).toEqual(steps);
    await resolves(['act', calls('c2')]);
    await resolves(['calls', [{ ...called(), steps: [step('1', 'completed'), step('2', 'completed')] }]]);
    holes.the('summarize');
  });

  test('a plan that an agent keeps by itself does not decide what its run does next', async () => {
    const { holes, resolves, isIn } = start();
    await resolves(['act', calls('c1')], ['calls', [{ ...called(), steps: [step('1'), step('2')] }]]);
    expect(holes.the('act').input.steps).toEqual([step('1'), step('2')]);
    await resolves(['act', said()]);
    expect(isIn('finishing')).toBe(true);
  });

  test('a plan without steps is not asked for again', async () => {
    const { resolves, ends, end } = start(withPlan);
    await resolves(['plan', planned()], ['summarize', said()]);
    await ends();
    expect(end()).toEqual({ reason: 'completed' });
  });

  test('a run does not end before its session allows it', async () => {
    const { holes, resolves, isIn, clock } = start();
    await resolves(['act', said()]);
    clock.increment(3_600_000);
    expect(isIn('finishing')).toBe(true);
    expect(holes.named('end')).toEqual([]);
  });

  test('an end that cannot be written does not hold the run for ever', async () => {
    const { actor, clock, holes, end } = start();
    actor.send({ type: 'run.stop', reason: 'stopped' });
    clock.increment(5_000);
    holes.the('close');
    clock.increment(19_999);
    expect(end()).toBeUndefined();
    clock.increment(1);
    expect(end()).toEqual({ reason: 'stopped' });
  });

  test('an actor that breaks ends the run as failed, with a public message only', async () => {
    const { holes, end } = start();
    await holes.the('act').reject(new Error('a bug, with a secret in its text'));
    const reason = {
      reason: 'failed',
      code: 'internal',
      message: 'Something went wrong on our side.',
      retryable: false,
    };
    expect(holes.the('end').input.end).toEqual(reason);
    await holes.the('end').reject(new Error('the log is gone'));
    expect(end()).toEqual(reason);
  });
});

describe('run: stop', () => {
  test.each([
    ['F107 a stop while the model speaks aborts the model call', 'act', undefined],
    ['F108 a stop during a tool call aborts the call', 'calls', calls('c1')],
  ])('%s and then appends the end', async (_, hole, turn) => {
    const { actor, holes, end } = start();
    if (turn) await holes.the('act').resolve(turn);
    const { signal } = holes.the(hole);
    actor.send({ type: 'run.stop', reason: 'stopped' });
    expect(signal.aborted).toBe(true);
    await holes.the('end').resolve();
    expect(end()).toEqual({ reason: 'stopped' });
  });

  test.each(['plan', 'summarize'])('F107 a stop during %s does the same', async (hole) => {
    const { actor, holes } = start(withPlan);
    if (hole === 'summarize') await holes.the('plan').resolve(planned());
    const { signal } = holes.the(hole);
    actor.send({ type: 'run.stop', reason: 'superseded' });
    expect(signal.aborted).toBe(true);
    expect(holes.the('end').input.end).toEqual({ reason: 'superseded' });
  });

  test('F109 a sandbox that does not let go is not waited for, but the end in the log is', async () => {
    const { clock, actor, holes, end } = start();
    actor.send({ type: 'run.stop', reason: 'superseded' });
    clock.increment(5_000);
    expect(end()).toBeUndefined();
    await holes.the('close').resolve();
    expect(end()).toEqual({ reason: 'superseded' });
  });

  test('F109 a run ends with its first reason, whatever comes later', async () => {
    const { actor, holes, end } = start();
    actor.send({ type: 'run.stop', reason: 'stopped' });
    actor.send({ type: 'run.stop', reason: 'deleted' });
    actor.send({ type: 'run.inject' });
    expect(holes.named('end')).toHaveLength(1);
    await holes.the('end').resolve();
    expect(end()).toEqual({ reason: 'stopped' });
  });

  test('a run tells its session that it ends before its end is in the log', () => {
    const { actor, tells, end } = start();
    actor.send({ type: 'run.stop', reason: 'stopped' });
    expect(tells('run.ending')).toHaveLength(1);
    expect(end()).toBeUndefined();
  });
});

describe('run: messages on the way', () => {
  test('a message that came during the last turn is read by one more', async () => {
    const { actor, holes, resolves, ends } = start();
    actor.send({ type: 'run.inject' });
    await resolves(['act', said('before it was read')]);
    expect(holes.named('act')).toHaveLength(2);
    await resolves(['act', said('after')]);
    await ends();
  });

  test('the model reads a message that arrives while the run asks to end', async () => {
    const { actor, resolves, tells, ends } = start();
    await resolves(['act', said()]);
    actor.send({ type: 'run.inject' });
    await resolves(['act', said('and more')]);
    expect(tells('run.wantsToEnd').map(({ seen }) => seen)).toEqual([0, 1]);
    await ends();
  });

  test('a run with a plan plans again for a new message', async () => {
    const { actor, holes, resolves } = start(withPlan);
    await resolves(['plan', planned(step('1'), step('2'))]);
    expect(holes.named('plan')[0]?.input.again).toBe(false);
    actor.send({ type: 'run.inject' });
    await resolves(['act', { ...said(), steps: [step('1', 'completed'), step('2')] }]);
    expect(holes.the('plan').input.again).toBe(true);
  });

  test.each([
    ['fails', (holes: Holes) => holes.the('act').resolve(refused)],
    ['breaks', (holes: Holes) => holes.the('act').reject(new Error('bug'))],
  ])('F111 a message that came during a turn that %s gets a turn of its own before the run fails', async (_, fail) => {
    const { actor, holes, isIn } = start();
    actor.send({ type: 'run.inject' });
    await fail(holes);
    expect(holes.named('act')).toHaveLength(2);
    await fail(holes);
    expect(isIn('ending')).toBe(true);
  });
});

describe('run: the provider', () => {
  test('F075 the wait that the provider asked for is honoured, and shown', async () => {
    const { clock, holes, resolves } = start();
    await resolves(['act', { ...overloaded, retryAfterMs: 30_000 }]);
    expect(holes.the('notice').input).toMatchObject({ kind: 'waiting_provider', detail: 'Later.' });
    await resolves(['notice', undefined]);
    clock.increment(29_999);
    expect(holes.named('act')).toHaveLength(1);
    clock.increment(1);
    expect(holes.named('act')).toHaveLength(2);
  });

  test('F076 a turn that keeps failing is tried again with growing pauses, so often as allowed, then ends the run', async () => {
    const { clock, holes, resolves } = start();
    for (const wait of [1_000, 2_000]) {
      await resolves(['act', overloaded]);
      clock.increment(wait - 1);
      expect(holes.open.map(({ name }) => name)).toEqual(['notice']);
      clock.increment(1);
    }
    await resolves(['act', overloaded]);
    const { end } = holes.the('end').input;
    expect(end).toEqual({ reason: 'failed', code: 'model_overloaded', message: 'Later.', retryable: true });
    expect(holes.named('act')).toHaveLength(3);
  });

  test('F076 a good turn forgives the failures before it', async () => {
    const { clock, holes, resolves } = start();
    for (const _ of [1, 2, 3]) {
      await resolves(['act', overloaded]);
      clock.increment(1_000);
      await resolves(['act', calls('c')], ['calls', [called(`${holes.calls.length}`)]]);
    }
    holes.the('act');
  });

  test('F077 a run does not retry a failure that a retry cannot fix', async () => {
    const { holes, resolves } = start();
    await resolves(['act', refused]);
    expect(holes.named('act')).toHaveLength(1);
    expect(holes.the('end').input.end).toMatchObject({ code: 'model_rejected', retryable: false });
  });

  test.each(['plan', 'act', 'summarize'])('F076 a %s turn is tried again too', async (hole) => {
    const { clock, holes, resolves } = start(withPlan);
    if (hole !== 'plan') await resolves(['plan', hole === 'act' ? planned(step('1')) : planned()]);
    await resolves([hole, overloaded]);
    clock.increment(1_000);
    expect(holes.named(hole)).toHaveLength(2);
  });

  test('F081 an empty reply is nudged once, then the run waits, and the third in a row ends it', async () => {
    const { actor, holes, resolves, isIn, tells } = start();
    await resolves(['act', empty]);
    expect(holes.the('act').input.hint).toMatch(/empty/);
    await resolves(['act', empty], ['wait', undefined]);
    expect(isIn('waiting.open')).toBe(true);
    expect(tells('run.waiting')).toHaveLength(1);
    expect(tells('run.asked')).toHaveLength(1);
    actor.send({ type: 'run.answer' });
    await resolves(['act', empty]);
    expect(holes.the('end').input.end).toMatchObject({ reason: 'failed', code: 'empty_reply', retryable: true });
  });

  test('F081 replies with content in between start the count anew', async () => {
    const { holes, resolves } = start();
    for (const n of [1, 2, 3]) await resolves(['act', empty], ['act', calls(`c${n}`)], ['calls', [called(`${n}`)]]);
    expect(holes.the('act').input.hint).toBeUndefined();
  });
});

describe('run: no progress', () => {
  const sameCall = async (resolves: ReturnType<typeof start>['resolves'], times: number) => {
    for (let n = 0; n < times; n += 1) await resolves(['act', calls(`c${n}`)], ['calls', [called()]]);
  };

  test('F083 a run that is stuck gets one hint, said once; stuck again it waits', async () => {
    const { holes, resolves, tells } = start();
    await sameCall(resolves, 4);
    expect(holes.the('notice').input).toMatchObject({ kind: 'stuck', detail: expect.stringMatching(/same action/) });
    await resolves(['notice', undefined]);
    expect(holes.the('act').input.hint).toMatch(/same action gave the same result 4 times/);
    await sameCall(resolves, 1);
    expect(holes.the('act').input.hint).toBeUndefined();
    await sameCall(resolves, 3);
    expect(tells('run.waiting')[0]?.question).toMatch(/I make no progress/);
  });

  test('equal calls of one turn count once, because the model saw no result between them', async () => {
    const { holes, resolves } = start();
    const same = [called(), called(), called(), called()];
    await resolves(['act', calls('c1', 'c2', 'c3', 'c4')], ['calls', same]);
    expect(holes.named('notice')).toEqual([]);
  });

  test('F083 a run goes on after a restart as stuck as it was', async () => {
    const acts = [called(), called(), called()].flatMap((it) => (it.kind === 'called' ? [it.act] : []));
    const { actor, resolves, tells } = start({ resume: { ...begun, acts, hinted: true } });
    actor.send({ type: 'run.answer' });
    expect(tells('run.waiting')).toEqual([]);
    await sameCall(resolves, 1);
    expect(tells('run.waiting')[0]?.question).toMatch(/I make no progress/);
  });

  test('F083 an answer forgives: the next time it is stuck it gets a hint again', async () => {
    const { actor, holes, resolves } = start();
    await sameCall(resolves, 4);
    await resolves(['notice', undefined]);
    await sameCall(resolves, 4);
    await resolves(['wait', undefined]);
    actor.send({ type: 'run.answer' });
    await sameCall(resolves, 4);
    expect(holes.the('notice').input.kind).toBe('stuck');
  });
});

describe('run: budgets', () => {
  const turn = (n: number): [string, unknown][] => [
    ['act', calls(`c${n}`)],
    ['calls', [called(`${n}`)]],
  ];
  test.each([
    ['turns', { turns: 2 }, /budget of 2 model turns/],
    ['tokens', { tokens: 20 }, /budget of 20 tokens/],
    ['cost', { cost: 0.02 }, /cost budget of 0.02/],
  ])('F084 spent %s end in a question, and the answer grants as much again', async (_, limit, question) => {
    const budget = { ...runPolicy.budget, ...limit };
    const { actor, holes, resolves, tells } = start({ policy: { ...runPolicy, budget } });
    await resolves(...turn(1), ...turn(2));
    expect(tells('run.waiting')[0]?.question).toMatch(question);
    expect(holes.the('wait').input.question).toMatch(question);
    await resolves(['wait', undefined]);
    actor.send({ type: 'run.answer' });
    await resolves(...turn(3), ...turn(4));
    expect(tells('run.waiting')).toHaveLength(2);
  });

  test('F084 a request that no budget covers is not sent; the answer lets one through, whatever it needs', async () => {
    const over = { scope: 'run', kind: 'cost', limit: 1, used: 0.9, needs: 0.3 } as const;
    const { actor, holes, resolves } = start();
    expect(holes.the('act').input.left).toMatchObject({ turns: { limit: 50, used: 0 } });
    await resolves(['act', { kind: 'unaffordable', over, spent }]);
    expect(holes.the('wait').input).toMatchObject({ reason: 'budget', over });
    expect(holes.the('wait').input.question).toMatch(/cost budget of 1 does not cover the next request/);
    await resolves(['wait', undefined]);
    actor.send({ type: 'run.answer' });
    expect(holes.the('act').input.left).toBeUndefined();
    await resolves(['act', calls('c1')], ['calls', [called()]]);
    expect(holes.the('act').input.left).toMatchObject({ turns: { limit: 50, used: 1 } });
  });

  test('F084 spent time ends in a question once the call that runs is over', async () => {
    const { actor, clock, holes, resolves, tells } = start();
    await resolves(['act', calls('c1')]);
    clock.increment(600_000);
    expect(tells('run.waiting')).toEqual([]);
    await resolves(['calls', [called()]]);
    expect(tells('run.waiting')[0]?.question).toMatch(/time budget of 600 s/);
    await resolves(['wait', undefined]);
    clock.increment(600_000); // waiting costs nothing
    actor.send({ type: 'run.answer' });
    holes.the('act');
  });

  test('F084 a run whose last turn said it all ends, though the budget is spent', async () => {
    const budget = { ...runPolicy.budget, turns: 1 };
    const { resolves, isIn } = start({ policy: { ...runPolicy, budget } });
    await resolves(['act', said()]);
    expect(isIn('finishing')).toBe(true);
  });

  test('F015 the time budget goes on after a restart where it stood', async () => {
    const { actor, clock, resolves, tells } = start({ resume: { ...begun, workedMs: 400_000 } });
    actor.send({ type: 'run.answer' });
    clock.increment(199_999);
    await resolves(['act', calls('c1')], ['calls', [called()]], ['act', calls('c2')]);
    clock.increment(1);
    await resolves(['calls', [called()]]);
    expect(tells('run.waiting')[0]?.question).toMatch(/time budget/);
  });
});

describe('run: questions', () => {
  const ask = { kind: 'ask', question: 'Which one?' } as const;

  test('a call that asks waits, and is asked again with the answer', async () => {
    const { actor, holes, resolves, tells } = start();
    await resolves(['act', calls('ask', 'then')], ['calls', [ask]]);
    expect(tells('run.waiting')).toEqual([{ type: 'run.waiting', question: 'Which one?' }]);
    await resolves(['wait', undefined]);
    actor.send({ type: 'run.answer' });
    expect(holes.the('calls').input).toMatchObject({ answered: true, calls: [{ callId: 'ask' }, { callId: 'then' }] });
    await resolves(['calls', [called()]]);
    expect(holes.the('calls').input).toMatchObject({ answered: false, calls: [{ callId: 'then' }] });
  });

  test('a stop ends a run that waits', async () => {
    const { actor, holes, resolves, end } = start();
    await resolves(['act', calls('ask')], ['calls', [ask]], ['wait', undefined]);
    actor.send({ type: 'run.stop', reason: 'stopped' });
    await holes.the('end').resolve();
    expect(end()).toEqual({ reason: 'stopped' });
  });

  test('a question that cannot be written ends the run', async () => {
    const { holes, resolves } = start();
    await resolves(['act', calls('ask')], ['calls', [ask]]);
    await holes.the('wait').reject(new AppError('store_unavailable', 'The store does not answer.'));
    expect(holes.the('end').input.end).toMatchObject({ reason: 'failed', code: 'store_unavailable' });
  });
});

describe('run: after a restart', () => {
  test('a run that had begun waits for its place before it does anything', async () => {
    const { actor, holes } = start({ resume: begun });
    await settled();
    expect(holes.calls).toEqual([]);
    actor.send({ type: 'run.answer' });
    holes.the('act');
  });

  test('F016 the calls that were open come first, and say whether they had begun', async () => {
    const open = [{ ...callOf('c1'), begun: true }, callOf('c2')];
    const { actor, holes, resolves } = start({ resume: { ...begun, calls: open } });
    actor.send({ type: 'run.answer' });
    expect(holes.the('calls').input.calls[0]).toEqual(open[0]);
    await resolves(['calls', [called()]]);
    expect(holes.the('calls').input.calls[0]).toEqual(open[1]);
    await resolves(['calls', [called()]]);
    holes.the('act');
  });

  test('the plan goes on with its steps', () => {
    const steps = [step('1', 'completed'), step('2')];
    const { actor, holes } = start({ ...withPlan, resume: { ...begun, steps } });
    actor.send({ type: 'run.answer' });
    expect(holes.the('act').input.steps.map((it: { status: string }) => it.status)).toEqual(['completed', 'running']);
    expect(holes.named('plan')).toEqual([]);
  });

  test('a run that waited waits on without asking anew, and takes its answer', async () => {
    const resume = { ...begun, waiting: 'Which one?', calls: [{ ...callOf('ask'), begun: true }] };
    const { actor, holes, tells, isIn } = start({ resume });
    await settled();
    expect(isIn('waiting.open')).toBe(true);
    expect([...holes.calls, ...tells('run.waiting')]).toEqual([]);
    actor.send({ type: 'run.answer' });
    expect(holes.the('calls').input.answered).toBe(true);
  });

  test('a message that no turn had seen is seen before the run ends', async () => {
    const { actor, resolves, tells } = start({ resume: { ...begun, unseen: 1 } });
    actor.send({ type: 'run.answer' });
    await resolves(['act', said()]);
    expect(tells('run.wantsToEnd')).toEqual([{ type: 'run.wantsToEnd', seen: 1 }]);
  });

  test('the budget counts what the run spent before the restart', async () => {
    const budget = { ...runPolicy.budget, turns: 3 };
    const resume = { ...begun, spent: { turns: 3, tokens: 0, cost: 0 } };
    const { actor, tells } = start({ policy: { ...runPolicy, budget }, resume });
    actor.send({ type: 'run.answer' });
    expect(tells('run.waiting')).toHaveLength(1);
  });

  test('a stop ends it before it got its place', async () => {
    const { actor, holes, end } = start({ resume: begun });
    actor.send({ type: 'run.stop', reason: 'stopped' });
    await holes.the('end').resolve();
    expect(end()).toEqual({ reason: 'stopped' });
  });
});
