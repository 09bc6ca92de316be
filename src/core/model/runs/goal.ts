import { z } from 'zod';

const maxRubric = 262_144; // In characters.
const hasText = (text: string): boolean => text.trim() !== '';

export const GoalCheck = z.strictObject({
  command: z
    .string()
    .max(4_000)
    .refine(hasText, 'must not be empty')
    .refine((text) => !text.includes('\0'), 'must not contain NUL'),
  timeoutSeconds: z.int().min(1).max(3_600).default(600),
});
export type GoalCheck = z.infer<typeof GoalCheck>;

/**
 * The goal of a run, judged each time the agent reports that it is done. A grader applies the rubric only if all checks
 * pass.
 *
 * @example
 * { rubric: 'The README names every option.', checks: [{ command: 'npm test', timeoutSeconds: 600 }], maxRevisions: 3 }
 */
export const Goal = z
  .strictObject({
    rubric: z.string().max(maxRubric).refine(hasText, 'must not be empty').optional(),
    checks: z.array(GoalCheck).max(20).default([]),
    maxRevisions: z.int().min(0).max(20).default(3),
  })
  .refine(({ rubric, checks }) => rubric !== undefined || checks.length > 0, 'needs a rubric or a check');
export type Goal = z.infer<typeof Goal>;

export const GoalResult = z.enum(['satisfied', 'not_satisfied', 'could_not_be_judged']);
export type GoalResult = z.infer<typeof GoalResult>;

export const GoalAssessment = z.object({ result: GoalResult, reason: z.string(), rounds: z.int() });
export type GoalAssessment = z.infer<typeof GoalAssessment>;

export const maxGoalReasonChars = 2_000;

export function addGoalToTask(task: string, goal: Goal | undefined): string {
  if (!goal) return task;
  const { rubric, checks } = goal;
  const commands = checks.map(({ command }) => `- ${command.replaceAll('\n', '\n  ')}`).join('\n');
  return [
    task,
    'Your work is judged by this goal each time you report that you are done. If it is missed, you get the reason and continue.',
    ...(rubric === undefined ? [] : [`Goal:\n${rubric}`]),
    ...(checks.length === 0 ? [] : [`These commands have to exit with 0 in the workspace:\n${commands}`]),
  ].join('\n\n');
}
