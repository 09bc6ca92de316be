import { describe, expect, test } from 'vitest';
import { begun, goal, judgedAs, overloaded, runPolicy, spent, textTurn } from '../../support/machines/machines.ts';
import { startRun } from '../../support/machines/run-machine.ts';

const planned = () => ({ kind: 'planned', steps: [], spent }) as const;

describe('run: goals', () => {
  test('the work is judged once the agent believes to be done, and its end has the result', async () => {
    const { actor, holes, resolves, tells, ends } = startRun({ goal });
    await resolves(['act', textTurn()]);
    expect(tells('run.wantsToEnd')).toEqual([]);
    expect(holes.the('judge').input).toMatchObject({ goal, round: 1, revision: 1, isLastTry: false });
    await resolves(['judge', judgedAs('satisfied')]);
    expect(tells('run.wantsToEnd')).toHaveLength(1);
    await ends();
    const result = { result: 'satisfied', reason: 'It is satisfied.', rounds: 1 };
    expect(actor.getSnapshot().output).toEqual({ reason: 'completed', goal: result });
  });

  test.each([false, true])('a miss goes back to the agent, until it had all revisions (plans: %s)', async (plans) => {
    const { actor, holes, resolves, ends } = startRun({ goal, policy: { ...runPolicy, plans } });
    const work = async () =>
      plans ? await resolves(['plan', planned()], ['summarize', textTurn()]) : await resolves(['act', textTurn()]);
    await work();
    await resolves(['judge', judgedAs('not_satisfied', true)]);
    await work();
    expect(holes.the('judge').input).toMatchObject({ round: 2, revision: 2 });
    await resolves(['judge', judgedAs('not_satisfied', true)]);
    await work();
    expect(holes.the('judge').input).toMatchObject({ round: 3, revision: undefined });
    await resolves(['judge', judgedAs('not_satisfied')]);
    await ends();
    expect(actor.getSnapshot().output?.goal).toMatchObject({ result: 'not_satisfied', rounds: 3 });
  });

  test('the same words after each miss do not count as a repetition', async () => {
    const { holes, resolves } = startRun({ goal: { ...goal, maxRevisions: 9 } });
    for (let round = 1; round <= 5; round++) {
      await resolves(['act', textTurn('done')]);
      expect(holes.the('judge').input.round).toBe(round);
      await resolves(['judge', judgedAs('not_satisfied', true)]);
    }
    holes.the('act');
  });

  test('a message that comes while the work is judged is worked on, and the work is judged again', async () => {
    const { actor, holes, resolves, tells } = startRun({ goal });
    await resolves(['act', textTurn()]);
    actor.send({ type: 'run.inject' });
    await resolves(['judge', judgedAs('satisfied')], ['act', textTurn('more')]);
    expect(holes.the('judge').input.round).toBe(2);
    await resolves(['judge', judgedAs('satisfied')]);
    expect(tells('run.wantsToEnd').at(-1)).toMatchObject({ seen: 1 });
  });

  test('a message that comes when the run wants to end makes the work be judged again', async () => {
    const { actor, holes, resolves } = startRun({ goal });
    await resolves(['act', textTurn()], ['judge', judgedAs('satisfied')]);
    actor.send({ type: 'run.inject' });
    actor.send({ type: 'run.goOn' });
    await resolves(['act', textTurn('more')]);
    expect(holes.the('judge').input.round).toBe(2);
  });

  test('a budget that does not cover the grader ends in a question', async () => {
    const over = { scope: 'run', kind: 'cost', limit: 1, used: 0.9, needs: 0.3 } as const;
    const { actor, holes, resolves, tells } = startRun({ goal });
    await resolves(['act', textTurn()], ['judge', { kind: 'unaffordable', over, spent }]);
    expect(holes.the('wait').input).toMatchObject({ reason: 'budget', over });
    await resolves(['wait', undefined]);
    expect(tells('run.waiting')).toHaveLength(1);
    actor.send({ type: 'run.answer' });
    await resolves(['act', textTurn()]);
    expect(holes.the('judge').input.round).toBe(2);
  });

  test('a grader that is overloaded is called again in the same round, at last for the last time', async () => {
    const { clock, holes, resolves } = startRun({ goal });
    await resolves(['act', textTurn()], ['judge', overloaded], ['notice', undefined]);
    clock.advance(60_000);
    expect(holes.the('judge').input).toMatchObject({ round: 1, isLastTry: false });
    await resolves(['judge', overloaded], ['notice', undefined]);
    clock.advance(60_000);
    expect(holes.the('judge').input).toMatchObject({ round: 1, isLastTry: true });
  });

  test('a stop ends the judging, and the goal could not be judged', async () => {
    const { actor, holes, resolves } = startRun({ goal });
    await resolves(['act', textTurn()]);
    const { signal } = holes.the('judge');
    actor.send({ type: 'run.stop', reason: 'stopped' });
    expect(signal.aborted).toBe(true);
    const expected = { reason: 'stopped', goal: { result: 'could_not_be_judged', rounds: 1 } };
    expect(holes.the('end').input.end).toMatchObject(expected);
  });

  test('a restart in the middle of judging continues with the same round, without another turn', async () => {
    const resume = {
      ...begun,
      acts: [{ kind: 'text', text: 'x' } as const],
      judgement: { round: 2, revisions: 1, isOpen: true },
    };
    const { actor, holes } = startRun({ goal, resume });
    actor.send({ type: 'run.answer' });
    expect(holes.the('judge').input).toMatchObject({ round: 2, revision: 2 });
  });
});
