import type { SessionRecord } from '../../core/model/records.ts';
import type { ServiceRules } from './rules.ts';

export const usageDimensions = ['person', 'model', 'project', 'session', 'day'] as const;
export type UsageDimension = (typeof usageDimensions)[number];

export interface UsageTotal {
  readonly turns: number;
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  /** The sum of the known costs, in the currency of the prices. */
  readonly cost: number;
  /** The turns whose cost is not known. */
  readonly unpriced: number;
}
export interface UsageGroup extends UsageTotal {
  /** The key's owner, the model, the project, the session or the day; empty: none. */
  readonly id: string;
  /** The name that people see; empty: none. */
  readonly name: string;
}
export interface UsageReport {
  readonly total: UsageTotal;
  /** The most expensive first, then the one with the most tokens; days in their order. */
  readonly groups: readonly UsageGroup[];
  /** Every day of the range in its order, also days without usage. */
  readonly days: readonly (UsageTotal & { readonly day: string })[];
}
export interface UsageQuery {
  /** The first and the last day, in UTC: 2026-11-24. */
  readonly from: string;
  readonly to: string;
  readonly by: UsageDimension;
}

/** Sums of the usage of sessions over days. A deleted session counts no more, because its log is gone. */
export interface UsageService {
  /**
   * `mayRead` leaves sessions out. Rejects: invalid_request (the first day is after the last one, or there are more than 366).
   */
  report(query: UsageQuery, mayRead?: (session: SessionRecord) => boolean): Promise<UsageReport>;
}

export const usageRules: ServiceRules<UsageService> = {
  report: { may: 'guarded', audit: null },
};
