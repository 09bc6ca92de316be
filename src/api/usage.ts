import { z } from 'zod';
import { maxUsageGroups, usageDimensions } from '../core/model/runs/usage-report.ts';
import { UsageReport } from '../sessions/api/usage.ts';
import { defineOperations, router } from './procedure/procedure.ts';

const UsageInput = z.strictObject({
  /** `from` and `to` are dates in UTC, both inclusive. */
  from: z.iso.date(),
  to: z.iso.date(),
  by: z.enum(usageDimensions).default('model'),
  /** How many groups, counted from the first, include usage by day. */
  dailyGroups: z.coerce.number().int().min(0).max(maxUsageGroups).default(0),
  limit: z.coerce.number().int().min(1).max(maxUsageGroups).default(maxUsageGroups),
  cursor: z.string().optional(),
});
const exampleTotal = {
  turns: 12,
  inputTokens: 48_000,
  cachedTokens: 30_000,
  outputTokens: 5_200,
  cost: 0.42,
  unpriced: 0,
};
const example: z.output<typeof UsageReport> = {
  total: exampleTotal,
  groups: [{ id: 'openai/gpt-5-mini', name: 'openai/gpt-5-mini', ...exampleTotal, days: [] }],
  nextCursor: null,
  days: [{ day: '2026-11-24', ...exampleTotal }],
};

const operation = defineOperations({ tag: 'Server', prefix: '', style: 'server' });

export const usageRouter = router({
  report: operation({
    rest: `GET /api/v1/usage`,
    id: 'usage',
    summary: 'Tokens, turns and cost over days, by person, model, project, session or day',
    description:
      'Counts the sessions that the caller owns; for the role admin all. Days are in UTC, at most 366. Deleted sessions are not counted.',
    may: 'any',
    in: UsageInput,
    out: UsageReport,
    answer: example,
    fails: [400, 401, 422],
  }).query(async ({ ctx, input }) => await ctx.services.usage.report(input)),
});
