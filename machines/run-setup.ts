import { assign, sendParent, setup } from 'xstate';
import { toAppError } from '../src/core/errors/errors.ts';
import {
  findExhaustedBudget,
  findUnansweredCalls,
  hasReplied,
  hasUnfinishedStep,
  hasUnseenInput,
  recordOutcomes,
  recordTurn,
  startNextStep,
  toBudgetWait,
  toFailedRunEnd,
  toPendingApproval,
  withVerdicts,
  zeroSpending,
} from './run-rules.ts';
import type {
  CallOutcome,
  JudgeInput,
  NoticeInput,
  RunEnd,
  RunEndInput,
  RunEvent,
  RunInput,
  RunMachineContext,
  RunNotice,
  RunWaitInput,
  ToolCallsInput,
  TurnInput,
  TurnResult,
  TurnResultParams,
} from './run-types.ts';
import { explainStuckRun } from './stuck.ts';
import { createPlaceholderActor } from './unprovided.ts';

type Outcomes = { outcomes: readonly CallOutcome[] };

export const runSetup = setup({
  types: {
    context: {} as RunMachineContext,
    input: {} as RunInput,
    events: {} as RunEvent,
    output: {} as RunEnd,
  },
  actors: {
    plan: createPlaceholderActor<TurnResult, TurnInput & { readonly again: boolean }>('plan'),
    act: createPlaceholderActor<TurnResult, TurnInput>('act'),
    /** Runs independent calls concurrently. Returns one outcome per call, in order. */
    calls: createPlaceholderActor<readonly CallOutcome[], ToolCallsInput>('calls'),
    summarize: createPlaceholderActor<TurnResult, TurnInput>('summarize'),
    judge: createPlaceholderActor<TurnResult, JudgeInput>('judge'),
    notice: createPlaceholderActor<void, NoticeInput>('notice'),
    wait: createPlaceholderActor<void, RunWaitInput>('wait'),
    /** Does not depend on the other actors listed here. */
    end: createPlaceholderActor<void, RunEndInput>('end'),
    /** Used if `end` takes too long. Does not kill the run's processes. */
    close: createPlaceholderActor<void, RunEndInput>('close'),
  },
  delays: {
    retry: ({ context }) => context.retryMs,
    wall: ({ context }) => Math.max(0, Math.min(context.policy.budget.ms - context.workedMs, 2 ** 31 - 1)),
    stopGrace: ({ context }) => context.policy.stopGraceMs,
    /** Must exceed the time that the store takes to refuse a write. */
    closeGrace: ({ context }) => 4 * context.policy.stopGraceMs,
  },
  guards: {
    isWaiting: ({ context }) => context.resume?.waiting !== undefined,
    isResumed: ({ context }) => context.resume !== undefined,
    hasCalls: ({ context }) => context.calls.length > 0,
    hasUnseen: ({ context }) => hasUnseenInput(context),
    isJudging: ({ context }) => context.isJudging && !hasUnseenInput(context),
    needsJudging: ({ context }) => context.goal !== undefined && context.judged === undefined,
    goesBack: (_, { result }: TurnResultParams) => result.kind === 'judged' && result.goesBack,
    needsPlan: ({ context }) =>
      context.policy.plans && context.steps.length === 0 && !context.planned && !context.concluded,
    needsReplan: ({ context }) => context.policy.plans && hasUnseenInput(context),
    needsSummary: ({ context }) => context.policy.plans && context.planned && !context.concluded,
    needsAct: ({ context }) =>
      context.policy.plans ? hasUnfinishedStep(context) : !hasReplied(context) || hasUnseenInput(context),
    // A run that has already replied can end even if the budget is spent.
    isSpent: ({ context }) =>
      findExhaustedBudget(context) !== undefined &&
      (context.policy.plans || !hasReplied(context) || hasUnseenInput(context)),
    isStuck: ({ context }) => explainStuckRun(context.acts, context.policy.stuck) !== undefined,
    isStuckAgain: ({ context }) => context.hinted && explainStuckRun(context.acts, context.policy.stuck) !== undefined,
    mayRetry: ({ context }, { result }: TurnResultParams) =>
      result.kind === 'failed' && result.retryable && context.retries < context.policy.maxRetries,
    failed: (_, { result }: TurnResultParams) => result.kind === 'failed',
    failedUnseen: ({ context }, { result }: TurnResultParams) =>
      (result.kind === 'failed' || result.kind === 'empty') && hasUnseenInput(context),
    empty: (_, { result }: TurnResultParams) => result.kind === 'empty',
    full: (_, { result }: TurnResultParams) => result.kind === 'full',
    unaffordable: (_, { result }: TurnResultParams) => result.kind === 'unaffordable',
    firstEmpty: ({ context }, { result }: TurnResultParams) => result.kind === 'empty' && context.empties === 0,
    secondEmpty: ({ context }, { result }: TurnResultParams) => result.kind === 'empty' && context.empties === 1,
    asks: ({ context }, { outcomes }: Outcomes) =>
      findUnansweredCalls(context, outcomes).length > 0 || outcomes.some(({ kind }) => kind === 'unaffordable'),
  },
  actions: {
    take: assign(({ context }, { result }: TurnResultParams) => recordTurn(context, result)),
    see: assign(({ context }) => ({
      seen: context.injected,
      concluded: false,
      sentBack: false,
      isJudging: false,
      judged: undefined,
    })),
    beginRound: assign(({ context }) => ({
      round: context.isJudging ? context.round : context.round + 1,
      isJudging: false,
    })),
    beginStep: assign(({ context }) => (context.policy.plans ? { steps: startNextStep(context.steps) } : {})),
    scheduleRetry: assign(({ context }, { result }: TurnResultParams) => ({
      retries: context.retries + 1,
      retryWhy: result.kind === 'failed' ? result.message : '',
      retryCode: result.kind === 'failed' ? result.code : undefined,
      retryMs:
        (result.kind === 'failed' ? result.retryAfterMs : undefined) ?? context.policy.backoffMs(context.retries + 1),
    })),
    tryAnew: assign({ retries: 0 }),
    fail: assign((_, { result }: TurnResultParams) => ({ end: toFailedRunEnd(result) })),
    crash: assign((_, { error }: { error: unknown }) => {
      const { code, publicMessage, retryable } = toAppError(error);
      return { end: { reason: 'failed', code, message: publicMessage, retryable } satisfies RunEnd };
    }),
    nudge: assign(({ context }, { result }: TurnResultParams) => ({
      empties: context.empties + 1,
      hint:
        (result.kind === 'empty' ? result.hint : undefined) ??
        'Your last reply was empty. Call a tool, or say what you found.',
    })),
    askFull: assign((_, { result }: TurnResultParams) =>
      result.kind === 'full' ? { question: result.question, reason: undefined, over: undefined } : {},
    ),
    called: assign(({ context }, { outcomes }: Outcomes) => recordOutcomes(context, outcomes)),
    askBudget: assign(({ context }) => toBudgetWait(findExhaustedBudget(context))),
    askMore: assign((_, { result }: TurnResultParams) =>
      result.kind === 'unaffordable' ? toBudgetWait(result.over) : {},
    ),
    askStuck: assign(({ context }) => ({
      reason: 'stuck' as const,
      over: undefined,
      question: `I’m stuck: ${explainStuckRun(context.acts, context.policy.stuck)}. What should I do differently?`,
    })),
    hintStuck: assign(({ context }) => ({
      hint: `You are repeating yourself: ${explainStuckRun(context.acts, context.policy.stuck)}. Try something else, or ask the user.`,
    })),
    askEmpty: assign(({ context }, { result }: TurnResultParams) => {
      const what = result.kind === 'empty' && result.hint ? 'sent two unusable replies' : 'sent empty replies';
      const question = `The model ${what}. Send a message to try again.`;
      return { empties: context.empties + 1, question, reason: 'empty' as const, over: undefined };
    }),
    goOn: assign(({ context, event }) => ({
      calls: event.type === 'run.answer' ? withVerdicts(context.calls, event.verdicts) : context.calls,
      approvals: [],
      // A message that grants a budget does not answer a call.
      answered: context.calls.length > 0 && context.reason !== 'budget',
      spent: zeroSpending,
      toolCalls: 0,
      granted: true,
      workedMs: 0,
      overtime: false,
      acts: [],
      hinted: false,
    })),
    decide: assign(({ context, event }) =>
      event.type === 'run.decided'
        ? {
            calls: withVerdicts(context.calls, event.verdicts),
            decided: [...context.decided, ...Object.keys(event.verdicts)],
          }
        : {},
    ),
    tellWaiting: sendParent(({ context: { question, approvals } }): RunNotice => {
      if (approvals.length === 0) return { type: 'run.waiting', question };
      return { type: 'run.waiting', question, approvals: approvals.map(toPendingApproval) };
    }),
    /** Makes the session check for messages that arrived before the question was logged. */
    tellQuestionLogged: sendParent(({ context }): RunNotice => ({ type: 'run.questionLogged', seen: context.seen })),
    tellEnding: sendParent({ type: 'run.ending' } satisfies RunNotice),
    askLeave: sendParent(({ context }): RunNotice => ({ type: 'run.wantsToEnd', seen: context.seen })),
  },
});
