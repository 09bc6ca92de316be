import type { ErrorCode } from '../src/core/errors/errors.ts';
import type { ApprovalDecision, CallAnswer, PlanStep, RunEndReason, ToolContent } from '../src/core/model/events.ts';
import type { MessageId, RunId, SessionId } from '../src/core/model/ids.ts';
import type { Goal, GoalEnd, GoalResult } from '../src/core/model/runs/goal.ts';
import type { BudgetOverrun, WaitReason } from '../src/core/model/spending.ts';
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
  /** Judged each time that the agent believes to be done. */
  readonly goal?: Goal | undefined;
  readonly resume: RunResume | undefined;
}
export interface RunPolicy {
  /** False: plain ReAct (reason and act), without a plan. */
  readonly plans: boolean;
  readonly budget: Budget;
  readonly stuck: StuckPolicy;
  readonly maxRetries: number;
  readonly stopGraceMs: number;
  /** The delay in ms before retry number n (1, 2, …), if the provider gave none. */
  readonly backoffMs: (retry: number) => number;
}
/** The limits of one run. An undefined limit is no limit. */
export interface Budget {
  readonly turns: number;
  readonly wallMs: number;
  readonly tokens: number | undefined;
  readonly cost: number | undefined;
  readonly toolCalls?: number | undefined;
}
export interface RunResume {
  readonly steps: readonly PlanStep[];
  /** The last turn's calls that have no result yet. The first one may have started. */
  readonly calls: readonly PendingCall[];
  readonly waiting: string | undefined;
  /** Messages that arrived and that no turn has seen yet. */
  readonly unseen: number;
  readonly spent: RunSpending;
  /** The tool calls that the budget has paid since the last answer. */
  readonly toolCalls?: number;
  /** Why it waits. */
  readonly reason?: WaitReason | undefined;
  /** The part of the time budget that is used, in ms. Waiting does not count. */
  readonly workedMs?: number;
  /** The acts since the last hint or answer, for stuck detection. */
  readonly acts?: readonly RunAct[];
  /** The run has had its hint that it makes no progress. */
  readonly hinted?: boolean;
  /** The calls that wait for an answer. */
  readonly approvals?: readonly PendingApproval[];
  readonly judgement?: JudgementSoFar;
}
/** How far the judging of a run's goal had come. */
export interface JudgementSoFar {
  readonly round: number;
  readonly revisions: number;
  /** The round was not over. */
  readonly isOpen: boolean;
}
export interface PendingApproval {
  readonly callId: string;
  /** The tool of the call. */
  readonly tool: string;
  /** After this time without an answer the call counts as rejected, in ms. */
  readonly remainingMs: number;
  /** No permission for all calls of the tool covers this one. */
  readonly isAlone?: true;
  /** `result`: a client answers with the call's result. `permission`: a person first permits that. */
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
  /** A text for the model. */
  readonly text?: string;
  /** The call runs with these arguments instead of the model's. */
  readonly args?: Record<string, unknown>;
  /** The result of a call that the session's program carries out. */
  readonly result?: CallAnswer;
  /** The tool whose calls need no more permission in this session. */
  readonly always?: string;
}
export interface PendingCall {
  readonly callId: string;
  readonly name: string;
  readonly args: unknown;
  /** The provider demands that a person permits the call, and why. */
  readonly confirm?: string;
  /** The text that the call would write, with the earlier one. */
  readonly content?: ToolContent;
  /** An agent with a loop of its own makes the call, so a person cannot change its arguments. */
  readonly fixed?: true;
  /** The log announced the call before a restart, so its outcome must be looked up, not guessed. */
  readonly begun: boolean;
  readonly verdict?: Verdict;
}
export interface RunSpending {
  readonly turns: number;
  readonly tokens: number;
  readonly cost: number;
}

/**
 * The outcome of one turn of the model. Its texts are already in the log. `toolCalls`: those that an agent with a loop of its
 * own made in it.
 */
export type TurnResult =
  | {
      readonly kind: 'planned';
      /** Equal plans have equal ones: a model that plans the same again and again makes no progress. */
      readonly digest?: string;
      readonly steps: readonly PlanStep[];
      /** The other calls of the reply: the first step begins with them. */
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
      readonly kind: 'said';
      readonly digest: string;
      /** The text is the run's answer, so no summary follows. */
      readonly answers?: boolean;
      readonly steps: readonly PlanStep[];
      readonly spent: RunSpending;
      readonly toolCalls?: number;
    }
  /** The reply is of no use. `hint` tells the model why; without one, the reply was empty. */
  | { readonly kind: 'empty'; readonly hint?: string; readonly spent: RunSpending }
  /** The goal was judged. `goesBack`: the agent gets the reason, and goes on. */
  | {
      readonly kind: 'judged';
      readonly result: GoalResult;
      readonly reason: string;
      readonly goesBack: boolean;
      readonly spent: RunSpending;
    }
  /** A budget does not cover the next request, so it was not sent. */
  | {
      readonly kind: 'unaffordable';
      readonly over: BudgetOverrun;
      readonly spent: RunSpending;
      readonly toolCalls?: number;
    }
  /** The conversation does not fit the model's window, and only a person can change that. */
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
 * The outcome of one call of a turn. `held`: it has to follow a call that asks, or that no budget covers, so it has not begun.
 * `unaffordable`: a budget does not cover it, so it was not made. `permitted`: the agent with a loop of its own makes it.
 */
export type CallOutcome =
  | CallResult
  | { readonly kind: 'permitted'; readonly act: RunAct }
  | { readonly kind: 'unaffordable'; readonly over: BudgetOverrun }
  | { readonly kind: 'held' };
/** The decisions on calls, by their ids. */
export type Verdicts = Readonly<Record<string, Verdict>>;
/** A call that needs a person's approval. */
export interface ApprovalRequest {
  readonly callId: string;
  readonly function: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** The provider's reason, when it is the provider of the model that demands the approval. */
  readonly reason?: string;
  readonly content?: ToolContent;
  readonly fixed?: true;
  readonly byClient?: true;
  /** A worker carries the call out once a person permits it. */
  readonly forWorker?: true;
  readonly timeoutMs: number;
}

/**
 * Why a run ended. A failure has a code, and says whether another message can help.
 *
 * @example
 * const end: RunEnd = { reason: 'failed', code: 'model_overloaded', retryable: true };
 */
export interface RunEnd {
  readonly reason: RunEndReason;
  readonly code?: ErrorCode;
  readonly retryable?: boolean;
  readonly message?: string;
  /** The result of the run's goal; absent where it had none. */
  readonly goal?: GoalEnd;
}

export type RunEvent =
  | { type: 'run.inject' }
  | { type: 'run.answer'; verdicts?: Verdicts }
  /** Decisions on calls that wait, while the run works on others of the turn. */
  | { type: 'run.decided'; verdicts: Verdicts }
  | { type: 'run.stop'; reason: Extract<RunEndReason, 'stopped' | 'superseded' | 'deleted' | 'expired'> }
  | { type: 'run.mayEnd' }
  | { type: 'run.goOn' };
/** The events that a run sends to its session. */
export type RunNotice =
  | { type: 'run.waiting'; question: string; approvals?: readonly PendingApproval[] }
  /** The run's question is in the log; `seen` as below. */
  | { type: 'run.asked'; seen: number }
  /** Asks for permission to end. `seen` counts the injected messages that its turns have seen. */
  | { type: 'run.wantsToEnd'; seen: number }
  /** The run accepts no more messages: its end is being written to the log. */
  | { type: 'run.ending' };

export interface RunMachineContext extends RunInput {
  steps: readonly PlanStep[];
  planned: boolean; // the model made the plan, so a summary follows its last step
  concluded: boolean; // the newest text is the run's answer
  calls: readonly PendingCall[];
  injected: number; // messages received
  seen: number; // how many of them a turn has seen
  answered: boolean; // the user answered the first pending call's question
  spent: RunSpending; // since the last budget was granted
  toolCalls: number; // since then
  granted: boolean; // a user has just granted the budget, so the next request is sent in any case
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
  approvals: readonly ApprovalRequest[]; // all calls of the turn that wait for an answer
  decided: readonly string[]; // those of them that were decided while calls were made
  round: number; // of judging the goal, from 1
  revisions: number; // times that the goal was missed and the work went back
  isJudging: boolean; // a restart interrupted the round
  sentBack: boolean; // no turn has seen the reasons of the last miss
  judged: Omit<GoalEnd, 'rounds'> | undefined; // the result, as long as no turn follows it
  end: RunEnd | undefined;
}

export interface TurnInput {
  readonly sessionId: SessionId;
  readonly runId: RunId;
  /** False: the agent chooses each next action by itself. It can keep a plan all the same. */
  readonly plans: boolean;
  /** The model made the plan. False: the steps are the server's, for a model that began without one. */
  readonly planned: boolean;
  readonly steps: readonly PlanStep[];
  /** A text that the model gets once: the run is stuck, or the last reply was empty. */
  readonly hint: string | undefined;
  /** The rest of the run's budget of tool calls, for an agent with a loop of its own; undefined: it has none. */
  readonly callsLeft?: RemainingCalls | undefined;
  /** The rest of the run's budget. Undefined: a user has just granted it, which covers one request at least. */
  readonly left: RemainingBudget | undefined;
}
export interface JudgeInput extends RunOwner {
  readonly goal: Goal;
  readonly round: number;
  /** A miss goes back to the agent as this revision; undefined: it had all of them. */
  readonly revision: number | undefined;
  /** A grader that fails now is not asked again. */
  readonly isLastTry: boolean;
  readonly left: RemainingBudget | undefined;
}
/** The rest of a budget beside its limit. A part without a limit is absent. */
export type RemainingBudget = Partial<
  Readonly<Record<keyof RunSpending, { readonly limit: number; readonly used: number }>>
>;
/** The tool calls that a budget allows, and those that it has paid. */
export interface RemainingCalls {
  readonly limit: number;
  readonly used: number;
}
export interface CallsInput extends RunOwner {
  /** The calls of one turn that have no result yet, in the model's order. */
  readonly calls: readonly PendingCall[];
  /** The user answered the question that the first of them asked. */
  readonly answered: boolean;
  /** The rest of the run's budget of tool calls; undefined: it has none. */
  readonly left?: RemainingCalls | undefined;
}
export interface NoticeInput {
  readonly sessionId: SessionId;
  readonly runId: RunId;
  readonly kind: 'waiting_provider' | 'stuck';
  readonly detail: string;
  readonly code?: ErrorCode | undefined;
  /** The retry that comes, counted from 1, and the pause before it; only with `waiting_provider`. */
  readonly retry?: { readonly number: number; readonly most: number; readonly inMs: number };
}
export interface WaitInput extends RunOwner {
  readonly question: string;
  readonly reason: WaitReason | undefined;
  readonly over: BudgetOverrun | undefined;
  readonly approvals: readonly ApprovalRequest[];
}
export interface EndInput extends RunOwner {
  readonly task: string;
  readonly end: RunEnd;
}
export interface RunOwner {
  readonly sessionId: SessionId;
  readonly runId: RunId;
}

export type Result = { result: TurnResult };
