import type { BudgetOverrun } from '../../core/model/spending.ts';

/** Tokens, a cost in the currency of the price list, and tool calls. */
export interface Amounts {
  readonly tokens: number;
  readonly cost: number;
  readonly toolCalls?: number;
}
export const noAmounts: Amounts = { tokens: 0, cost: 0 };
/** An amount that is kept for one request, so that no other run can spend it in the meantime. */
export interface Reservation {
  /** Bounded by the requested minimum and maximum. */
  readonly granted: Amounts;
  /**
   * Ends it, and records the actual usage instead. A second call does nothing. Never rejects: an amount that cannot be
   * stored now is stored later.
   */
  settle(used: Amounts): Promise<void>;
}
export interface PaidCalls {
  readonly count: number;
  readonly over?: BudgetOverrun;
}
export type ReservationOrOverrun =
  | { readonly kind: 'reserved'; readonly reservation: Reservation }
  | { readonly kind: 'over'; readonly over: BudgetOverrun };

/** The budgets of the person and of the project of one session, which its runs share with others. */
export interface SharedBudgets {
  /**
   * Undefined: no budget counts. Waits while requests in progress hold the missing amount. Rejects: cancelled,
   * store_unavailable, store_busy.
   */
  reserve(
    requested: { readonly least: Amounts; readonly most: Amounts },
    signal: AbortSignal,
  ): Promise<ReservationOrOverrun | undefined>;
  /** Records usage without a reservation. Resolves with a budget that is spent now, or was before. */
  charge(used: Amounts): Promise<BudgetOverrun | undefined>;
  /**
   * Pays so many tool calls before they are made, or as many as fit; `over` is the budget that covers no more. Undefined: no
   * budget counts them. Rejects as `reserve` does.
   */
  payCalls(count: number, signal: AbortSignal): Promise<PaidCalls | undefined>;
  /** Gives calls back that were paid and not made. Never rejects: they then stay counted. */
  giveBackCalls(count: number): Promise<void>;
}
