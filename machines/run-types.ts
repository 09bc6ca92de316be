import type { ErrorCode } from '../src/core/errors/errors.ts';
import type { ApprovalDecision, CallAnswer, PlanStep, RunEndReason, ToolContent } from '../src/core/model/events.ts';
import type { MessageId, RunId, SessionId } from '../src/core/model/ids.ts';
import type { BudgetLine } from '../src/core/model/runs/budget.ts';
import type { Goal, GoalEnd, GoalResult } from '../src/core/model/runs/goal.ts';
import type { BudgetOverrun, OwnBudget, WaitReason } from '../src/core/model/spending.ts';
import type { RunAct, StuckPolicy } from './stuck.ts';

/**
 * The work from one user message to its end. `resume`, folded from the log, is the part done before a restart.
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
  /** Judged whenever the agent claims to be done. */
  readonly goal?: Goal | undefined;
  readonly resume: RunResume | undefined;
}
export interface RunPolicy {
  /** False: plain ReAct (reason and act) without a plan. */
  readonly plans: boolean;
  readonly budget: Budget;
  readonly stuck: StuckPolicy;
  readonly maxRetries: number;
  readonly stopGraceMs: number;
  /** The delay in ms before retry n (1, 2, …) when the provider does not set one. */
  readonly backoffMs: (retry: number) => number;
}
/** The limits of one run. Undefined: no limit. */
export type Budget = OwnBudget & { readonly turns: number; readonly ms: number };
export interface RunResume {
  readonly steps: readonly PlanStep[];
  /** The last turn's calls that have no result yet. The first one may have started. */
  readonly calls: readonly PendingCall[];
  readonly waiting: string | undefined;
  /** Received messages that no turn has included yet. */
  readonly unseen: number;
  readonly spent: RunSpending;
  /** Tool calls charged to the budget since the last answer. */
  readonly toolCalls?: number;
  /** Why the run waits. */
  readonly reason?: WaitReason | undefined;
  /** Time used so far, in ms. Waiting is not included. */
  readonly workedMs?: number;
  /** The acts since the last hint or answer, for stuck detection. */
  readonly acts?: readonly RunAct[];
  /** The run has already received its hint about missing progress. */
  readonly hinted?: boolean;
  /** Calls that need an answer. */
  readonly approvals?: readonly PendingApproval[];
  readonly judgement?: JudgementProgress;
}
/** Progress of judging a run's goal. */
export interface JudgementProgress {
  readonly round: number;
  readonly revisions: number;
  /** Whether the round was interrupted. */
  readonly isOpen: boolean;
}
export interface PendingApproval {
  readonly callId: string;
  /** The tool of the call. */
  readonly tool: string;
  /** Milliseconds until the call counts as rejected without an answer. */
  readonly remainingMs: number;
  /** A permission for all calls of this tool does not cover this call. */
  readonly isAlone?: true;
  /**
   * `result`: a client provides the call's result. `permission`: the client does so after a person permits the call.
   */
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
  /** Text for the model. */
  readonly text?: string;
  /** The call runs with these arguments instead of the model's. */
  readonly args?: Record<string, unknown>;
  /** The result of a call that a client carries out. */
  readonly result?: CallAnswer;
  /** A tool whose calls need no further approval in this session. */
  readonly always?: string;
}
export interface PendingCall {
  readonly callId: string;
  readonly name: string;
  readonly args: unknown;
  /** The provider's reason, if the provider requires approval of the call. */
  readonly confirm?: string;
  /** The text that the call would write, and the current text. */
  readonly content?: ToolContent;
  /** The call comes from an external agent, so its arguments cannot be changed. */
  readonly fixed?: true;
  /** The call was logged before a restart, so its outcome must be looked up. */
  readonly begun: boolean;
  readonly verdict?: Verdict;
}
export interface RunSpending {
  readonly turns: number;
  readonly tokens: number;
  readonly cost: number;
}

/**
 * The outcome of one model turn. Its texts are already logged. `toolCalls`: calls that an external agent made in the
 * turn.
 */
export type TurnResult =
  | {
      readonly kind: 'planned';
      /** Digest of the plan. A model that repeats the same plan makes no progress. */
      readonly digest?: string;
      readonly steps: readonly PlanStep[];
      /** The other calls of the reply. They are the first calls of the plan's first step. */
      readonly calls?: readonly PendingCall[];
      readonly spent: RunSpending;
    }
  | {
      readonly kind: 'calls';
      readonly calls: readonly PendingCall[];
      /** The plan, if the turn changed it. */
      readonly steps?: readonly PlanStep[];
      readonly spent: RunSpending;
      readonly toolCalls?: number;
    }
  | {
      readonly kind: 'replied';
      readonly digest: string;
      /** The text is the run's answer, so no summary is needed. */
      readonly answers?: boolean;
      readonly steps: readonly PlanStep[];
      readonly spent: RunSpending;
      readonly toolCalls?: number;
    }
  /** The reply is unusable. `hint` explains why to the model; without a hint, the reply was empty. */
  | { readonly kind: 'empty'; readonly hint?: string; readonly spent: RunSpending }
  /** The goal was judged. `goesBack`: the agent gets the reason and continues. */
  | {
      readonly kind: 'judged';
      readonly result: GoalResult;
      readonly reason: string;
      readonly goesBack: boolean;
      readonly spent: RunSpending;
    }
  /** The next request was not sent, because it exceeds a budget. */
  | {
      readonly kind: 'unaffordable';
      readonly over: BudgetOverrun;
      readonly spent: RunSpending;
      readonly toolCalls?: number;
    }
  /** The conversation exceeds the model's context window, and only a person can change that. */
  | { readonly kind: 'full'; readonly question: string; readonly spent: RunSpending }
  | {
      readonly kind: 'failed';
      readonly code: ErrorCode;
      readonly message: string;
      readonly retryable: boolean;
      readonly retryAfterMs: number | undefined;
    };
export type CallResult =
  /** `steps`: the plan, if the call changed it. */
  | { readonly kind: 'called'; readonly act: RunAct; readonly steps?: readonly PlanStep[] }
  | { readonly kind: 'ask'; readonly question: string; readonly approval?: ApprovalRequest };
/**
 * The outcome of one call of a turn. `held`: not started, because it must follow a call that needs an answer or is
 * unaffordable. `unaffordable`: not executed, because a budget does not cover it. `permitted`: the external agent
 * executes it.
 */
export type CallOutcome =
  | CallResult
  | { readonly kind: 'permitted'; readonly act: RunAct }
  | { readonly kind: 'unaffordable'; readonly over: BudgetOverrun }
  | { readonly kind: 'held' };
/** Verdicts on calls, by call id. */
export type Verdicts = Readonly<Record<string, Verdict>>;
/** A call that needs a person's approval. */
export interface ApprovalRequest {
  readonly callId: string;
  readonly function: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** The provider's reason, if the provider requires the approval. */
  readonly reason?: string;
  readonly content?: ToolContent;
  readonly fixed?: true;
  readonly byClient?: true;
  /** A worker executes the call once a person permits it. */
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
  /** The result of the run's goal. Absent without a goal. */
  readonly goal?: GoalEnd;
}

export type RunEvent =
  | { type: 'run.inject' }
  | { type: 'run.answer'; verdicts?: Verdicts }
  /** Decisions on pending calls, made while the run works on other calls of the turn. */
  | { type: 'run.decided'; verdicts: Verdicts }
  | { type: 'run.stop'; reason: Extract<RunEndReason, 'stopped' | 'superseded' | 'deleted' | 'expired'> }
  | { type: 'run.mayEnd' }
  | { type: 'run.goOn' };
/** Events from a run to its session. */
export type RunNotice =
  | { type: 'run.waiting'; question: string; approvals?: readonly PendingApproval[] }
  /** The run's question was logged. `seen`: the number of injected messages that turns have included. */
  | { type: 'run.questionLogged'; seen: number }
  /** Requests permission to end. `seen`: the number of injected messages that turns have included. */
  | { type: 'run.wantsToEnd'; seen: number }
  /** The run accepts no more messages: its end is being logged. */
  | { type: 'run.ending' };

export interface RunMachineContext extends RunInput {
  steps: readonly PlanStep[];
  planned: boolean; // the model created the plan, so a summary follows the last step
  concluded: boolean; // the newest text is the run's answer
  calls: readonly PendingCall[];
  injected: number; // messages received
  seen: number; // messages that a turn has included
  answered: boolean; // the user answered the first pending call's question
  spent: RunSpending; // since the budget was last granted
  toolCalls: number; // since the budget was last granted
  granted: boolean; // a user has just granted the budget, so the next request is always sent
  workedMs: number; // in ms, before a restart
  overtime: boolean;
  acts: readonly RunAct[];
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
  approvals: readonly ApprovalRequest[]; // all calls of the turn that need an answer
  decided: readonly string[]; // approvals decided while other calls ran
  round: number; // judgement round, from 1
  revisions: number; // how often the goal was missed and the agent continued
  isJudging: boolean; // a restart interrupted the round
  sentBack: boolean; // no turn has included the reasons of the last missed goal yet
  judged: Omit<GoalEnd, 'rounds'> | undefined; // the result, until another turn follows
  end: RunEnd | undefined;
}

export interface TurnInput {
  readonly sessionId: SessionId;
  readonly runId: RunId;
  /** False: the agent chooses each next action itself. It can still keep a plan. */
  readonly plans: boolean;
  /** The model created the plan. False: the server did, because the model started without one. */
  readonly planned: boolean;
  readonly steps: readonly PlanStep[];
  /** Text for the model's next request only: the run is stuck, or the last reply was empty. */
  readonly hint: string | undefined;
  readonly budget: readonly BudgetLine[];
}
export interface JudgeInput extends RunRef {
  readonly goal: Goal;
  readonly round: number;
  /** Number of the revision that starts if the goal is missed. Undefined: no revisions are left. */
  readonly revision: number | undefined;
  /** If the grader fails now, it is not called again. */
  readonly isLastTry: boolean;
  readonly budget: readonly BudgetLine[];
}
export interface ToolCallsInput extends RunRef {
  /** The calls of one turn without a result yet, in the model's order. */
  readonly calls: readonly PendingCall[];
  /** The user answered the first call's question. */
  readonly answered: boolean;
  readonly budget: readonly BudgetLine[];
}
export interface NoticeInput {
  readonly sessionId: SessionId;
  readonly runId: RunId;
  readonly kind: 'waiting_provider' | 'stuck';
  readonly detail: string;
  readonly code?: ErrorCode | undefined;
  /** The next retry, counted from 1, and the delay before it. Only with `waiting_provider`. */
  readonly retry?: { readonly number: number; readonly most: number; readonly inMs: number };
}
export interface WaitInput extends RunRef {
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
