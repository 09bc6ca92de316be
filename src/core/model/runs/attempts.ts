import { z } from 'zod';
import { RunStatus } from '../events.ts';
import { SessionId } from '../ids.ts';
import { Goal, GoalAssessment } from './goal.ts';

/** Records that each list the attempts at one task. Their ids are `<session>:<attempts>`. They are erased with the session. */
export const attemptsKind = 'attempts';
/** Records that each contain the diff of one attempt. Their ids are `<session>:<attempts>:<n>`. */
export const attemptDiffKind = 'attempt-diff';
/**
 * Records that each mark the attempts of one session as unfinished. Their ids are `of-<session>`. Such a record is kept after
 * its session is deleted, until all the attempts are deleted too.
 */
export const unfinishedAttemptsKind = 'attempts-open';

export const attemptLimits = { least: 2, most: 8 } as const;

/** The result of a finished attempt, kept when the attempt's session is deleted. */
export const AttemptResult = z.object({
  status: z.enum([...RunStatus.options, 'deleted']),
  goal: GoalAssessment.nullable(),
  /** The checks from the last time the goal was judged, in order. */
  checks: z.array(z.object({ command: z.string(), result: z.enum(['passed', 'missed', 'unknown']) })),
  /** The grader's score for how well the work meets the rubric, 0 to 100; null: none. */
  score: z.int().nullable(),
  /** Number of changed files; null if unknown (`unknown` contains the reason). */
  files: z.int().nullable(),
  added: z.int(),
  removed: z.int(),
  unknown: z.string().nullable(),
  turns: z.int(),
  tokens: z.int(),
  cost: z.number(),
  /** Absent in results from earlier versions. */
  toolCalls: z.int().optional(),
});
export type AttemptResult = z.infer<typeof AttemptResult>;

export const Attempt = z.object({
  n: z.int(),
  sessionId: SessionId,
  /** The template that sets instructions, model and tools; null: the session's. */
  template: z.string().nullable(),
  model: z.string().nullable(),
  /** `planned`: the attempt's session has not started yet. */
  phase: z.enum(['planned', 'working', 'ended', 'not_started']),
  error: z.string().nullable(),
  result: AttemptResult.nullable(),
  /** Whether the attempt's session was deleted because another attempt was chosen. */
  isDeleted: z.boolean().default(false),
});
export type Attempt = z.infer<typeof Attempt>;

export const AttemptBudget = z.object({
  turns: z.int().min(1).optional(),
  tokens: z.int().min(1).optional(),
  cost: z.number().positive().optional(),
  toolCalls: z.int().min(1).optional(),
});
export type AttemptBudget = z.infer<typeof AttemptBudget>;

export const AttemptSet = z.object({
  id: z.string(),
  sessionId: SessionId,
  task: z.string(),
  goal: Goal.nullable(),
  begins: z.enum(['fork', 'copy', 'none']),
  /** The budget of each attempt. For an unset limit, each attempt gets an equal share of the session's remaining budget. */
  budget: AttemptBudget,
  at: z.number(),
  phase: z.enum(['running', 'ended', 'choosing', 'chosen']),
  /** Once true, no more attempts start and the running ones are stopped. */
  isStopped: z.boolean(),
  /** The attempt whose files the session has received or is about to receive. */
  chosen: z.int().nullable(),
  others: z.enum(['keep', 'delete']),
  error: z.string().nullable(),
  attempts: z.array(Attempt),
});
export type AttemptSet = z.infer<typeof AttemptSet>;
