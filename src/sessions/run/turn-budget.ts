import type { RunSpending } from '../../../machines/run.ts';
import { nothingSpent } from '../../../machines/run-rules.ts';
import type { RunId, SessionId } from '../../core/model/ids.ts';
import {
  type Amounts,
  type BudgetLine,
  coveredCalls,
  findOverrun,
  findRoom,
  toAmounts,
  withAmounts,
} from '../../core/model/runs/budget.ts';
import { addAmounts, type BudgetOverrun, type OwnBudget } from '../../core/model/spending.ts';
import type { StoredSession } from './log/projection.ts';

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

/** A request to the model with estimates of its reply, in tokens. */
interface PricedRequest {
  /** The amounts that it is expected to take. */
  readonly needs: Amounts;
  readonly usual: number;
  readonly longest: number;
  readonly amountsOf: (outputTokens: number) => Amounts;
}
type ReservedRequest =
  | { readonly over: BudgetOverrun }
  | {
      readonly over?: undefined;
      /** The longest reply that all budgets cover, in tokens, at least 1. */
      readonly longest: number;
      /** Whether a budget counts tokens or cost, so that the provider's count matters. */
      readonly isCounted: boolean;
      settle(used: Amounts): Promise<void>;
    };

export interface BudgetSources {
  readonly run?: readonly BudgetLine[] | undefined;
  /** The lines of the session, after its run has spent so much in this turn. */
  readonly session?: ((spent: RunSpending) => readonly BudgetLine[]) | undefined;
  readonly shared?: SharedBudgets | undefined;
  readonly keepCalls?: ((count: number) => void) | undefined;
}

/** The run that takes a turn, with the lines of its own budget. */
export interface RunOfTurn {
  readonly sessionId: SessionId;
  readonly runId: RunId;
  readonly budget?: readonly BudgetLine[];
}

/** A turn that begins. */
export interface OpenedTurn {
  readonly run: RunOfTurn;
  /** The session as it is now. */
  readonly record: () => StoredSession;
  readonly now: () => number;
  /** Limits from the settings and the agent, in addition to the session's own. */
  readonly limits: OwnBudget | undefined;
  /** Whether children of the session can get a part of its budget. */
  readonly lends: boolean;
}
/** Collects the budgets of a turn. */
export type OpenBudgets = (turn: OpenedTurn) => Promise<TurnBudget>;

/** Everything that limits one turn: the budgets of its run, its session, and those that pay for the session. */
export class TurnBudget {
  readonly #sources: BudgetSources;
  readonly shared: SharedBudgets | undefined;
  #spent = nothingSpent;

  constructor(sources: BudgetSources = {}) {
    this.#sources = sources;
    this.shared = sources.shared;
  }

  /** The amounts that the turn has used. */
  get spent(): RunSpending {
    return this.#spent;
  }

  count(spent: RunSpending): void {
    this.#spent = addAmounts(this.#spent, spent);
  }

  findOverrun(needs: Amounts): BudgetOverrun | undefined {
    return findOverrun(this.#lines(), needs);
  }

  #lines(): readonly BudgetLine[] {
    const { run = [], session } = this.#sources;
    return [...withAmounts(run, toAmounts(this.#spent)), ...(session?.(this.#spent) ?? [])];
  }

  /** Reserves the dearest reply that fits; where not even the usual one does, says which budget. Rejects as `SharedBudgets` does. */
  async reserve(request: PricedRequest, signal: AbortSignal): Promise<ReservedRequest> {
    const { needs, usual, longest, amountsOf } = request;
    const lines = this.#lines();
    const { over, granted } = findRoom(lines, { least: needs, most: amountsOf(longest) });
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

  /** Keeps so many tool calls back from the session's budget, so that no child gets them. */
  keepCalls(count: number): void {
    this.#sources.keepCalls?.(count);
  }

  /** The tool calls that the budgets of the run and of the session cover. */
  coveredCalls(most?: number): ReturnType<typeof coveredCalls> {
    return coveredCalls(this.#lines(), most);
  }
}

/** The tokens of the longest reply that the granted amounts cover, at least 1. */
function longestWithin(granted: Amounts, { longest, amountsOf }: Pick<PricedRequest, 'longest' | 'amountsOf'>): number {
  const [none, most] = [amountsOf(0), amountsOf(longest)];
  const replies = (['tokens', 'cost'] as const).map((kind) => {
    const [least = 0, dearest = 0, room = 0] = [none[kind], most[kind], granted[kind]];
    return room < dearest && least < dearest ? Math.floor((longest * (room - least)) / (dearest - least)) : longest;
  });
  return Math.max(1, Math.min(...replies));
}
