import { z } from 'zod';
import { ModelRef } from '../../agents/models/model-ref.ts';
import { AttemptBudget, AttemptResult, AttemptSet, attemptLimits } from '../../core/model/runs/attempts.ts';
import { Goal } from '../../core/model/runs/goal.ts';
import type { AttemptSetView, AttemptsCommand } from '../../sessions/api/server/attempts.ts';

const { least, most } = attemptLimits;
const Variant = z.strictObject({
  template: z.string().max(80).optional().describe('for its instructions, model and choice of tools'),
  model: ModelRef.optional(),
});

export const AttemptsInput = z.strictObject({
  task: z
    .string()
    .max(200_000)
    .refine((text) => text.trim() !== '', 'must not be empty'),
  goal: Goal.optional().describe('the measure by which each attempt is judged, and the attempts are compared'),
  attempts: z
    .union([z.int().min(least).max(most), z.array(Variant).min(least).max(most)])
    .describe('how many equal ones; or one entry for each, with a template or a model of its own'),
  begins: AttemptSet.shape.begins
    .optional()
    .describe(
      'fork: with the conversation and files of the session; copy: with its files; none: with neither. Unset: fork, once a run has ended',
    ),
  budget: AttemptBudget.optional().describe('of each attempt; default: an equal part of what the session has left'),
});
export const toAttemptsCommand = ({ attempts, ...rest }: z.output<typeof AttemptsInput>): AttemptsCommand => ({
  ...rest,
  attempts: typeof attempts === 'number' ? Array.from({ length: attempts }, () => ({})) : attempts,
});

export const ChooseInput = z.strictObject({
  n: z.int().min(1).max(most).describe('the attempt'),
  others: z.enum(['keep', 'delete']).default('keep').describe('what becomes of the sessions of the other attempts'),
});
export const AttemptsId = z.string().regex(/^[0-9a-f]{12}$/, 'must be 12 hex digits');

const AttemptView = z.object({
  n: z.int(),
  sessionId: z.string(),
  template: z.string().nullable(),
  model: z.string().nullable(),
  state: z.enum([
    ...(['planned', 'pending', 'running', 'waiting', 'not_started'] as const),
    ...AttemptResult.shape.status.options,
  ]),
  /** Why it was not started. */
  error: z.string().nullable(),
  result: AttemptResult.nullable(),
  turns: z.int(),
  tokens: z.int(),
  cost: z.number(),
  /** The session can no longer be opened or chosen. */
  isGone: z.boolean(),
});
export const AttemptsView = z.object({
  ...AttemptSet.omit({ attempts: true, at: true }).shape,
  sessionId: z.string(),
  createdAt: z.iso.datetime(),
  attempts: z.array(AttemptView),
  /** The attempt that did best by goal, checks, score and cost; null: none has completed. */
  best: z.int().nullable(),
});
export const AttemptDiffView = z.object({ text: z.string(), truncated: z.boolean() });

export const toAttemptsView = ({ at, attempts, ...rest }: AttemptSetView): z.output<typeof AttemptsView> => ({
  ...rest,
  attempts: [...attempts],
  createdAt: new Date(at).toISOString(),
});
