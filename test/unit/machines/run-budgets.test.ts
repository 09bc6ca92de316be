import { describe, expect, test } from 'vitest';
import type { BudgetLine } from '../../../src/core/model/runs/budget.ts';
import { begun, callOutcome, calls, runPolicy, spent, textTurn } from '../../support/machines/machines.ts';
import { startRun } from '../../support/machines/run-machine.ts';

const lineOf = ({ budget }: { budget: readonly BudgetLine[] }, kind: BudgetLine['kind'] = 'toolCalls') =>
  budget.find((line) => line.kind === kind);

const withBudget = (budget: Partial<typeof runPolicy.budget>) => ({
  policy: { ...runPolicy, budget: { ...runPolicy.budget, ...budget } },
});

describe('run: budgets', () => {
  const turn = (n: number): [string, unknown][] => [
    ['act', calls(`c${n}`)],
    ['calls', [callOutcome(`${n}`)]],
  ];
  test.each([
    ['turns', { turns: 2 }, /budget of 2 model turns/],
    ['tokens', { tokens: 20 }, /budget of 20 tokens/],
    ['cost', { cost: 0.02 }, /cost budget of 0.02/],
  ])('F084 spent %s end in a question, and the answer grants as much again', async (_, limit, question) => {
    const { actor, holes, resolves, tells } = startRun(withBudget(limit));
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
    const { actor, holes, resolves } = startRun();
    expect(lineOf(holes.the('act').input, 'turns')).toMatchObject({ limit: 50, used: 0 });
    await resolves(['act', { kind: 'unaffordable', over, spent }]);
    expect(holes.the('wait').input).toMatchObject({ reason: 'budget', over });
    expect(holes.the('wait').input.question).toMatch(/cost budget of 1 does not cover the next request/);
    await resolves(['wait', undefined]);
    actor.send({ type: 'run.answer' });
    expect(lineOf(holes.the('act').input, 'turns')).toBeUndefined();
    await resolves(['act', calls('c1')], ['calls', [callOutcome()]]);
    expect(lineOf(holes.the('act').input, 'turns')).toMatchObject({ limit: 50, used: 1 });
  });

  test('F084 a tool call that no budget covers waits with those behind it, and is made after the answer', async () => {
    const over = { scope: 'run', kind: 'toolCalls', limit: 3, used: 3, needs: 1 } as const;
    const { actor, holes, resolves } = startRun(withBudget({ toolCalls: 3 }));
    await resolves(['act', calls('a', 'b')]);
    expect(lineOf(holes.the('calls').input)).toMatchObject({ limit: 3, used: 0 });
    await resolves(['calls', [callOutcome('a'), callOutcome('b')]], ['act', calls('c', 'd', 'e')]);
    expect(lineOf(holes.the('calls').input)).toMatchObject({ limit: 3, used: 2 });
    await resolves(['calls', [callOutcome('c'), { kind: 'unaffordable', over }, { kind: 'held' }]]);
    expect(holes.the('wait').input).toMatchObject({ reason: 'budget', over });
    expect(holes.the('wait').input.question).toMatch(/budget of 3 tool calls is spent/);
    await resolves(['wait', undefined]);
    actor.send({ type: 'run.answer' });
    const { calls: rest, answered } = holes.the('calls').input;
    expect(lineOf(holes.the('calls').input)).toMatchObject({ limit: 3, used: 0 });
    expect({ ids: rest.map(({ callId }: { callId: string }) => callId), answered }).toEqual({
      ids: ['d', 'e'],
      answered: false, // the message that grants the budget answers no question of the agent
    });
  });

  test('F084 a run whose tool calls are spent can still say what it found', async () => {
    const { resolves, isIn } = startRun(withBudget({ toolCalls: 1 }));
    await resolves(['act', calls('a')], ['calls', [callOutcome('a')]], ['act', textTurn()]);
    expect(isIn('finishing')).toBe(true);
  });

  test('F015 the tool calls before a restart count, and what it waits for is known', async () => {
    const policy = withBudget({ toolCalls: 5 });
    const waits = { waiting: 'Go on?', reason: 'budget', calls: calls('c').calls } as const;
    const { actor, holes } = startRun({ ...policy, resume: { ...begun, toolCalls: 4 } });
    actor.send({ type: 'run.answer' });
    expect(lineOf(holes.the('act').input)).toMatchObject({ limit: 5, used: 4 });
    const other = startRun({ ...policy, resume: { ...begun, ...waits, toolCalls: 5 } });
    other.actor.send({ type: 'run.answer' });
    expect(other.holes.the('calls').input).toMatchObject({ answered: false });
    expect(lineOf(other.holes.the('calls').input)).toMatchObject({ limit: 5, used: 0 });
  });

  test('F084 spent time ends in a question once the call that runs is over', async () => {
    const { actor, clock, holes, resolves, tells } = startRun();
    await resolves(['act', calls('c1')]);
    clock.advance(600_000);
    expect(tells('run.waiting')).toEqual([]);
    await resolves(['calls', [callOutcome()]]);
    expect(tells('run.waiting')[0]?.question).toMatch(/time budget of 600 s/);
    await resolves(['wait', undefined]);
    clock.advance(600_000); // waiting costs nothing
    actor.send({ type: 'run.answer' });
    holes.the('act');
  });

  test('F084 a run whose last turn completed it ends, though the budget is spent', async () => {
    const { resolves, isIn } = startRun(withBudget({ turns: 1 }));
    await resolves(['act', textTurn()]);
    expect(isIn('finishing')).toBe(true);
  });

  test('F015 the time budget continues after a restart where it stood', async () => {
    const { actor, clock, resolves, tells } = startRun({ resume: { ...begun, workedMs: 400_000 } });
    actor.send({ type: 'run.answer' });
    clock.advance(199_999);
    await resolves(['act', calls('c1')], ['calls', [callOutcome()]], ['act', calls('c2')]);
    clock.advance(1);
    await resolves(['calls', [callOutcome()]]);
    expect(tells('run.waiting')[0]?.question).toMatch(/time budget/);
  });
});
