import { assign, sendParent, setup } from 'xstate';
import type { ErrorCode } from '../src/core/errors.ts';
import { toAppError } from '../src/core/errors.ts';
import type { PlanStep, RunEndReason } from '../src/core/events.ts';
import type { MessageId, RunId, SessionId } from '../src/core/ids.ts';
import { type Act, remembered, type StuckPolicy, stuckReason } from './stuck.ts';
import { unprovided } from './unprovided.ts';

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
}
export interface PendingCall {
  readonly callId: string;
  readonly name: string;
  readonly args: unknown;
  /** It was announced in the log: what became of it must be asked, not guessed. */
  readonly begun: boolean;
}
export interface Spent {
  readonly turns: number;
  readonly tokens: number;
  readonly cost: number;
}
const nothingSpent: Spent = { turns: 0, tokens: 0, cost: 0 };

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
  | { readonly kind: 'ask'; readonly question: string };

export interface RunEnd {
  readonly reason: RunEndReason;
  readonly code?: ErrorCode;
  readonly retryable?: boolean;
  readonly message?: string;
}

export type RunEvent =
  | { type: 'run.inject' }
  | { type: 'run.answer' }
  | { type: 'run.stop'; reason: Extract<RunEndReason, 'stopped' | 'superseded' | 'deleted' | 'expired'> }
  | { type: 'run.mayEnd' }
  | { type: 'run.goOn' };
/** What a run tells its session. */
export type RunNews =
  | { type: 'run.waiting'; question: string }
  /** Asks leave to end; `seen` counts the injected messages it took in. */
  | { type: 'run.wantsToEnd'; seen: number }
  /** From now on it takes nothing: its end is on its way to the log. */
  | { type: 'run.ending' };

interface RunContext extends RunInput {
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
interface Whose {
  readonly sessionId: SessionId;
  readonly runId: RunId;
}

type Result = { result: TurnResult };

const runSetup = setup({
  types: {
    context: {} as RunContext,
    input: {} as RunInput,
    events: {} as RunEvent,
    output: {} as RunEnd,
  },
  actors: {
    plan: unprovided<TurnResult, TurnInput & { readonly again: boolean }>('plan'),
    act: unprovided<TurnResult, TurnInput>('act'),
    call: unprovided<CallResult, CallInput>('call'),
    summarize: unprovided<TurnResult, TurnInput>('summarize'),
    notice: unprovided<void, NoticeInput>('notice'),
    wait: unprovided<void, Whose & { readonly question: string }>('wait'),
    /** Kills what the run started, closes what it left open in the log, and appends its end. Perhaps the first to act. */
    end: unprovided<void, Whose & { readonly task: string; readonly end: RunEnd }>('end'),
  },
  delays: {
    retry: ({ context }) => context.retryMs,
    wall: ({ context }) => Math.max(0, Math.min(context.policy.budget.wallMs - context.workedMs, 2 ** 31 - 1)),
    stopGrace: ({ context }) => context.policy.stopGraceMs,
  },
  guards: {
    isWaiting: ({ context }) => context.resume?.waiting !== undefined,
    isResumed: ({ context }) => context.resume !== undefined,
    hasCalls: ({ context }) => context.calls.length > 0,
    hasUnseen: ({ context }) => context.injected > context.seen,
    needsPlan: ({ context }) => context.policy.plans && context.steps.length === 0 && !context.planned,
    needsReplan: ({ context }) => context.policy.plans && context.injected > context.seen,
    needsAct: ({ context }) => (context.policy.plans ? hasStep(context) : !hasSpoken(context) || isUnseen(context)),
    // Who has said the last word needs no budget to end.
    isSpent: ({ context }) =>
      spentBudget(context) !== undefined && (context.policy.plans || !hasSpoken(context) || isUnseen(context)),
    isStuck: ({ context }) => stuckReason(context.acts, context.policy.stuck) !== undefined,
    isStuckAgain: ({ context }) => context.hinted && stuckReason(context.acts, context.policy.stuck) !== undefined,
    mayRetry: ({ context }, { result }: Result) =>
      result.kind === 'failed' && result.retryable && context.retries < context.policy.maxRetries,
    failed: (_, { result }: Result) => result.kind === 'failed',
    failedUnseen: ({ context }, { result }: Result) =>
      (result.kind === 'failed' || result.kind === 'empty') && isUnseen(context),
    empty: (_, { result }: Result) => result.kind === 'empty',
    firstEmpty: ({ context }, { result }: Result) => result.kind === 'empty' && context.empties === 0,
    secondEmpty: ({ context }, { result }: Result) => result.kind === 'empty' && context.empties === 1,
    asks: (_, { result }: { result: CallResult }) => result.kind === 'ask',
  },
  actions: {
    take: assign(({ context }, { result }: Result) => took(context, result)),
    /** Whatever came in until now is in the next turn's messages. */
    see: assign(({ context }) => ({ seen: context.injected })),
    beginStep: assign(({ context }) => ({ steps: withRunning(context.steps) })),
    scheduleRetry: assign(({ context }, { result }: Result) => ({
      retries: context.retries + 1,
      retryWhy: result.kind === 'failed' ? result.message : '',
      retryMs:
        (result.kind === 'failed' ? result.retryAfterMs : undefined) ?? context.policy.backoffMs(context.retries + 1),
    })),
    tryAnew: assign({ retries: 0 }),
    fail: assign((_, { result }: Result) => ({ end: endOf(result) })),
    crash: assign((_, { error }: { error: unknown }) => {
      const { code, publicMessage, retryable } = toAppError(error);
      return { end: { reason: 'failed', code, message: publicMessage, retryable } satisfies RunEnd };
    }),
    nudge: assign(({ context }) => ({
      empties: context.empties + 1,
      hint: 'Your last reply was empty. Call a tool, or say what you found.',
    })),
    called: assign(({ context }, { result }: { result: CallResult }) => ({
      calls: context.calls.slice(1),
      answered: false,
      acts: result.kind === 'called' ? keep(context, result.act) : context.acts,
    })),
    ask: assign((_, { result }: { result: CallResult }) =>
      result.kind === 'ask' ? { question: result.question } : {},
    ),
    askBudget: assign(({ context }) => ({ question: `${spentBudget(context)} Send a message to let me go on.` })),
    askStuck: assign(({ context }) => ({
      question: `I do not get on: ${stuckReason(context.acts, context.policy.stuck)}. What should I do differently?`,
    })),
    hintStuck: assign(({ context }) => ({
      hint: `You make no progress: ${stuckReason(context.acts, context.policy.stuck)}. Try something else, or ask the user.`,
    })),
    askEmpty: assign(({ context }) => ({
      empties: context.empties + 1,
      question: 'The model gave empty replies. Send a message to try again.',
    })),
    /** An answer grants the budget anew and forgives what went before it. */
    goOn: assign(({ context }) => ({
      answered: context.calls.length > 0,
      spent: nothingSpent,
      workedMs: 0,
      overtime: false,
      acts: [],
      hinted: false,
    })),
    tellWaiting: sendParent(({ context }): RunNews => ({ type: 'run.waiting', question: context.question })),
    tellEnding: sendParent({ type: 'run.ending' } satisfies RunNews),
    askLeave: sendParent(({ context }): RunNews => ({ type: 'run.wantsToEnd', seen: context.seen })),
  },
});

const hasSpoken = ({ acts }: RunContext) => acts.at(-1)?.kind === 'text'; // without a plan that ends the run
const isUnseen = ({ injected, seen }: RunContext) => injected > seen;
const hasStep = ({ steps }: RunContext) => steps.some(({ status }) => status === 'pending' || status === 'running');

function withRunning(steps: readonly PlanStep[]): readonly PlanStep[] {
  if (steps.some(({ status }) => status === 'running')) return steps;
  const next = steps.find(({ status }) => status === 'pending');
  return steps.map((step) => (step === next ? { ...step, status: 'running' } : step));
}

const keep = ({ acts, policy }: RunContext, act: Act) => [...acts, act].slice(-remembered(policy.stuck));

function took(context: RunContext, result: TurnResult): Partial<RunContext> {
  if (result.kind === 'failed') return {};
  const spent = {
    turns: context.spent.turns + result.spent.turns,
    tokens: context.spent.tokens + result.spent.tokens,
    cost: context.spent.cost + result.spent.cost,
  };
  const base = { spent, retries: 0, hint: undefined };
  if (result.kind === 'empty') return base;
  if (result.kind === 'planned') return { ...base, empties: 0, planned: true, steps: result.steps };
  if (result.kind === 'calls') return { ...base, empties: 0, calls: result.calls };
  const acts = keep(context, { kind: 'text', text: result.digest });
  return { ...base, empties: 0, planned: true, steps: result.steps, acts };
}

function endOf(result: TurnResult): RunEnd {
  if (result.kind === 'failed') {
    const { code, message, retryable } = result;
    return { reason: 'failed', code, message, retryable };
  }
  return { reason: 'failed', code: 'empty_reply', message: 'The model gave empty replies only.', retryable: true };
}

function spentBudget({ spent, overtime, policy: { budget } }: RunContext): string | undefined {
  if (overtime) return `The time budget of ${Math.round(budget.wallMs / 1_000)} s is spent.`;
  if (spent.turns >= budget.turns) return `The budget of ${budget.turns} model turns is spent.`;
  if (budget.tokens !== undefined && spent.tokens >= budget.tokens) {
    return `The budget of ${budget.tokens} tokens is spent (${spent.tokens} used).`;
  }
  if (budget.cost !== undefined && spent.cost >= budget.cost) {
    return `The cost budget of ${budget.cost} is spent (${spent.cost.toFixed(4)} used).`;
  }
  return undefined;
}

const whose = ({ sessionId, runId }: RunContext): Whose => ({ sessionId, runId });
const turnInput = (context: RunContext): TurnInput => ({ ...whose(context), steps: context.steps, hint: context.hint });
const result = ({ event }: { event: { output: TurnResult } }) => ({ result: event.output });

/** What every model turn may come to, and where each leads; `next` after a good one. */
const turnExits = (next: 'deciding' | 'finishing') =>
  [
    {
      guard: { type: 'mayRetry', params: result },
      target: 'backingOff',
      actions: { type: 'scheduleRetry', params: result },
    },
    {
      guard: { type: 'firstEmpty', params: result },
      target: 'asking',
      reenter: true,
      actions: [{ type: 'take', params: result }, 'nudge'],
    },
    {
      guard: { type: 'secondEmpty', params: result },
      target: '#run.waiting',
      actions: [{ type: 'take', params: result }, 'askEmpty'],
    },
    { guard: { type: 'failedUnseen', params: result }, target: '#run.working.deciding', actions: 'tryAnew' },
    { guard: { type: 'failed', params: result }, target: '#run.ending', actions: { type: 'fail', params: result } },
    { guard: { type: 'empty', params: result }, target: '#run.ending', actions: { type: 'fail', params: result } },
    { target: `#run.working.${next}`, actions: { type: 'take', params: result } },
  ] as const;

const crashed = {
  target: '#run.ending',
  actions: { type: 'crash', params: ({ event }: { event: { error: unknown } }) => ({ error: event.error }) },
} as const;

/** A message that came in during the turn gets a turn of its own; else the run ends. */
const turnCrashed = [{ guard: 'hasUnseen', target: '#run.working.deciding', actions: 'tryAnew' }, crashed] as const;

const backingOff = runSetup.createStateConfig({
  invoke: {
    id: 'notice',
    src: 'notice',
    input: ({ context }) => ({ ...whose(context), kind: 'waiting_provider', detail: context.retryWhy }),
    onError: crashed,
  },
  after: { retry: 'asking' },
});

const planTurn = (again: boolean) =>
  runSetup.createStateConfig({
    initial: 'asking',
    entry: 'see',
    states: {
      asking: {
        invoke: {
          id: 'plan',
          src: 'plan',
          input: ({ context }) => ({ ...turnInput(context), again }),
          onDone: [...turnExits('deciding')],
          onError: [...turnCrashed],
        },
      },
      backingOff,
    },
  });

export const runMachine = runSetup.createMachine({
  id: 'run',
  context: ({ input }) => ({
    ...input,
    steps: input.resume?.steps ?? [],
    planned: false,
    calls: input.resume?.calls ?? [],
    injected: input.resume?.unseen ?? 0,
    seen: 0,
    answered: false,
    spent: input.resume?.spent ?? nothingSpent,
    workedMs: input.resume?.workedMs ?? 0,
    overtime: false,
    acts: [],
    hint: undefined,
    hinted: false,
    empties: 0,
    retries: 0,
    retryMs: 0,
    retryWhy: '',
    question: input.resume?.waiting ?? '',
    end: undefined,
  }),
  initial: 'routing',
  on: {
    'run.inject': { actions: assign({ injected: ({ context }) => context.injected + 1 }) },
    'run.stop': { target: '.ending', actions: assign({ end: ({ event }) => ({ reason: event.reason }) }) },
  },
  states: {
    // A restart is a start with other input: nothing comes back that is not in the log.
    routing: {
      always: [
        { guard: 'isWaiting', target: 'waiting.open' },
        { guard: 'isResumed', target: 'parked' },
        { target: 'working' },
      ],
    },
    // It had begun before a restart and has no place yet among the runs that may work at once.
    parked: { on: { 'run.answer': 'working' } },
    working: {
      initial: 'deciding',
      after: { wall: { actions: assign({ overtime: true }) } },
      states: {
        deciding: {
          always: [
            { guard: 'hasCalls', target: 'calling' },
            { guard: 'isStuckAgain', target: '#run.waiting', actions: 'askStuck' },
            { guard: 'isStuck', target: 'hinting', actions: 'hintStuck' },
            { guard: 'isSpent', target: '#run.waiting', actions: 'askBudget' },
            { guard: 'needsPlan', target: 'planning' },
            { guard: 'needsReplan', target: 'replanning' },
            { guard: 'needsAct', target: 'acting' },
            { guard: ({ context }) => context.policy.plans, target: 'summarizing' },
            { target: 'finishing' },
          ],
        },
        planning: planTurn(false),
        replanning: planTurn(true),
        acting: {
          initial: 'asking',
          entry: ['see', 'beginStep'],
          states: {
            asking: {
              invoke: {
                id: 'act',
                src: 'act',
                input: ({ context }) => turnInput(context),
                onDone: [...turnExits('deciding')],
                onError: [...turnCrashed],
              },
            },
            backingOff,
          },
        },
        calling: {
          invoke: {
            id: 'call',
            src: 'call',
            input: ({ context }) => ({
              ...whose(context),
              call: context.calls[0] as PendingCall,
              answered: context.answered,
            }),
            onDone: [
              {
                guard: { type: 'asks', params: ({ event }) => ({ result: event.output }) },
                target: '#run.waiting',
                actions: { type: 'ask', params: ({ event }) => ({ result: event.output }) },
              },
              { target: 'deciding', actions: { type: 'called', params: ({ event }) => ({ result: event.output }) } },
            ],
            onError: crashed,
          },
        },
        hinting: {
          entry: assign({ hinted: true, acts: [] }),
          invoke: {
            id: 'notice',
            src: 'notice',
            input: ({ context }) => ({ ...whose(context), kind: 'stuck', detail: context.hint ?? '' }),
            onDone: 'deciding',
            onError: crashed,
          },
        },
        summarizing: {
          initial: 'asking',
          states: {
            asking: {
              invoke: {
                id: 'summarize',
                src: 'summarize',
                input: ({ context }) => turnInput(context),
                onDone: [...turnExits('finishing')],
                onError: [...turnCrashed],
              },
            },
            backingOff,
          },
        },
        // The session knows whether a message is on its way; it answers at once, so none is ever lost.
        finishing: {
          always: { guard: 'hasUnseen', target: 'deciding' },
          entry: 'askLeave',
          on: {
            'run.mayEnd': { target: '#run.ending', actions: assign({ end: { reason: 'completed' } }) },
            'run.goOn': 'deciding',
          },
        },
      },
    },
    waiting: {
      initial: 'announcing',
      on: { 'run.answer': { target: 'working', actions: 'goOn' } },
      states: {
        announcing: {
          entry: 'tellWaiting',
          invoke: {
            id: 'wait',
            src: 'wait',
            input: ({ context }) => ({ ...whose(context), question: context.question }),
            onDone: 'open',
            onError: crashed,
          },
        },
        open: {},
      },
    },
    ending: {
      entry: 'tellEnding',
      on: { 'run.stop': {}, 'run.inject': {} }, // already on our way; keep the first reason
      invoke: {
        id: 'end',
        src: 'end',
        input: ({ context }) => ({ ...whose(context), task: context.task, end: context.end as RunEnd }),
        onDone: 'ended',
        onError: 'ended', // what is not in the log now is closed at the next start
      },
      after: { stopGrace: 'ended' },
    },
    ended: { type: 'final' },
  },
  output: ({ context }) => context.end as RunEnd,
});
