import type { ErrorCode } from '../src/core/errors.ts';
import type { ApprovalDecision, PlanStep, RunEndReason } from '../src/core/events.ts';
import type { MessageId, RunId, SessionId } from '../src/core/ids.ts';
import type { Act, StuckPolicy } from './stuck.ts';

/** The work from one user message to its end. What it did before a restart is in `resume`, folded from the log. */
export interface RunInput {
  readonly sessionId: SessionId;
  readonly runId: RunId;
  readonly task: string;
  readonly messageId: MessageId;
  readonly policy: RunPolicy;
  readonly resume: RunResume | undefined;
}
export interface RunPolicy {
  /** False: plain ReAct, without a plan. */
  readonly plans: boolean;
  readonly budget: Budget;
  readonly stuck: StuckPolicy;
  readonly maxRetries: number;
  readonly stopGraceMs: number;
  /** ms before retry number n (1, 2, …), where the provider did not say. */
  readonly backoffMs: (retry: number) => number;
}
/** Undefined: no limit. */
export interface Budget {
  readonly turns: number;
  readonly wallMs: number;
  readonly tokens: number | undefined;
  readonly cost: number | undefined;
}
export interface RunResume {
  readonly steps: readonly PlanStep[];
  /** Calls of the last turn that have no result yet; the first may have been begun. */
  readonly calls: readonly PendingCall[];
  readonly waiting: string | undefined;
  /** Messages that came in and that no turn has seen yet. */
  readonly unseen: number;
  readonly spent: Spent;
  /** Of the time budget; waiting does not count. */
  readonly workedMs?: number;
  /** What the question is about, where it is a call that needs leave. */
  readonly approval?: PendingApproval | undefined;
}
export interface PendingApproval {
  readonly callId: string;
  /** Then it is as if somebody had said no. */
  readonly remainingMs: number;
}
/** What became of a call's approval. */
export interface Verdict {
  readonly decision: ApprovalDecision;
  /** For the model. */
  readonly text?: string;
}
export interface PendingCall {
  readonly callId: string;
  readonly name: string;
  readonly args: unknown;
  /** It was announced in the log: what became of it must be asked, not guessed. */
  readonly begun: boolean;
  readonly verdict?: Verdict;
}
export interface Spent {
  readonly turns: number;
  readonly tokens: number;
  readonly cost: number;
}

/** What a turn of the model came to; its texts are in the log already. */
export type TurnResult =
  | { readonly kind: 'planned'; readonly steps: readonly PlanStep[]; readonly spent: Spent }
  | { readonly kind: 'calls'; readonly calls: readonly PendingCall[]; readonly spent: Spent }
  | { readonly kind: 'said'; readonly digest: string; readonly steps: readonly PlanStep[]; readonly spent: Spent }
  | { readonly kind: 'empty'; readonly spent: Spent }
  | {
      readonly kind: 'failed';
      readonly code: ErrorCode;
      readonly message: string;
      readonly retryable: boolean;
      readonly retryAfterMs: number | undefined;
    };
export type CallResult =
  | { readonly kind: 'called'; readonly act: Act }
  | { readonly kind: 'ask'; readonly question: string; readonly approval?: WantedApproval };
/** A call that is not made without somebody's leave. */
export interface WantedApproval {
  readonly callId: string;
  readonly function: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly timeoutMs: number;
}

export interface RunEnd {
  readonly reason: RunEndReason;
  readonly code?: ErrorCode;
  readonly retryable?: boolean;
  readonly message?: string;
}

export type RunEvent =
  | { type: 'run.inject' }
  | { type: 'run.answer'; verdict?: Verdict }
  | { type: 'run.stop'; reason: Extract<RunEndReason, 'stopped' | 'superseded' | 'deleted' | 'expired'> }
  | { type: 'run.mayEnd' }
  | { type: 'run.goOn' };
/** What a run tells its session. */
export type RunNews =
  | { type: 'run.waiting'; question: string; approval?: PendingApproval }
  /** Its question is in the log; `seen` as below. */
  | { type: 'run.asked'; seen: number }
  /** Asks leave to end; `seen` counts the injected messages it took in. */
  | { type: 'run.wantsToEnd'; seen: number }
  /** From now on it takes nothing: its end is on its way to the log. */
  | { type: 'run.ending' };

export interface RunContext extends RunInput {
  steps: readonly PlanStep[];
  planned: boolean; // a plan without steps is one too
  calls: readonly PendingCall[];
  injected: number; // messages that arrived
  seen: number; // of those, taken in by a turn
  answered: boolean; // the question of the first pending call
  spent: Spent; // since the budget was last granted
  workedMs: number; // before a restart
  overtime: boolean;
  acts: readonly Act[];
  hint: string | undefined;
  hinted: boolean;
  empties: number;
  retries: number;
  retryMs: number;
  retryWhy: string;
  question: string;
  approval: WantedApproval | undefined;
  end: RunEnd | undefined;
}

export interface TurnInput {
  readonly sessionId: SessionId;
  readonly runId: RunId;
  readonly steps: readonly PlanStep[];
  /** Said to the model once: it is stuck, or its last reply was empty. */
  readonly hint: string | undefined;
}
export interface CallInput {
  readonly sessionId: SessionId;
  readonly runId: RunId;
  readonly call: PendingCall;
  /** The user answered the question this call asked. */
  readonly answered: boolean;
}
export interface NoticeInput {
  readonly sessionId: SessionId;
  readonly runId: RunId;
  readonly kind: 'waiting_provider' | 'stuck';
  readonly detail: string;
}
export interface WaitInput extends Whose {
  readonly question: string;
  readonly approval: WantedApproval | undefined;
}
export interface EndInput extends Whose {
  readonly task: string;
  readonly end: RunEnd;
}
export interface Whose {
  readonly sessionId: SessionId;
  readonly runId: RunId;
}

export type Result = { result: TurnResult };
