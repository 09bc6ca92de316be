import { z } from 'zod';
import { RunStatus } from '../events.ts';
import { SessionId } from '../ids.ts';
import { Goal, GoalEnd } from './goal.ts';

/** Attempts at one task, `<session>:<attempts>`. They are erased with the session. */
export const attemptsKind = 'attempts';
/** The difference of one attempt, `<session>:<attempts>:<n>`. */
export const attemptDiffKind = 'attempt-diff';
/** Marks the attempts of a session that need work, `of-<session>`; it outlives the session until its last child is gone. */
export const openAttemptsKind = 'attempts-open';

export const attemptLimits = { least: 2, most: 8 } as const;

/** The work of an attempt after its end. It stays when its session is deleted. */
export const AttemptResult = z.object({
  status: z.enum([...RunStatus.options, 'deleted']),
  goal: GoalEnd.nullable(),
  /** The checks of the last round of judging, in their order. */
  checks: z.array(z.object({ command: z.string(), result: z.enum(['passed', 'missed', 'unknown']) })),
  /** The grader's measure of how well the work meets the rubric, 0 to 100; null: it gave none. */
  score: z.int().nullable(),
  /** The changed files; null: they are not known, for the reason that `unknown` says. */
  files: z.int().nullable(),
  added: z.int(),
  removed: z.int(),
  unknown: z.string().nullable(),
  turns: z.int(),
  tokens: z.int(),
  cost: z.number(),
  /** Absent in results of earlier versions. */
  toolCalls: z.int().optional(),
});
export type AttemptResult = z.infer<typeof AttemptResult>;

export const Attempt = z.object({
  n: z.int(),
  sessionId: SessionId,
  /** A template for its instructions, model and choice of tools; null: the session's. */
  template: z.string().nullable(),
  model: z.string().nullable(),
  /** `planned`: its session is still to start. */
  phase: z.enum(['planned', 'working', 'ended', 'not_started']),
  /** Why it was not started. */
  error: z.string().nullable(),
  result: AttemptResult.nullable(),
  /** The session is deleted, because another attempt was chosen. */
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
  /** The budget of each; open limits get an equal share of the session's remaining budget. */
  budget: AttemptBudget,
  at: z.number(),
  phase: z.enum(['running', 'ended', 'choosing', 'chosen']),
  /** Nothing more is started, and what works is stopped. */
  isStopped: z.boolean(),
  /** The attempt whose files the session has, or gets. */
  chosen: z.int().nullable(),
  /** The fate of the sessions of the other attempts. */
  others: z.enum(['keep', 'delete']),
  /** Why the last choice failed. */
  error: z.string().nullable(),
  attempts: z.array(Attempt),
});
export type AttemptSet = z.infer<typeof AttemptSet>;
