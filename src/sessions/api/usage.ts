import { z } from 'zod';
import type { SessionRecord } from '../../core/model/records.ts';
import type { UsageDimension } from '../../core/model/runs/usage-report.ts';
import type { ServiceRules } from './rules.ts';

export const UsageTotal = z.object({
  turns: z.int(),
  inputTokens: z.int(),
  cachedTokens: z.int(),
  outputTokens: z.int(),
  /** In the price list's currency. Excludes turns whose cost is unknown. */
  cost: z.number(),
  unpriced: z.int(),
});
export type UsageTotal = z.infer<typeof UsageTotal>;
const UsageDay = z.object({ day: z.string(), ...UsageTotal.shape });
const UsageGroup = z.object({
  /** An owner, project or session id, a model or a day. Empty without an owner or project. */
  id: z.string(),
  name: z.string(),
  ...UsageTotal.shape,
  /** In date order. Empty except in the first `dailyGroups` groups. */
  days: z.array(UsageDay).readonly(),
});
export type UsageGroup = z.infer<typeof UsageGroup>;
export const UsageReport = z.object({
  total: UsageTotal,
  /** By cost, then by tokens, highest first; groups by day are in date order. */
  groups: z.array(UsageGroup).readonly(),
  nextCursor: z.string().nullable(),
  /** Includes days without usage. */
  days: z.array(UsageDay).readonly(),
});
export type UsageReport = z.infer<typeof UsageReport>;
export interface UsageQuery {
  /** UTC days, such as 2026-11-24, inclusive. */
  readonly from: string;
  readonly to: string;
  readonly by: UsageDimension;
  /** How many groups include their usage by day. Default: 0. */
  readonly dailyGroups?: number;
  /** Default 1,000. */
  readonly limit?: number;
  readonly cursor?: string | undefined;
}

/** Excludes deleted sessions, whose logs are gone. */
export interface UsageService {
  /** Rejects: invalid_request (the range is empty or longer than 366 days, or the cursor is invalid). */
  report(
    query: UsageQuery,
    mayRead?: (sessions: Pick<SessionRecord, 'owner' | 'projectId'>) => boolean,
  ): Promise<UsageReport>;
}

export const usageRules: ServiceRules<UsageService> = {
  report: { may: 'guarded', audit: null },
};
