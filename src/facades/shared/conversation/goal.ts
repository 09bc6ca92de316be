import { z } from 'zod';
import { Goal, GoalCheck } from '../../../core/model/runs/goal.ts';

export const GoalBody = z
  .strictObject({
    rubric: Goal.shape.rubric.describe('what the result has to be like; a grader judges it'),
    checks: z
      .array(z.strictObject({ command: GoalCheck.shape.command, timeout_seconds: GoalCheck.shape.timeoutSeconds }))
      .max(20)
      .default([])
      .describe('commands of the workspace that have to exit with 0'),
    max_revisions: Goal.shape.maxRevisions.describe('how many times the agent may try again when it misses the goal'),
  })
  .refine(({ rubric, checks }) => rubric !== undefined || checks.length > 0, 'needs a rubric or a check');

export const toGoal = ({ rubric, checks, max_revisions: maxRevisions }: z.output<typeof GoalBody>): Goal => ({
  ...(rubric !== undefined && { rubric }),
  checks: checks.map(({ command, timeout_seconds: timeoutSeconds }) => ({ command, timeoutSeconds })),
  maxRevisions,
});
