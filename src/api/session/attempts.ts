import { z } from 'zod';
import { ModelRef } from '../../agents/models/model-ref.ts';
import { AttemptBudget, AttemptResult, AttemptSet, attemptLimits } from '../../core/model/runs/attempts.ts';
import { Goal } from '../../core/model/runs/goal.ts';
import type { AttemptSetView, StartAttemptsCommand } from '../../sessions/api/server/attempts.ts';
import { defineOperations, router } from '../procedure/procedure.ts';
import { sessionTarget, TextInput, toIsoTime } from '../procedure/schemas.ts';

const { least, most } = attemptLimits;
const Variant = z.strictObject({
  template: z.string().max(80).optional().describe('for its instructions, model and choice of tools'),
  model: ModelRef.optional(),
});
const StartInput = sessionTarget.extend({
  task: TextInput,
  goal: Goal.optional().describe('the measure by which each attempt is judged, and the attempts are compared'),
  attempts: z
    .union([z.int().min(least).max(most), z.array(Variant).min(least).max(most)])
    .describe('the number of identical attempts; or one entry for each, with its own template or model'),
  begins: AttemptSet.shape.begins
    .optional()
    .describe(
      'fork: with the conversation and files of the session; copy: with its files; none: with neither. Unset: fork, once a run has ended',
    ),
  budget: AttemptBudget.optional().describe("per attempt; default: an equal share of the session's remaining budget"),
});
const toCommand = ({ attempts, ...rest }: Omit<z.output<typeof StartInput>, 'sessionId'>): StartAttemptsCommand => ({
  ...rest,
  attempts: typeof attempts === 'number' ? Array.from({ length: attempts }, () => ({})) : attempts,
});
const n = z.int().min(1).max(most);
const others = z
  .enum(['keep', 'delete'])
  .default('keep')
  .describe('what happens to the sessions of the other attempts');
const one = sessionTarget.extend({
  id: z
    .string()
    .regex(/^[0-9a-f]{12}$/, 'must be 12 hex digits')
    .describe('their id, as returned when they were started'),
});

const Attempt = z.object({
  n: z.int(),
  sessionId: z.string(),
  template: z.string().nullable(),
  model: z.string().nullable(),
  state: z.enum([
    ...(['planned', 'pending', 'running', 'waiting', 'not_started'] as const),
    ...AttemptResult.shape.status.options,
  ]),
  error: z.string().nullable(),
  result: AttemptResult.nullable(),
  turns: z.int(),
  tokens: z.int(),
  cost: z.number(),
  /** True if the attempt's session does not exist yet or was deleted. */
  isGone: z.boolean(),
});
const Attempts = z.object({
  ...AttemptSet.omit({ attempts: true, at: true }).shape,
  sessionId: z.string(),
  createdAt: z.iso.datetime(),
  attempts: z.array(Attempt),
  /** `n` of the best attempt, judged by goal, checks, score, cost and tokens. Null if none completed. */
  best: z.int().nullable(),
});
const shown = ({ at, attempts, ...rest }: AttemptSetView): z.output<typeof Attempts> => ({
  ...rest,
  attempts: [...attempts],
  createdAt: toIsoTime(at),
});

const example: z.output<typeof Attempts> = {
  id: '0123456789ab',
  sessionId: '0123456789abcdef',
  task: 'Fix the failing test',
  goal: { checks: [{ command: 'npm test', timeoutSeconds: 600 }], maxRevisions: 3 },
  begins: 'fork',
  budget: {},
  phase: 'ended',
  isStopped: false,
  chosen: null,
  others: 'keep',
  error: null,
  createdAt: '2026-11-24T12:00:00.000Z',
  best: 1,
  attempts: [
    {
      n: 1,
      sessionId: 'fedcba9876543210',
      template: null,
      model: null,
      state: 'completed',
      error: null,
      result: {
        status: 'completed',
        goal: { result: 'satisfied', reason: 'All checks passed.', rounds: 1 },
        checks: [{ command: 'npm test', result: 'passed' }],
        score: null,
        files: 1,
        added: 3,
        removed: 1,
        unknown: null,
        turns: 4,
        tokens: 8_000,
        cost: 0.02,
      },
      turns: 4,
      tokens: 8_000,
      cost: 0.02,
      isGone: false,
    },
  ],
};

const operation = defineOperations({
  tag: 'Attempts',
  prefix: 'attempts',
  style: 'session',
  texts: {
    404: 'No such session, attempts or attempt',
    409: 'Not possible now: a run or other attempts are in progress, or the attempt has not ended',
  },
});
const base = '/api/v1/sessions/:sid=sessionId/attempts';
const path = `${base}/:attempts=id` as const;
const answered = { out: Attempts, answer: example };
const fails = [400, 404, 409];

export const attemptsRouter = router({
  start: operation({
    ...answered,
    rest: `POST ${base}`,
    summary: 'Run one task several times in parallel',
    description: 'Responds before an attempt has begun. Each is a session of its own, a child of this one.',
    may: 'work',
    in: StartInput,
    example: { task: example.task, attempts: 3, goal: { checks: [{ command: 'npm test' }] } },
    fails,
  }).mutation(async ({ ctx, input: { sessionId, ...requested } }) =>
    shown(await ctx.services.attempts.start(sessionId, toCommand(requested))),
  ),
  list: operation({
    rest: `GET ${base}`,
    summary: 'List the attempts of a session, the newest first',
    may: 'read',
    in: sessionTarget,
    out: z.array(Attempts),
    answer: [example],
    reply: { schema: z.object({ attempts: z.array(Attempts) }), value: (attempts) => ({ attempts }) },
    fails: [404],
  }).query(async ({ ctx, input }) => (await ctx.services.attempts.list(input.sessionId)).map(shown)),
  get: operation({
    ...answered,
    rest: `GET ${path}`,
    summary: 'Compare the attempts at a task',
    may: 'read',
    in: one,
    fails: [400, 404],
  }).query(async ({ ctx, input: { sessionId, id } }) => shown(await ctx.services.attempts.get(sessionId, id))),
  diff: operation({
    rest: `GET ${path}/diffs/:n`,
    summary: 'What an attempt that has ended changed in the files',
    may: 'read',
    in: one.extend({ n }),
    out: z.object({ text: z.string(), truncated: z.boolean() }),
    answer: { text: '--- a/sum.js\n+++ b/sum.js\n', truncated: false },
    fails: [400, 404],
  }).query(({ ctx, input: { sessionId, id, n } }) => ctx.services.attempts.diff(sessionId, id, n)),
  choose: operation({
    ...answered,
    rest: `POST ${path}/choose`,
    summary: 'Replace the files of the session with those of one attempt, and end the others',
    description: 'Responds once the session has exactly those files.',
    may: 'work',
    in: one.extend({ n: n.describe('the attempt'), others }),
    example: { n: 1, others: 'delete' },
    fails,
  }).mutation(async ({ ctx, input: { sessionId, id, n, others } }) =>
    shown(await ctx.services.attempts.choose(sessionId, id, { n, others }, ctx.signal)),
  ),
  stop: operation({
    ...answered,
    rest: `POST ${path}/stop`,
    summary: 'End all attempts; their sessions are kept',
    may: 'stop',
    in: one,
    fails: [400, 404],
  }).mutation(async ({ ctx, input: { sessionId, id } }) => shown(await ctx.services.attempts.stop(sessionId, id))),
});
