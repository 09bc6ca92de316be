import { z } from 'zod';
import { RunStatus } from '../events.ts';
import { SessionId } from '../ids.ts';
import { Goal, GoalAssessment } from './goal.ts';

/** Ids are `<session>:<attempts>`. Erased with the session. */
export const attemptsKind = 'attempts';
/** Ids are `<session>:<attempts>:<n>`. */
export const attemptDiffKind = 'attempt-diff';
/**
 * Unfinished attempts of one session. Ids are `of-<session>` rather than `<session>:…`, so the record outlives the
 * session and the attempts can still be deleted.
 */
export const unfinishedAttemptsKind = 'attempts-open';

export const attemptLimits = { least: 2, most: 8 } as const;

export const AttemptResult = z.object({
  status: z.enum([...RunStatus.options, 'deleted']),
  goal: GoalAssessment.nullable(),
  checks: z.array(z.object({ command: z.string(), result: z.enum(['passed', 'missed', 'unknown']) })),
  /** From 0 to 100; null if there is none. */
  score: z.int().nullable(),
  /** The number of changed files. Null if not known; `unknown` gives the reason. */
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
  /** The template for instructions, model and tools; null for the session's own template. */
  template: z.string().nullable(),
  model: z.string().nullable(),
  phase: z.enum(['planned', 'working', 'ended', 'not_started']),
  error: z.string().nullable(),
  result: AttemptResult.nullable(),
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
  /** Per attempt. Unset limits become equal shares of the session's remaining budget. */
  budget: AttemptBudget,
  at: z.number(),
  phase: z.enum(['running', 'ended', 'choosing', 'chosen']),
  /** Once true, no more attempts start and the running ones are stopped. */
  isStopped: z.boolean(),
  /** The attempt whose files the session uses or is about to receive. */
  chosen: z.int().nullable(),
  others: z.enum(['keep', 'delete']),
  error: z.string().nullable(),
  attempts: z.array(Attempt),
});
export type AttemptSet = z.infer<typeof AttemptSet>;
