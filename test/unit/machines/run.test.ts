import { describe, expect, test } from 'vitest';
import { AppError } from '../../../src/core/errors/errors.ts';
import {
  begun,
  callOf,
  callOutcome,
  calls,
  empty,
  type ManualActors,
  overloaded,
  refused,
  runPolicy,
  settled,
  spent,
  textTurn,
} from '../../support/machines/machines.ts';
import { startRun } from '../../support/machines/run-machine.ts';

const step = (id: string, status: 'pending' | 'completed' = 'pending') => ({ id, description: `step ${id}`, status });
const planned = (...steps: ReturnType<typeof step>[]) => ({ kind: 'planned', steps, spent }) as const;
const withPlan = { policy: { ...runPolicy, plans: true } };

describe('run: the way to its end', () => {
  test('a run plans, does each step, sums up, asks leave and ends as completed', async () => {
    const { holes, resolves, tells, ends, end } = startRun(withPlan);
    await resolves(['plan', planned(step('1'), step('2'))]);
    expect(holes.the('act').input.steps[0].status).toBe('running');
    await resolves(['act', { ...textTurn('one'), steps: [step('1', 'completed'), step('2')] }]);
    await resolves(['act', { ...textTurn('two'), steps: [step('1', 'completed'), step('2', 'completed')] }]);
    await resolves(['summarize', { ...textTurn('all'), steps: [] }]);
    expect(tells('run.wantsToEnd')).toEqual([{ type: 'run.wantsToEnd', seen: 0 }]);
    await ends();
    expect(end()).toEqual({ reason: 'completed' });
  });

  test('a run without a plan ends with the first text without calls', async () => {
    const { resolves, ends, end } = startRun();
    await resolves(
      ['act', calls('c1', 'c2')],
      ['calls', [callOutcome()]],
      ['calls', [callOutcome()]],
      ['act', textTurn()],
    );
    await ends();
    expect(end()).toEqual({ reason: 'completed' });
  });

  test('a call that changes the plan begins the next step without a turn for the end of the one before', async () => {
    const { holes, resolves } = startRun(withPlan);
    await resolves(['plan', planned(step('1'), step('2'))], ['act', calls('c1')]);
    const steps = [step('1', 'completed'), { ...step('2'), status: 'running' }];
    await resolves(['calls', [{ ...callOutcome(), steps }]]);
    expect(holes.the('act').input.steps).toEqual(steps);
    await resolves(['act', calls('c2')]);
    await resolves(['calls', [{ ...callOutcome(), steps: [step('1', 'completed'), step('2', 'completed')] }]]);
    holes.the('summarize');
  });

  test('a plan that an agent keeps by itself does not decide what its run does next', async () => {
    const { holes, resolves, isIn } = startRun();
    await resolves(['act', calls('c1')], ['calls', [{ ...callOutcome(), steps: [step('1'), step('2')] }]]);
    expect(holes.the('act').input.steps).toEqual([step('1'), step('2')]);
    await resolves(['act', textTurn()]);
    expect(isIn('finishing')).toBe(true);
  });

  test('a run does not end before its session allows it', async () => {
    const { holes, resolves, isIn, clock } = startRun();
    await resolves(['act', textTurn()]);
    clock.advance(3_600_000);
    expect([isIn('finishing'), holes.named('end')]).toEqual([true, []]);
  });

  test('an end that cannot be written does not hold the run for ever', async () => {
    const { actor, clock, holes, end } = startRun();
    actor.send({ type: 'run.stop', reason: 'stopped' });
    clock.advance(5_000);
    holes.the('close');
    clock.advance(19_999);
    expect(end()).toBeUndefined();
    clock.advance(1);
    expect(end()).toEqual({ reason: 'stopped' });
  });

  test('an actor that breaks ends the run as failed, with a public message only', async () => {
    const { holes, end } = startRun();
    await holes.the('act').reject(new Error('a bug, with a secret in its text'));
    const message = 'Something went wrong on our side.';
    const reason = { reason: 'failed', code: 'internal', message, retryable: false };
    expect(holes.the('end').input.end).toEqual(reason);
    await holes.the('end').reject(new Error('the log is gone'));
    expect(end()).toEqual(reason);
  });
});

describe('run: stop', () => {
  test.each<[string, string, Parameters<typeof startRun>[0], [string, unknown][]]>([
    ['F107 a stop while the model speaks aborts the model call', 'act', {}, []],
    ['F108 a stop during a tool call aborts the call', 'calls', {}, [['act', calls('c1')]]],
    ['F107 a stop while the model plans aborts the model call', 'plan', withPlan, []],
    ['F107 a stop while the model sums up aborts the model call', 'summarize', withPlan, [['plan', planned()]]],
  ])('%s and then appends the end', async (_, hole, input, before) => {
    const { actor, holes, resolves, tells, end } = startRun(input);
    await resolves(...before);
    const { signal } = holes.the(hole);
    actor.send({ type: 'run.stop', reason: 'superseded' });
    expect([signal.aborted, holes.the('end').input.end]).toEqual([true, { reason: 'superseded' }]);
    expect([tells('run.ending').length, end()]).toEqual([1, undefined]); // its session knows before the log does
    await holes.the('end').resolve();
    expect(end()).toEqual({ reason: 'superseded' });
  });

  test('F109 a sandbox that does not let go is not waited for, but the end in the log is', async () => {
    const { clock, actor, holes, end } = startRun();
    actor.send({ type: 'run.stop', reason: 'superseded' });
    clock.advance(5_000);
    expect(end()).toBeUndefined();
    await holes.the('close').resolve();
    expect(end()).toEqual({ reason: 'superseded' });
  });

  test('F109 a run ends with its first reason, whatever comes later', async () => {
    const { actor, holes, end } = startRun();
    actor.send({ type: 'run.stop', reason: 'stopped' });
    actor.send({ type: 'run.stop', reason: 'deleted' });
    actor.send({ type: 'run.inject' });
    expect(holes.named('end')).toHaveLength(1);
    await holes.the('end').resolve();
    expect(end()).toEqual({ reason: 'stopped' });
  });
});

describe('run: messages on the way', () => {
  test('the model reads a message that arrives while the run asks to end', async () => {
    const { actor, resolves, tells, ends } = startRun();
    await resolves(['act', textTurn()]);
    actor.send({ type: 'run.inject' });
    await resolves(['act', textTurn('and more')]);
    expect(tells('run.wantsToEnd').map(({ seen }) => seen)).toEqual([0, 1]);
    await ends();
  });

  test('a run with a plan plans again for a new message', async () => {
    const { actor, holes, resolves } = startRun(withPlan);
    await resolves(['plan', planned(step('1'), step('2'))]);
    expect(holes.named('plan')[0]?.input.again).toBe(false);
    actor.send({ type: 'run.inject' });
    await resolves(['act', { ...textTurn(), steps: [step('1', 'completed'), step('2')] }]);
    expect(holes.the('plan').input.again).toBe(true);
  });

  test.each([
    ['fails', (holes: ManualActors) => holes.the('act').resolve(refused)],
    ['breaks', (holes: ManualActors) => holes.the('act').reject(new Error('bug'))],
  ])('F111 a message that came during a turn that %s gets a turn of its own before the run fails', async (_, fail) => {
    const { actor, holes, isIn } = startRun();
    actor.send({ type: 'run.inject' });
    await fail(holes);
    expect(holes.named('act')).toHaveLength(2);
    await fail(holes);
    expect(isIn('ending')).toBe(true);
  });
});

describe('run: the provider', () => {
  test('F075 the wait that the provider requested is honoured, and shown', async () => {
    const { clock, holes, resolves } = startRun();
    await resolves(['act', { ...overloaded, retryAfterMs: 30_000 }]);
    expect(holes.the('notice').input).toMatchObject({ kind: 'waiting_provider', detail: 'Later.' });
    await resolves(['notice', undefined]);
    clock.advance(29_999);
    expect(holes.named('act')).toHaveLength(1);
    clock.advance(1);
    expect(holes.named('act')).toHaveLength(2);
  });

  test('F076 a turn that keeps failing is tried again with growing pauses, so often as allowed, then ends the run', async () => {
    const { clock, holes, resolves } = startRun();
    for (const wait of [1_000, 2_000]) {
      await resolves(['act', overloaded]);
      clock.advance(wait - 1);
      expect(holes.open.map(({ name }) => name)).toEqual(['notice']);
      clock.advance(1);
    }
    await resolves(['act', overloaded]);
    const { end } = holes.the('end').input;
    expect(end).toEqual({ reason: 'failed', code: 'model_overloaded', message: 'Later.', retryable: true });
    expect(holes.named('act')).toHaveLength(3);
  });

  test('F076 a good turn forgives the failures before it', async () => {
    const { clock, holes, resolves } = startRun();
    for (const _ of [1, 2, 3]) {
      await resolves(['act', overloaded]);
      clock.advance(1_000);
      await resolves(['act', calls('c')], ['calls', [callOutcome(`${holes.calls.length}`)]]);
    }
    holes.the('act');
  });

  test('F077 a run does not retry a failure that a retry cannot fix', async () => {
    const { holes, resolves } = startRun();
    await resolves(['act', refused]);
    expect(holes.named('act')).toHaveLength(1);
    expect(holes.the('end').input.end).toMatchObject({ code: 'model_rejected', retryable: false });
  });

  test.each(['plan', 'act', 'summarize'])('F076 a %s turn is tried again too', async (hole) => {
    const { clock, holes, resolves } = startRun(withPlan);
    if (hole !== 'plan') await resolves(['plan', hole === 'act' ? planned(step('1')) : planned()]);
    await resolves([hole, overloaded]);
    clock.advance(1_000);
    expect(holes.named(hole)).toHaveLength(2);
  });

  test('F081 an empty reply is nudged once, then the run waits, and the third in a row ends it', async () => {
    const { actor, holes, resolves, isIn, tells } = startRun();
    await resolves(['act', empty]);
    expect(holes.the('act').input.hint).toMatch(/empty/);
    await resolves(['act', empty], ['wait', undefined]);
    expect(isIn('waiting.open')).toBe(true);
    expect(tells('run.waiting')).toHaveLength(1);
    expect(tells('run.questionLogged')).toHaveLength(1);
    actor.send({ type: 'run.answer' });
    await resolves(['act', empty]);
    expect(holes.the('end').input.end).toMatchObject({ reason: 'failed', code: 'empty_reply', retryable: true });
  });

  test('F081 replies with content in between start the count again', async () => {
    const { holes, resolves } = startRun();
    for (const n of [1, 2, 3])
      await resolves(['act', empty], ['act', calls(`c${n}`)], ['calls', [callOutcome(`${n}`)]]);
    expect(holes.the('act').input.hint).toBeUndefined();
  });
});

describe('run: no progress', () => {
  const sameCall = async (resolves: ReturnType<typeof startRun>['resolves'], times: number) => {
    for (let n = 0; n < times; n += 1) await resolves(['act', calls(`c${n}`)], ['calls', [callOutcome()]]);
  };

  test('F083 a run that is stuck gets one hint, once; stuck again it waits', async () => {
    const { holes, resolves, tells } = startRun();
    await sameCall(resolves, 4);
    const expected = { kind: 'stuck', detail: expect.stringMatching(/^The agent .*same action/) };
    expect(holes.the('notice').input).toMatchObject(expected);
    await resolves(['notice', undefined]);
    expect(holes.the('act').input.hint).toMatch(/same action gave the same result 4 times/);
    await sameCall(resolves, 1);
    expect(holes.the('act').input.hint).toBeUndefined();
    await sameCall(resolves, 3);
    expect(tells('run.waiting')[0]?.question).toMatch(/^I’m stuck: /);
  });

  test('equal calls of one turn count once, because the model saw no result between them', async () => {
    const { holes, resolves } = startRun();
    const same = [callOutcome(), callOutcome(), callOutcome(), callOutcome()];
    await resolves(['act', calls('c1', 'c2', 'c3', 'c4')], ['calls', same]);
    expect(holes.named('notice')).toEqual([]);
  });

  test('F083 a run continues after a restart as stuck as it was', async () => {
    const acts = [callOutcome(), callOutcome(), callOutcome()].flatMap((it) => (it.kind === 'called' ? [it.act] : []));
    const { actor, resolves, tells } = startRun({ resume: { ...begun, acts, hinted: true } });
    actor.send({ type: 'run.answer' });
    expect(tells('run.waiting')).toEqual([]);
    await sameCall(resolves, 1);
    expect(tells('run.waiting')[0]?.question).toMatch(/^I’m stuck: /);
  });

  test('F083 an answer forgives: the next time it is stuck it gets a hint again', async () => {
    const { actor, holes, resolves } = startRun();
    await sameCall(resolves, 4);
    await resolves(['notice', undefined]);
    await sameCall(resolves, 4);
    await resolves(['wait', undefined]);
    actor.send({ type: 'run.answer' });
    await sameCall(resolves, 4);
    expect(holes.the('notice').input.kind).toBe('stuck');
  });
});

describe('run: questions', () => {
  const ask = { kind: 'ask', question: 'Which one?' } as const;

  test('a call that asks waits, and runs again with the answer', async () => {
    const { actor, holes, resolves, tells } = startRun();
    await resolves(['act', calls('made', 'ask', 'then')], ['calls', [callOutcome(), ask, { kind: 'held' }]]);
    expect(tells('run.waiting')).toEqual([{ type: 'run.waiting', question: 'Which one?' }]);
    await resolves(['wait', undefined]);
    actor.send({ type: 'run.answer' });
    expect(holes.the('calls').input).toMatchObject({ answered: true, calls: [{ callId: 'ask' }, { callId: 'then' }] });
    await resolves(['calls', [callOutcome()]]);
    expect(holes.the('calls').input).toMatchObject({ answered: false, calls: [{ callId: 'then' }] });
  });

  test('a question that cannot be written ends the run', async () => {
    const { holes, resolves } = startRun();
    await resolves(['act', calls('ask')], ['calls', [ask]]);
    await holes.the('wait').reject(new AppError('store_unavailable', 'The store does not respond.'));
    expect(holes.the('end').input.end).toMatchObject({ reason: 'failed', code: 'store_unavailable' });
  });
});

describe('run: after a restart', () => {
  test('a run that had begun waits for its place before it does anything', async () => {
    const { actor, holes } = startRun({ resume: begun });
    await settled();
    expect(holes.calls).toEqual([]);
    actor.send({ type: 'run.answer' });
    holes.the('act');
  });

  test('F016 the calls that were open come first, and say whether they had begun', async () => {
    const open = [{ ...callOf('c1'), begun: true }, callOf('c2')];
    const { actor, holes, resolves } = startRun({ resume: { ...begun, calls: open } });
    actor.send({ type: 'run.answer' });
    expect(holes.the('calls').input.calls[0]).toEqual(open[0]);
    await resolves(['calls', [callOutcome()]]);
    expect(holes.the('calls').input.calls[0]).toEqual(open[1]);
    await resolves(['calls', [callOutcome()]]);
    holes.the('act');
  });

  test('the plan continues with its steps', () => {
    const steps = [step('1', 'completed'), step('2')];
    const { actor, holes } = startRun({ ...withPlan, resume: { ...begun, steps } });
    actor.send({ type: 'run.answer' });
    expect(holes.the('act').input.steps.map((it: { status: string }) => it.status)).toEqual(['completed', 'running']);
    expect(holes.named('plan')).toEqual([]);
  });

  test('a run that waited waits on without asking again, and takes its answer', async () => {
    const resume = { ...begun, waiting: 'Which one?', calls: [{ ...callOf('ask'), begun: true }] };
    const { actor, holes, tells, isIn } = startRun({ resume });
    await settled();
    expect([isIn('waiting.open'), [...holes.calls, ...tells('run.waiting')]]).toEqual([true, []]);
    actor.send({ type: 'run.answer' });
    expect(holes.the('calls').input.answered).toBe(true);
  });

  test('a message that no turn had seen is seen before the run ends', async () => {
    const { actor, resolves, tells } = startRun({ resume: { ...begun, unseen: 1 } });
    actor.send({ type: 'run.answer' });
    await resolves(['act', textTurn()]);
    expect(tells('run.wantsToEnd')).toEqual([{ type: 'run.wantsToEnd', seen: 1 }]);
  });

  test('the budget counts what the run spent before the restart', async () => {
    const budget = { ...runPolicy.budget, turns: 3 };
    const resume = { ...begun, spent: { turns: 3, tokens: 0, cost: 0 } };
    const { actor, tells } = startRun({ policy: { ...runPolicy, budget }, resume });
    actor.send({ type: 'run.answer' });
    expect(tells('run.waiting')).toHaveLength(1);
  });
});
