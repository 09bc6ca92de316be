import { assign, raise } from 'xstate';
import {
  abandonCrashedRun,
  acknowledgeCommand,
  acquireSandbox,
  answerApproval,
  answerQuestion,
  answerSandboxWaiters,
  applyCallDecisions,
  beginRun,
  continueRun,
  decideRunEnd,
  distrustSandbox,
  dropQueue,
  enqueueRun,
  expireApprovals,
  finishRun,
  forgetVerdicts,
  forwardSlotGrant,
  injectMessage,
  isSessionIdle,
  markSandboxIdle,
  markUntrusted,
  pauseSandbox,
  recordPhase,
  recordRunResumed,
  recordUntrustedSandbox,
  rejectDeleted,
  rejectPause,
  rejectQueueFull,
  rejectSandboxWaiters,
  rejectStaleDecision,
  rejectUntrustedSandbox,
  releaseSandbox,
  resolveNoopRelease,
  resolveReleases,
  sessionDeletingError,
  stopOrphanedActors,
  stopRuns,
  stopUsingSandbox,
  supersedeRun,
  toReleasedFact,
  toRunInput,
  updateApprovals,
} from './session-actions.ts';
import { sessionSetup } from './session-setup.ts';

export type {
  CommandAnswer,
  QueuedRun,
  SessionCommand,
  SessionInput,
  SlotEvent,
  SlotKind,
} from './session-types.ts';

export const sessionMachine = sessionSetup.createMachine({
  id: 'session',
  context: ({ input }) => ({
    ...input,
    distrusted: input.distrusted ?? false,
    queue: input.runs,
    active: undefined,
    approvals: [],
    verdicts: {},
    forwarded: 0,
    ending: false,
    dropped: [],
    stops: [],
    deletes: [],
    releases: [],
    isDeleting: input.deleting,
    uses: [],
    waiters: [],
    isPresent: false,
    isReady: false,
    arrived: false,
  }),
  initial: 'live',
  states: {
    live: {
      type: 'parallel',
      onDone: 'deleted',
      states: {
        run: {
          initial: 'routing',
          states: {
            routing: {
              always: [
                { guard: 'isDeleting', target: 'closed' },
                { guard: 'isResumedApproving', target: 'active.approving', actions: beginRun },
                { guard: 'isResumedWaiting', target: 'active.waiting', actions: beginRun },
                { guard: 'hasBegun', target: 'active.requeued', actions: beginRun },
                { guard: 'hasQueued', target: 'queued' },
                { target: 'idle' },
              ],
            },
            idle: {
              always: { guard: 'hasQueued', target: 'queued' },
              on: {
                'cmd.send': { target: 'queued', actions: enqueueRun },
                'cmd.touch': { target: 'idle', reenter: true, actions: acknowledgeCommand },
                'sandbox.gone': { target: 'idle', reenter: true },
                'cmd.stop': { actions: dropQueue('stopped') },
                'cmd.delete': { target: 'closed', actions: dropQueue('deleted') },
              },
              after: {
                passivate: {
                  guard: ({ context }) => !context.isPresent && isSessionIdle(context),
                  target: '#session.passivated',
                },
              },
            },
            queued: {
              entry: { type: 'request', params: { slot: 'run' } },
              on: {
                'slot.granted': { guard: ({ event }) => event.slot === 'run', target: 'active', actions: beginRun },
                'cmd.send': [{ guard: 'isFull', actions: rejectQueueFull }, { actions: enqueueRun }],
                'cmd.stop': {
                  target: 'idle',
                  actions: [dropQueue('stopped'), { type: 'release', params: { slot: 'run' } }],
                },
                'cmd.delete': {
                  target: 'closed',
                  actions: [dropQueue('deleted'), { type: 'release', params: { slot: 'run' } }],
                },
              },
            },
            active: {
              initial: 'working',
              exit: { type: 'release', params: { slot: 'run' } },
              invoke: {
                id: 'run',
                src: 'run',
                input: ({ context }) => toRunInput(context),
                onDone: [
                  { guard: 'isDeleting', target: 'closed', actions: finishRun },
                  { target: 'idle', actions: finishRun },
                ],
                onError: [
                  {
                    guard: 'isDeleting',
                    target: 'closed',
                    actions: [stopOrphanedActors('run'), abandonCrashedRun, finishRun],
                  },
                  { target: 'idle', actions: [stopOrphanedActors('run'), abandonCrashedRun, finishRun] },
                ],
              },
              on: {
                'cmd.stop': { target: '.stopping', actions: stopRuns('stopped') },
                'cmd.delete': { target: '.stopping', actions: stopRuns('deleted') },
                'run.wantsToEnd': { actions: decideRunEnd },
                'run.ending': '.stopping',
                'cmd.send': [
                  { guard: 'isQueueFlooded', actions: rejectQueueFull },
                  { guard: 'injects', actions: injectMessage },
                  { guard: 'isFull', actions: rejectQueueFull },
                  { guard: 'replaces', target: '.stopping', actions: [enqueueRun, supersedeRun()] },
                  { actions: enqueueRun },
                ],
              },
              states: {
                working: {
                  on: {
                    'run.waiting': [
                      { guard: 'needsApproval', target: 'approving', actions: updateApprovals },
                      { target: 'waiting', actions: updateApprovals },
                    ],
                    'cmd.decide': { guard: 'isAwaited', actions: applyCallDecisions('works') },
                  },
                },
                // Holds no slot, because the answer may take days.
                waiting: {
                  entry: { type: 'release', params: { slot: 'run' } },
                  // Messages are accepted even if the queue is full, because queued runs wait for this answer.
                  on: {
                    'cmd.send': { guard: 'hasNoGoal', target: 'requeued', actions: answerQuestion },
                    // A message that no turn has included yet serves as the answer.
                    'run.questionLogged': { guard: 'hasUnread', target: 'requeued', actions: recordRunResumed },
                  },
                },
                approving: {
                  entry: { type: 'release', params: { slot: 'run' } },
                  on: {
                    'cmd.send': { guard: 'hasNoGoal', target: 'requeued', actions: answerApproval },
                    'cmd.decide': { guard: 'isAwaited', target: 'requeued', actions: applyCallDecisions('waits') },
                  },
                  after: { approval: { target: 'requeued', actions: expireApprovals } },
                },
                requeued: {
                  entry: { type: 'request', params: { slot: 'run' } },
                  on: {
                    'slot.granted': {
                      guard: ({ event }) => event.slot === 'run',
                      target: 'working',
                      actions: [continueRun(), forgetVerdicts],
                    },
                    'cmd.decide': { guard: 'isAwaited', actions: applyCallDecisions('waitsForSlot') },
                  },
                },
                stopping: {
                  entry: assign({ ending: true }),
                  on: {
                    'cmd.send': [
                      { guard: 'isDeleting', actions: rejectDeleted },
                      { guard: 'isFull', actions: rejectQueueFull },
                      { actions: enqueueRun },
                    ],
                    'run.waiting': {},
                  },
                },
              },
            },
            closed: { entry: raise({ type: 'run.closed' }), type: 'final' },
          },
        },
        sandbox: {
          initial: 'routing',
          on: { 'sandbox.done': { actions: stopUsingSandbox('elsewhere') } },
          states: {
            routing: {
              always: [
                { guard: 'isDeleting', target: 'removing' },
                { guard: 'wantsStart', target: 'present' },
                { target: 'absent' },
              ],
            },
            absent: {
              entry: [
                assign({ sandbox: 'absent', isPresent: false, uses: [] }), // losing the sandbox ends all uses of it
                raise({ type: 'sandbox.gone' }),
              ],
              always: { guard: 'hasWaiters', target: 'present' },
              on: {
                'sandbox.use': [
                  { guard: 'isDeleting', actions: rejectDeleted },
                  { guard: 'isDistrusted', actions: rejectUntrustedSandbox },
                  { actions: assign({ waiters: ({ context, event }) => [...context.waiters, event.commandId] }) },
                ],
                'sandbox.stop': { actions: resolveNoopRelease },
                'run.closed': 'removing',
              },
            },
            present: {
              entry: assign({ isPresent: true, arrived: ({ context }) => context.sandbox === 'adopt' }),
              exit: [assign({ isReady: false }), { type: 'release', params: { slot: 'start' } }, resolveReleases],
              invoke: {
                id: 'sandbox',
                src: 'sandbox',
                input: ({ context: { sessionId, sandboxId, sandbox, sandboxLivedMs, sandboxPolicy: policy } }) => ({
                  sessionId,
                  sandboxId,
                  ...(sandbox === 'adopt' || sandbox === 'discard'
                    ? { begin: sandbox, livedMs: sandboxLivedMs ?? 0 }
                    : { begin: 'provision' as const }),
                  policy,
                }),
                onDone: [
                  {
                    guard: ({ context, event: { output } }) =>
                      context.isDeleting &&
                      output.kind === 'released' &&
                      output.workspace === 'remove' &&
                      !output.unfinished,
                    target: 'removed',
                    actions: rejectSandboxWaiters(() => sessionDeletingError),
                  },
                  {
                    guard: 'isDeleting',
                    target: 'removing',
                    actions: rejectSandboxWaiters(() => sessionDeletingError),
                  },
                  {
                    guard: ({ event }) => event.output.kind === 'failed',
                    target: 'absent',
                    actions: [
                      markUntrusted,
                      rejectSandboxWaiters((end) =>
                        end.kind === 'failed'
                          ? end
                          : { code: 'sandbox_unavailable', message: 'The sandbox did not start.' },
                      ),
                    ],
                  },
                  { guard: ({ event }) => event.output.kind === 'lost', target: 'absent' },
                  {
                    target: 'absent',
                    actions: [{ type: 'record', params: ({ context }) => ({ facts: [toReleasedFact(context)] }) }],
                  },
                ],
                onError: [
                  {
                    guard: 'isDeleting',
                    target: 'removing',
                    actions: [stopOrphanedActors('sandbox'), rejectSandboxWaiters(() => sessionDeletingError)],
                  },
                  {
                    target: 'absent',
                    actions: [
                      stopOrphanedActors('sandbox'),
                      rejectSandboxWaiters(() => ({
                        code: 'internal',
                        message: 'The sandbox could not be kept running.',
                      })),
                    ],
                  },
                ],
              },
              on: {
                'sandbox.use': { actions: acquireSandbox },
                'sandbox.done': { actions: stopUsingSandbox('present') },
                'sandbox.wantsSlot': { actions: { type: 'request', params: { slot: 'start' } } },
                'slot.granted': { guard: ({ event }) => event.slot === 'start', actions: forwardSlotGrant() },
                'sandbox.phase': { actions: recordPhase },
                'sandbox.ready': { actions: answerSandboxWaiters },
                'sandbox.untrusted': { actions: recordUntrustedSandbox },
                'sandbox.distrust': { actions: [distrustSandbox(), acknowledgeCommand] },
                'sandbox.unready': {
                  actions: [assign({ isReady: false }), { type: 'release', params: { slot: 'start' } }],
                },
                'sandbox.unwanted': {
                  actions: [
                    rejectSandboxWaiters(() => ({ code: 'cancelled', message: 'The run was stopped.' })),
                    releaseSandbox('keep'),
                  ],
                },
                'sandbox.stop': {
                  actions: [
                    assign({ releases: ({ context, event }) => [...context.releases, event.commandId] }),
                    rejectSandboxWaiters(() => ({ code: 'cancelled', message: 'The sandbox was stopped.' })),
                    releaseSandbox('keep'),
                  ],
                },
                'sandbox.pause': { actions: pauseSandbox },
                'sandbox.rest': { actions: markSandboxIdle() },
                'run.closed': { actions: releaseSandbox('remove') },
              },
            },
            // A stopped sandbox still has a workspace.
            removing: {
              invoke: {
                id: 'sandbox',
                src: 'sandbox',
                input: ({ context: { sessionId, sandboxId, sandboxPolicy: policy } }) => ({
                  sessionId,
                  sandboxId,
                  begin: 'release' as const,
                  policy,
                }),
                onDone: 'removed',
                onError: 'removed',
              },
              on: { 'sandbox.use': { actions: rejectDeleted } },
            },
            removed: { type: 'final' },
          },
        },
      },
      on: {
        'cmd.touch': [{ guard: 'isDeleting', actions: rejectDeleted }, { actions: acknowledgeCommand }],
        'cmd.send': { actions: rejectDeleted },
        'cmd.stop': { actions: rejectDeleted },
        'cmd.decide': [{ guard: 'isDeleting', actions: rejectDeleted }, { actions: rejectStaleDecision }],
        'cmd.delete': {
          actions: assign({ deletes: ({ context, event }) => [...context.deletes, event.commandId] }),
        },
        'sandbox.use': { actions: rejectDeleted },
        'sandbox.stop': { actions: rejectDeleted },
        'sandbox.pause': { actions: rejectPause },
        'sandbox.permit': [
          { guard: 'isDeleting', actions: rejectDeleted },
          { actions: [assign({ distrusted: false }), acknowledgeCommand] },
        ],
        'sandbox.distrust': { actions: acknowledgeCommand },
      },
    },
    deleted: {
      entry: {
        type: 'answer',
        params: ({ context }) => ({ commandIds: context.deletes, answer: { ok: true, value: undefined } }),
      },
      type: 'final',
    },
    passivated: { type: 'final' },
  },
  output: ({ context }) => (context.isDeleting ? 'deleted' : 'passivated'),
});
