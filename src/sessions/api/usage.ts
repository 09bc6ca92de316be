import { z } from 'zod';
import type { SessionRecord } from '../../core/model/records.ts';
import type { UsageDimension } from '../../core/model/runs/usage-report.ts';
import type { ServiceRules } from './rules.ts';

export const UsageTotal = z.object({
  turns: z.int(),
  inputTokens: z.int(),
  cachedTokens: z.int(),
  outputTokens: z.int(),
  /** Known costs only, in the price list's currency. */
  cost: z.number(),
  /** Turns with unknown cost. */
  unpriced: z.int(),
});
export type UsageTotal = z.infer<typeof UsageTotal>;
const UsageDay = z.object({ day: z.string(), ...UsageTotal.shape });
const UsageGroup = z.object({
  /** The id of the owner, project or session, the name of the model, or the day; empty: none. */
  id: z.string(),
  name: z.string(),
  ...UsageTotal.shape,
  /** The days with usage, in order. Empty except for the first `dailyGroups` groups. */
  days: z.array(UsageDay).readonly(),
});
export type UsageGroup = z.infer<typeof UsageGroup>;
export const UsageReport = z.object({
  total: UsageTotal,
  /** Sorted by cost, then tokens, descending. If each group is a day, sorted by date. */
  groups: z.array(UsageGroup).readonly(),
  /** The `cursor` of the next groups; null: there are no more. */
  nextCursor: z.string().nullable(),
  /** Every day of the range in order, including days without usage. */
  days: z.array(UsageDay).readonly(),
});
export type UsageReport = z.infer<typeof UsageReport>;
export interface UsageQuery {
  /** UTC days, such as 2026-11-24; both are included. */
  readonly from: string;
  readonly to: string;
  readonly by: UsageDimension;
  /** How many of the first groups include their usage by day. Default: 0. */
  readonly dailyGroups?: number;
  /** Default 1,000. */
  readonly limit?: number;
  readonly cursor?: string | undefined;
}

/** Usage of sessions, summed over days. Deleted sessions are not counted, because their logs are gone. */
export interface UsageService {
  /**
   * `mayRead` filters sessions by owner and project. Rejects: invalid_request (the first day is after the last, more than 366
   * days are requested, or the cursor is invalid).
   */
  report(
    query: UsageQuery,
    mayRead?: (sessions: Pick<SessionRecord, 'owner' | 'projectId'>) => boolean,
  ): Promise<UsageReport>;
}

export const usageRules: ServiceRules<UsageService> = {
  report: { may: 'guarded', audit: null },
};
