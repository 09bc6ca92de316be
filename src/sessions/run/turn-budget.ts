import type { RunSpending } from '../../../machines/run.ts';
import { zeroSpending } from '../../../machines/run-rules.ts';
import type { RunId, SessionId } from '../../core/model/ids.ts';
import {
  addUsedAmounts,
  type BudgetAmounts,
  type BudgetLine,
  computeBudgetGrant,
  countAffordableCalls,
  findOverrun,
  withMicroCost,
} from '../../core/model/runs/budget.ts';
import { addAmounts, type BudgetOverrun, type BudgetSpec } from '../../core/model/spending.ts';
import type { StoredSession } from './log/projection.ts';

export interface Reservation {
  readonly granted: BudgetAmounts;
  /** Only the first call has an effect. Never rejects; a failed write is retried later. */
  settle(used: BudgetAmounts): Promise<void>;
}
export interface ChargedToolCalls {
  readonly count: number;
  readonly over?: BudgetOverrun;
}
export type ReservationResult =
  | { readonly kind: 'reserved'; readonly reservation: Reservation }
  | { readonly kind: 'over'; readonly over: BudgetOverrun };

export interface SharedBudgetReserver {
  /**
   * Waits while other reservations leave too little budget. Undefined: no budget applies. Rejects: cancelled,
   * store_unavailable, store_busy.
   */
  reserve(
    requested: { readonly least: BudgetAmounts; readonly most: BudgetAmounts },
    signal: AbortSignal,
  ): Promise<ReservationResult | undefined>;
  charge(used: BudgetAmounts): Promise<BudgetOverrun | undefined>;
  /** Charges as many calls as allowed. `over`: the exceeded budget. Undefined: unlimited. Rejects as `reserve` does. */
  payCalls(count: number, signal: AbortSignal): Promise<ChargedToolCalls | undefined>;
  /** Never rejects: if the refund fails, the calls remain counted. */
  giveBackCalls(count: number): Promise<void>;
}

interface PricedRequest {
  readonly needs: BudgetAmounts;
  readonly usual: number;
  readonly longest: number;
  readonly amountsOf: (outputTokens: number) => BudgetAmounts;
}
type ReservedRequest =
  | { readonly over: BudgetOverrun }
  | {
      readonly over?: undefined;
      /** Maximum length of the reply in tokens, at least 1. */
      readonly longest: number;
      /** True if a budget may limit tokens or cost, which requires the provider's count. */
      readonly isCounted: boolean;
      settle(used: BudgetAmounts): Promise<void>;
    };

export interface BudgetSources {
  readonly run?: readonly BudgetLine[] | undefined;
  readonly session?: ((spent: RunSpending) => readonly BudgetLine[]) | undefined;
  readonly shared?: SharedBudgetReserver | undefined;
  readonly keepCalls?: ((count: number) => void) | undefined;
}

export interface BudgetedRun {
  readonly sessionId: SessionId;
  readonly runId: RunId;
  readonly budget?: readonly BudgetLine[];
}

export interface TurnBudgetInput {
  readonly run: BudgetedRun;
  readonly record: () => StoredSession;
  readonly now: () => number;
  readonly limits: BudgetSpec | undefined;
  readonly lends: boolean;
}
export type TurnBudgetFactory = (turn: TurnBudgetInput) => Promise<TurnBudget>;

export class TurnBudget {
  readonly #sources: BudgetSources;
  readonly shared: SharedBudgetReserver | undefined;
  #spent = zeroSpending;

  constructor(sources: BudgetSources = {}) {
    this.#sources = sources;
    this.shared = sources.shared;
  }

  get spent(): RunSpending {
    return this.#spent;
  }

  count(spent: RunSpending): void {
    this.#spent = addAmounts(this.#spent, spent);
  }

  findOverrun(needs: BudgetAmounts): BudgetOverrun | undefined {
    return findOverrun(this.#lines(), needs);
  }

  #lines(): readonly BudgetLine[] {
    const { run = [], session } = this.#sources;
    return [...addUsedAmounts(run, withMicroCost(this.#spent)), ...(session?.(this.#spent) ?? [])];
  }

  /** Rejects as `SharedBudgetReserver.reserve` does. */
  async reserve(request: PricedRequest, signal: AbortSignal): Promise<ReservedRequest> {
    const { needs, usual, longest, amountsOf } = request;
    const lines = this.#lines();
    const { over, granted } = computeBudgetGrant(lines, { least: needs, most: amountsOf(longest) });
    if (over) return { over };
    const own = longestWithin(granted, request);
    const least = amountsOf(Math.min(own, Math.max(1, usual)));
    const shared = await this.shared?.reserve({ least, most: amountsOf(own) }, signal);
    if (shared?.kind === 'over') return shared;
    const isCounted = lines.some(({ kind }) => kind === 'tokens' || kind === 'cost');
    if (!shared) return { longest: own, isCounted, settle: async () => {} };
    const { reservation } = shared;
    return {
      longest: longestWithin(reservation.granted, { longest: own, amountsOf }),
      isCounted: true,
      settle: (used) => reservation.settle(used),
    };
  }

  keepCalls(count: number): void {
    this.#sources.keepCalls?.(count);
  }

  coveredCalls(most?: number): ReturnType<typeof countAffordableCalls> {
    return countAffordableCalls(this.#lines(), most);
  }
}

function longestWithin(
  granted: BudgetAmounts,
  { longest, amountsOf }: Pick<PricedRequest, 'longest' | 'amountsOf'>,
): number {
  const [none, most] = [amountsOf(0), amountsOf(longest)];
  const replies = (['tokens', 'cost'] as const).map((kind) => {
    const [least = 0, dearest = 0, room = 0] = [none[kind], most[kind], granted[kind]];
    return room < dearest && least < dearest ? Math.floor((longest * (room - least)) / (dearest - least)) : longest;
  });
  return Math.max(1, Math.min(...replies));
}
