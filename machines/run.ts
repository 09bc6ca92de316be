import { assign } from 'xstate';
import { toRunBudgetLines, withGoalAssessment, zeroSpending } from './run-rules.ts';
import { runSetup } from './run-setup.ts';
import type {
  CallOutcome,
  JudgeInput,
  RunEndInput,
  RunMachineContext,
  RunRef,
  TurnInput,
  TurnResult,
} from './run-types.ts';
import { explainStuckRun } from './stuck.ts';

export type {
  ApprovalRequest,
  CallOutcome,
  CallResult,
  JudgeInput,
  JudgementProgress,
  PendingApproval,
  PendingCall,
  RunEnd,
  RunInput,
  RunNotice,
  RunPolicy,
  RunResumeState,
  RunSpending,
  ToolCallsInput,
  TurnInput,
  TurnResult,
  Verdict,
  Verdicts,
} from './run-types.ts';

const whose = ({ sessionId, runId }: RunMachineContext): RunRef => ({ sessionId, runId });
const endInput = (context: RunMachineContext): RunEndInput => ({
  ...whose(context),
  task: context.task,
  end: withGoalAssessment(context),
});
const judgeInput = (context: RunMachineContext): JudgeInput => {
  const goal = context.goal as NonNullable<typeof context.goal>;
  return {
    ...whose(context),
    goal,
    round: context.round,
    revision: context.revisions < goal.maxRevisions ? context.revisions + 1 : undefined,
    isLastTry: context.retries >= context.policy.maxRetries,
    budget: toRunBudgetLines(context),
  };
};
const turnInput = (context: RunMachineContext): TurnInput => ({
  ...whose(context),
  plans: context.policy.plans,
  planned: context.planned,
  steps: context.steps,
  hint: context.hint,
  budget: toRunBudgetLines(context),
});
const outcomes = ({ event }: { event: { output: readonly CallOutcome[] } }) => ({ outcomes: event.output });
const result = ({ event }: { event: { output: TurnResult } }) => ({ result: event.output });

const asking = <Guard extends string, Ask extends string>(guard: Guard, ask: Ask) =>
  ({
    guard: { type: guard, params: result },
    target: '#run.waiting',
    actions: [
      { type: 'take', params: result },
      { type: ask, params: result },
    ],
  }) as const;

const turnExits = (next: 'deciding' | 'claiming') =>
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
      actions: [
        { type: 'take', params: result },
        { type: 'nudge', params: result },
      ],
    },
    asking('secondEmpty', 'askEmpty'),
    asking('full', 'askFull'),
    asking('unaffordable', 'askMore'),
    { guard: { type: 'failedUnseen', params: result }, target: '#run.working.deciding', actions: 'tryAnew' },
    { guard: { type: 'failed', params: result }, target: '#run.ending', actions: { type: 'fail', params: result } },
    { guard: { type: 'empty', params: result }, target: '#run.ending', actions: { type: 'fail', params: result } },
    { target: `#run.working.${next}`, actions: { type: 'take', params: result } },
  ] as const;

const crashed = {
  target: '#run.ending',
  actions: { type: 'crash', params: ({ event }: { event: { error: unknown } }) => ({ error: event.error }) },
} as const;

/** A message that arrived during the crashed turn gets its own turn. */
const turnCrashed = [{ guard: 'hasUnseen', target: '#run.working.deciding', actions: 'tryAnew' }, crashed] as const;

const backingOff = runSetup.createStateConfig({
  invoke: {
    id: 'notice',
    src: 'notice',
    input: ({ context: { retryWhy, retryCode, retries, retryMs, policy }, context }) => ({
      ...whose(context),
      kind: 'waiting_provider',
      detail: retryWhy,
      code: retryCode,
      retry: { number: retries, most: policy.maxRetries, inMs: retryMs },
    }),
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
    planned: (input.resume?.steps.length ?? 0) > 0,
    concluded: false,
    calls: input.resume?.calls ?? [],
    injected: input.resume?.unseen ?? 0,
    seen: 0,
    answered: false,
    spent: input.resume?.spent ?? zeroSpending,
    toolCalls: input.resume?.toolCalls ?? 0,
    workedMs: input.resume?.workedMs ?? 0,
    overtime: false,
    acts: input.resume?.acts ?? [],
    hint: undefined,
    hinted: input.resume?.hinted ?? false,
    empties: 0,
    retries: 0,
    retryMs: 0,
    retryWhy: '',
    retryCode: undefined,
    question: input.resume?.waiting ?? '',
    reason: input.resume?.reason,
    over: undefined,
    granted: false,
    approvals: [],
    decided: [],
    round: input.resume?.judgement?.round ?? 0,
    revisions: input.resume?.judgement?.revisions ?? 0,
    isJudging: input.resume?.judgement?.isOpen ?? false,
    sentBack: false,
    judged: undefined,
    end: undefined,
  }),
  initial: 'routing',
  on: {
    'run.inject': { actions: assign({ injected: ({ context }) => context.injected + 1 }) },
    'run.stop': { target: '.ending', actions: assign({ end: ({ event }) => ({ reason: event.reason }) }) },
    'run.decided': { actions: 'decide' },
  },
  states: {
    // A restarted run differs from a new run only in its input.
    routing: {
      always: [
        { guard: 'isWaiting', target: 'waiting.open' },
        { guard: 'isResumed', target: 'parked' },
        { target: 'working' },
      ],
    },
    // Entered only by a restored run that is waiting for a slot.
    parked: { on: { 'run.answer': 'working' } },
    working: {
      initial: 'deciding',
      after: { wall: { actions: assign({ overtime: true }) } },
      states: {
        deciding: {
          always: [
            { guard: 'hasCalls', target: 'calling' },
            { guard: 'isJudging', target: 'judging' },
            { guard: 'isStuckAgain', target: '#run.waiting', actions: 'askStuck' },
            { guard: 'isStuck', target: 'hinting', actions: 'hintStuck' },
            { guard: 'isSpent', target: '#run.waiting', actions: 'askBudget' },
            { guard: 'needsPlan', target: 'planning' },
            { guard: 'needsReplan', target: 'replanning' },
            { guard: 'needsAct', target: 'acting' },
            { guard: 'needsSummary', target: 'summarizing' },
            { target: 'claiming' },
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
          entry: assign({ decided: [] }),
          invoke: {
            id: 'calls',
            src: 'calls',
            input: ({ context }) => ({
              ...whose(context),
              calls: context.calls,
              answered: context.answered,
              budget: toRunBudgetLines(context),
            }),
            onDone: [
              {
                guard: { type: 'asks', params: outcomes },
                target: '#run.waiting',
                actions: { type: 'called', params: outcomes },
              },
              { target: 'deciding', actions: { type: 'called', params: outcomes } },
            ],
            onError: crashed,
          },
        },
        hinting: {
          invoke: {
            id: 'notice',
            src: 'notice',
            input: ({ context }) => ({
              ...whose(context),
              kind: 'stuck',
              detail: `The agent is repeating itself: ${explainStuckRun(context.acts, context.policy.stuck)}. It will try something else.`,
            }),
            onDone: { target: 'deciding', actions: assign({ hinted: true, acts: [] }) },
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
                onDone: [...turnExits('claiming')],
                onError: [...turnCrashed],
              },
            },
            backingOff,
          },
        },
        claiming: {
          always: [
            { guard: 'hasUnseen', target: 'deciding' },
            { guard: 'needsJudging', target: 'judging' },
            { target: 'finishing' },
          ],
        },
        judging: {
          initial: 'asking',
          entry: 'beginRound',
          states: {
            asking: {
              invoke: {
                id: 'judge',
                src: 'judge',
                input: ({ context }) => judgeInput(context),
                onDone: [
                  {
                    guard: { type: 'mayRetry', params: result },
                    target: 'backingOff',
                    actions: { type: 'scheduleRetry', params: result },
                  },
                  asking('unaffordable', 'askMore'),
                  {
                    guard: { type: 'goesBack', params: result },
                    target: '#run.working.deciding',
                    actions: { type: 'take', params: result },
                  },
                  { target: '#run.working.finishing', actions: { type: 'take', params: result } },
                ],
                onError: crashed,
              },
            },
            backingOff,
          },
        },
        // Asks the session, because only it knows whether another message is coming.
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
            input: ({ context }) => {
              const { question, reason, over, approvals } = context;
              return { ...whose(context), question, reason, over, approvals };
            },
            onDone: 'open',
            onError: crashed,
          },
        },
        open: { entry: 'tellQuestionLogged' },
      },
    },
    ending: {
      entry: 'tellEnding',
      on: { 'run.stop': {}, 'run.inject': {} },
      invoke: {
        id: 'end',
        src: 'end',
        input: ({ context }) => endInput(context),
        onDone: 'ended',
        onError: 'ended', // log entries that are still open are closed when the session next starts
      },
      after: { stopGrace: 'closing' },
    },
    // Logs the run's end before any later event, even if the sandbox hangs.
    closing: {
      on: { 'run.stop': {}, 'run.inject': {} },
      invoke: {
        id: 'close',
        src: 'close',
        input: ({ context }) => endInput(context),
        onDone: 'ended',
        onError: 'ended',
      },
      after: { closeGrace: 'ended' },
    },
    ended: { type: 'final' },
  },
  output: ({ context }) => withGoalAssessment(context),
});
