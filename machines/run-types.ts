import type { ErrorCode } from '../src/core/errors/errors.ts';
import type {
  ApprovalDecision,
  ExternalToolResult,
  PlanStep,
  RunEndReason,
  ToolContent,
} from '../src/core/model/events.ts';
import type { MessageId, RunId, SessionId } from '../src/core/model/ids.ts';
import type { BudgetLine } from '../src/core/model/runs/budget.ts';
import type { Goal, GoalAssessment, GoalResult } from '../src/core/model/runs/goal.ts';
import type { BudgetOverrun, BudgetSpec, WaitReason } from '../src/core/model/spending.ts';
import type { ProgressEntry, StuckPolicy } from './stuck.ts';

/**
 * Input of a run, which is the work on one user message from start to end. `resume`: the state before a restart, rebuilt
 * from the log.
 *
 * @example
 * createActor(runMachine.provide({ actors }), { input: { sessionId, runId, task, messageId, policy, resume: undefined } });
 */
export interface RunInput {
  readonly sessionId: SessionId;
  readonly runId: RunId;
  readonly task: string;
  readonly messageId: MessageId;
  readonly policy: RunPolicy;
  readonly goal?: Goal | undefined;
  readonly resume: RunResumeState | undefined;
}
export interface RunPolicy {
  /** False: plain ReAct (reason and act). */
  readonly plans: boolean;
  readonly budget: RunBudget;
  readonly stuck: StuckPolicy;
  readonly maxRetries: number;
  readonly stopGraceMs: number;
  /** Delay in ms before retry n (1, 2, …) if the provider sets none. */
  readonly backoffMs: (retry: number) => number;
}
/** An undefined field sets no limit. */
export type RunBudget = BudgetSpec & { readonly turns: number; readonly ms: number };
export interface RunResumeState {
  readonly steps: readonly PlanStep[];
  /** Calls without a result yet. The first might already have started. */
  readonly calls: readonly PendingCall[];
  readonly waiting: string | undefined;
  /** Number of received messages that no turn has included yet. */
  readonly unseen: number;
  readonly spent: RunSpending;
  /** Tool calls counted against the budget since it was last granted. */
  readonly toolCalls?: number;
  readonly reason?: WaitReason | undefined;
  /** Milliseconds, excluding waits. */
  readonly workedMs?: number;
  readonly acts?: readonly ProgressEntry[];
  readonly hinted?: boolean;
  readonly approvals?: readonly PendingApproval[];
  readonly judgement?: JudgementProgress;
}
export interface JudgementProgress {
  readonly round: number;
  readonly revisions: number;
  readonly isOpen: boolean;
}
export interface PendingApproval {
  readonly callId: string;
  readonly tool: string;
  /** Milliseconds until the call is rejected for lack of an answer. */
  readonly remainingMs: number;
  /** A permission for all calls to this tool does not cover this call. */
  readonly isAlone?: true;
  /** `result`: a client provides the call's result. `permission`: a user must permit the call first. */
  readonly client?: 'permission' | 'result';
}
/**
 * The decision on a call's approval.
 *
 * @example
 * const verdict: Verdict = { decision: 'approved', args: { file: 'other.txt' } };
 */
export interface Verdict {
  readonly decision: ApprovalDecision;
  readonly text?: string;
  readonly args?: Record<string, unknown>;
  readonly result?: ExternalToolResult;
  /** A tool to approve for the rest of the session. */
  readonly always?: string;
}
export interface PendingCall {
  readonly callId: string;
  readonly name: string;
  readonly args: unknown;
  readonly confirm?: string;
  readonly content?: ToolContent;
  /** Set for an external agent's call. Its arguments cannot be changed. */
  readonly fixed?: true;
  /** True: logged before a restart, so the outcome must be looked up. */
  readonly begun: boolean;
  readonly verdict?: Verdict;
}
export interface RunSpending {
  readonly turns: number;
  readonly tokens: number;
  readonly cost: number;
}

/** The turn's text is already logged. `toolCalls`: calls that an external agent made. */
export type TurnResult =
  | {
      readonly kind: 'planned';
      /** Digest of the plan. Repeating the same plan does not count as progress. */
      readonly digest?: string;
      readonly steps: readonly PlanStep[];
      /** Other calls in the reply. They begin the plan's first step. */
      readonly calls?: readonly PendingCall[];
      readonly spent: RunSpending;
    }
  | {
      readonly kind: 'calls';
      readonly calls: readonly PendingCall[];
      readonly steps?: readonly PlanStep[];
      readonly spent: RunSpending;
      readonly toolCalls?: number;
    }
  | {
      readonly kind: 'replied';
      readonly digest: string;
      /** Whether the text is the run's final answer. If so, no summary is needed. */
      readonly answers?: boolean;
      readonly steps: readonly PlanStep[];
      readonly spent: RunSpending;
      readonly toolCalls?: number;
    }
  /** `hint`: why the reply is unusable. Absent: the reply was empty. */
  | { readonly kind: 'empty'; readonly hint?: string; readonly spent: RunSpending }
  | {
      readonly kind: 'judged';
      readonly result: GoalResult;
      readonly reason: string;
      readonly goesBack: boolean;
      readonly spent: RunSpending;
    }
  | {
      readonly kind: 'unaffordable';
      readonly over: BudgetOverrun;
      readonly spent: RunSpending;
      readonly toolCalls?: number;
    }
  /** The conversation exceeds the model's context window. Only the user can resolve this. */
  | { readonly kind: 'full'; readonly question: string; readonly spent: RunSpending }
  | {
      readonly kind: 'failed';
      readonly code: ErrorCode;
      readonly message: string;
      readonly retryable: boolean;
      readonly retryAfterMs: number | undefined;
    };
export type CallResult =
  | { readonly kind: 'called'; readonly act: ProgressEntry; readonly steps?: readonly PlanStep[] }
  | { readonly kind: 'ask'; readonly question: string; readonly approval?: ApprovalRequest };
/** `held`: an earlier call needs an answer or is unaffordable. `permitted`: the external agent executes the call. */
export type CallOutcome =
  | CallResult
  | { readonly kind: 'permitted'; readonly act: ProgressEntry }
  | { readonly kind: 'unaffordable'; readonly over: BudgetOverrun }
  | { readonly kind: 'held' };
export type Verdicts = Readonly<Record<string, Verdict>>;
export interface ApprovalRequest {
  readonly callId: string;
  readonly function: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly reason?: string;
  readonly content?: ToolContent;
  readonly fixed?: true;
  readonly byClient?: true;
  readonly forWorker?: true;
  readonly timeoutMs: number;
}

/**
 * Why a run ended. A failure has a code and states whether another message can help.
 *
 * @example const end: RunEnd = { reason: 'failed', code: 'model_overloaded', retryable: true };
 */
export interface RunEnd {
  readonly reason: RunEndReason;
  readonly code?: ErrorCode;
  readonly retryable?: boolean;
  readonly message?: string;
  readonly goal?: GoalAssessment;
}

export type RunEvent =
  | { type: 'run.inject' }
  | { type: 'run.answer'; verdicts?: Verdicts }
  | { type: 'run.decided'; verdicts: Verdicts }
  | { type: 'run.stop'; reason: Extract<RunEndReason, 'stopped' | 'superseded' | 'deleted' | 'expired'> }
  | { type: 'run.mayEnd' }
  | { type: 'run.goOn' };
export type RunNotice =
  | { type: 'run.waiting'; question: string; approvals?: readonly PendingApproval[] }
  /** `seen`: the number of injected messages that turns have included. */
  | { type: 'run.questionLogged'; seen: number }
  /** `seen`: the number of injected messages that turns have included. */
  | { type: 'run.wantsToEnd'; seen: number }
  | { type: 'run.ending' };

export interface RunMachineContext extends RunInput {
  steps: readonly PlanStep[];
  planned: boolean; // the model created the plan, so a summary follows the last step
  concluded: boolean; // the newest text is the run's answer
  calls: readonly PendingCall[];
  injected: number;
  seen: number; // number of injected messages that turns have included
  answered: boolean; // the user answered the first pending call's question
  spent: RunSpending; // since the budget was last granted
  toolCalls: number; // since the budget was last granted
  /** A user has just granted the budget, so the next request is exempt from all limits except time and tool calls. */
  granted: boolean;
  workedMs: number; // working time before a restart, in ms
  overtime: boolean;
  acts: readonly ProgressEntry[];
  hint: string | undefined;
  hinted: boolean;
  empties: number;
  retries: number;
  retryMs: number;
  retryWhy: string;
  retryCode: ErrorCode | undefined;
  question: string;
  reason: WaitReason | undefined;
  over: BudgetOverrun | undefined;
  approvals: readonly ApprovalRequest[];
  decided: readonly string[]; // ids of calls that were decided while other calls were running
  round: number; // judgement round, counted from 1
  revisions: number;
  isJudging: boolean;
  sentBack: boolean; // no turn has included the grader's latest reasons yet
  judged: Omit<GoalAssessment, 'rounds'> | undefined;
  end: RunEnd | undefined;
}

export interface TurnInput {
  readonly sessionId: SessionId;
  readonly runId: RunId;
  /** False: the agent chooses each next action itself, but can still keep a plan. */
  readonly plans: boolean;
  /** False: the server created the plan. */
  readonly planned: boolean;
  readonly steps: readonly PlanStep[];
  /** Shown to the model once. */
  readonly hint: string | undefined;
  readonly budget: readonly BudgetLine[];
}
export interface JudgeInput extends RunRef {
  readonly goal: Goal;
  readonly round: number;
  /** The revision to start if the goal is not met. Undefined: none is left. */
  readonly revision: number | undefined;
  /** True: a grader failure is final. */
  readonly isLastTry: boolean;
  readonly budget: readonly BudgetLine[];
}
export interface ToolCallsInput extends RunRef {
  readonly calls: readonly PendingCall[];
  readonly answered: boolean;
  readonly budget: readonly BudgetLine[];
}
export interface NoticeInput {
  readonly sessionId: SessionId;
  readonly runId: RunId;
  readonly kind: 'waiting_provider' | 'stuck';
  readonly detail: string;
  readonly code?: ErrorCode | undefined;
  /** `number` counts from 1. Set only with `waiting_provider`. */
  readonly retry?: { readonly number: number; readonly most: number; readonly inMs: number };
}
export interface RunWaitInput extends RunRef {
  readonly question: string;
  readonly reason: WaitReason | undefined;
  readonly over: BudgetOverrun | undefined;
  readonly approvals: readonly ApprovalRequest[];
}
export interface RunEndInput extends RunRef {
  readonly task: string;
  readonly end: RunEnd;
}
export interface RunRef {
  readonly sessionId: SessionId;
  readonly runId: RunId;
}

export type TurnResultParams = { result: TurnResult };
