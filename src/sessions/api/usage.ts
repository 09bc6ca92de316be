import { z } from 'zod';
import type { SessionRecord } from '../../core/model/records.ts';
import type { ServiceRules } from './rules.ts';

export const usageDimensions = ['person', 'model', 'project', 'session', 'day'] as const;
export type UsageDimension = (typeof usageDimensions)[number];

export const UsageTotal = z.object({
  turns: z.int(),
  inputTokens: z.int(),
  cachedTokens: z.int(),
  outputTokens: z.int(),
  /** The sum of the known costs, in the currency of the prices. */
  cost: z.number(),
  /** The turns whose cost is not known. */
  unpriced: z.int(),
});
export type UsageTotal = z.infer<typeof UsageTotal>;
const UsageGroup = z.object({
  /** The key's owner, the model, the project, the session or the day; empty: none. */
  id: z.string(),
  /** The name that people see; empty: none. */
  name: z.string(),
  ...UsageTotal.shape,
});
export type UsageGroup = z.infer<typeof UsageGroup>;
export const UsageReport = z.object({
  total: UsageTotal,
  /** The most expensive first, then the one with the most tokens; days in their order. */
  groups: z.array(UsageGroup).readonly(),
  /** Every day of the range in its order, also days without usage. */
  days: z.array(z.object({ day: z.string(), ...UsageTotal.shape })).readonly(),
});
export type UsageReport = z.infer<typeof UsageReport>;
export interface UsageQuery {
  /** The first and the last day, in UTC: 2026-11-24. */
  readonly from: string;
  readonly to: string;
  readonly by: UsageDimension;
}

/** Sums of the usage of sessions over days. A deleted session counts no more, because its log is gone. */
export interface UsageService {
  /**
   * `mayRead` leaves sessions out by their owner and project. Rejects: invalid_request (the first day is after the last one, or there are more than 366).
   */
  report(
    query: UsageQuery,
    mayRead?: (sessions: Pick<SessionRecord, 'owner' | 'projectId'>) => boolean,
  ): Promise<UsageReport>;
}

export const usageRules: ServiceRules<UsageService> = {
  report: { may: 'guarded', audit: null },
};
