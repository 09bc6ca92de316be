import { expect, test } from 'vitest';
import { Goal } from '../../../../src/core/model/runs/goal.ts';
import {
  emptyGoalDraft,
  findGoalProblem,
  goalDraftOf,
  maxGoalRevisions,
  setGoalDraft,
  toGoalInput,
} from '../../../../src/web/conversation/goal/goal-draft.ts';

const lines = (n: number) => Array.from({ length: n }, (_, at) => `test ${at}`).join('\n');

test('the form makes the goal that the server takes: one check a line, without empty lines', () => {
  const checks = '\n npm test \n\nnpm run lint\n';
  const goal = toGoalInput({ rubric: ' Every option has an example.\n', checks, revisions: 0 });
  expect(goal).toEqual({
    rubric: 'Every option has an example.',
    checks: [{ command: 'npm test' }, { command: 'npm run lint' }],
    maxRevisions: 0,
  });
  expect(toGoalInput({ ...emptyGoalDraft, checks: 'true' })).toEqual({
    checks: [{ command: 'true' }],
    maxRevisions: 3,
  });
});

// A draft that is valid here but refused by the server would be lost with its message.
test.each([
  ['goal.empty', emptyGoalDraft],
  ['goal.empty', { rubric: ' \n', checks: ' \n ', revisions: 3 }],
  ['goal.tooMany', { ...emptyGoalDraft, checks: lines(21) }],
  [undefined, { ...emptyGoalDraft, checks: lines(20) }],
  ['goal.tooLong', { ...emptyGoalDraft, checks: 'x'.repeat(4_001) }],
  [undefined, { ...emptyGoalDraft, checks: 'x'.repeat(4_000) }],
  ['goal.badRevisions', { ...emptyGoalDraft, checks: 'true', revisions: Number.NaN }],
  ['goal.badRevisions', { ...emptyGoalDraft, checks: 'true', revisions: 1.5 }],
  ['goal.badRevisions', { ...emptyGoalDraft, checks: 'true', revisions: -1 }],
  ['goal.badRevisions', { ...emptyGoalDraft, checks: 'true', revisions: maxGoalRevisions + 1 }],
  [undefined, { ...emptyGoalDraft, rubric: 'x', revisions: maxGoalRevisions }],
] as const)('the form has the problem %s exactly where the server refuses the goal', (problem, draft) => {
  expect(findGoalProblem(draft)).toBe(problem);
  expect(Goal.safeParse(toGoalInput(draft)).success).toBe(problem === undefined);
});

test('a goal belongs to the message of its session', () => {
  setGoalDraft(undefined, emptyGoalDraft);
  setGoalDraft('abc', { ...emptyGoalDraft, rubric: 'mine' });
  expect(goalDraftOf('other')).toBeUndefined();
  setGoalDraft(undefined, undefined);
  expect([goalDraftOf(undefined), goalDraftOf('abc')?.rubric]).toEqual([undefined, 'mine']);
});
