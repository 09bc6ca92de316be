import { assign, raise } from 'xstate';
import {
  answerApproval,
  answerIt,
  answerReleases,
  answerUnread,
  begin,
  decide,
  dismiss,
  distrustIt,
  doneWithSandbox,
  dropQueue,
  endOrphans,
  enqueueRun,
  expire,
  forgetVerdict,
  forwardSlot,
  gone,
  goOn,
  injectIt,
  isQuiet,
  leave,
  noteApproval,
  noteEnd,
  notePhase,
  noteUntrusted,
  nothingToRelease,
  pauseIt,
  refuseDecided,
  refuseDistrusted,
  refuseFull,
  refuseGone,
  refusePause,
  refuseWaiters,
  releasedFact,
  runBroke,
  runEnded,
  runInput,
  sandboxIsReady,
  stopRuns,
  supersede,
  touched,
  useSandbox,
} from './session-actions.ts';
import { sessionSetup } from './session-setup.ts';

export type {
  Answer,
  QueuedRun,
  SessionCommand,
  SessionInput,
  SlotKind,
  SlotNews,
} from './session-types.ts';

export const sessionMachine = sessionSetup.createMachine({
  id: 'session',
  context: ({ input }) => ({
    ...input,
    distrusted: input.distrusted ?? false,
    queue: input.runs,
    active: undefined,
    approval: undefined,
    verdict: undefined,
    forwarded: 0,
    ending: false,
    dropped: [],
    stops: [],
    deletes: [],
    releases: [],
    goes: input.deleting,
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
                { guard: 'goes', target: 'closed' },
                // The run started before a restart and waits for a slot. A stop closes its open entries; a message is
                // injected into it.
                { guard: 'isResumedApproving', target: 'active.approving', actions: begin },
                { guard: 'isResumedWaiting', target: 'active.waiting', actions: begin },
                { guard: 'hasBegun', target: 'active.requeued', actions: begin },
                { guard: 'hasQueued', target: 'queued' },
                { target: 'idle' },
              ],
            },
            idle: {
              always: { guard: 'hasQueued', target: 'queued' },
              on: {
                'cmd.send': { target: 'queued', actions: enqueueRun },
                'cmd.touch': { target: 'idle', reenter: true, actions: touched },
                'sandbox.gone': { target: 'idle', reenter: true },
                'cmd.stop': { actions: dropQueue('stopped') },
                'cmd.delete': { target: 'closed', actions: dropQueue('deleted') },
              },
              after: {
                passivate: {
                  guard: ({ context }) => !context.isPresent && isQuiet(context),
                  target: '#session.passivated',
                },
              },
            },
            // Waits for a slot among the running runs.
            queued: {
              entry: { type: 'request', params: { slot: 'run' } },
              on: {
                'slot.granted': { guard: ({ event }) => event.slot === 'run', target: 'active', actions: begin },
                'cmd.send': [{ guard: 'isFull', actions: refuseFull }, { actions: enqueueRun }],
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
                input: ({ context }) => runInput(context),
                onDone: [
                  { guard: 'goes', target: 'closed', actions: runEnded },
                  { target: 'idle', actions: runEnded },
                ],
                onError: [
                  { guard: 'goes', target: 'closed', actions: [endOrphans('run'), runBroke, runEnded] },
                  { target: 'idle', actions: [endOrphans('run'), runBroke, runEnded] },
                ],
              },
              on: {
                'cmd.stop': { target: '.stopping', actions: stopRuns('stopped') },
                'cmd.delete': { target: '.stopping', actions: stopRuns('deleted') },
                'run.wantsToEnd': { actions: leave },
                'run.ending': '.stopping',
                'cmd.send': [
                  { guard: 'floods', actions: refuseFull },
                  { guard: 'injects', actions: injectIt },
                  { guard: 'isFull', actions: refuseFull },
                  { guard: 'replaces', target: '.stopping', actions: [enqueueRun, supersede()] },
                  { actions: enqueueRun },
                ],
              },
              states: {
                working: {
                  on: {
                    'run.waiting': [
                      { guard: 'isForLeave', target: 'approving', actions: noteApproval },
                      { target: 'waiting' },
                    ],
                  },
                },
                // A waiting run holds no slot: its answer can take days.
                waiting: {
                  entry: { type: 'release', params: { slot: 'run' } },
                  // Accepted even if the queue is full: the queued runs wait for this answer.
                  on: {
                    'cmd.send': { target: 'requeued', actions: answerIt },
                    // The message was sent before the question and no turn has read it, so it counts as the answer.
                    'run.asked': { guard: 'hasUnread', target: 'requeued', actions: answerUnread },
                  },
                },
                // The call waits for a decision, by message or by command, until the approval expires.
                approving: {
                  entry: { type: 'release', params: { slot: 'run' } },
                  on: {
                    'cmd.send': { target: 'requeued', actions: answerApproval },
                    'cmd.decide': { guard: 'isAwaited', target: 'requeued', actions: decide },
                  },
                  after: { approval: { target: 'requeued', actions: expire } },
                },
                requeued: {
                  entry: { type: 'request', params: { slot: 'run' } },
                  on: {
                    'slot.granted': {
                      guard: ({ event }) => event.slot === 'run',
                      target: 'working',
                      actions: [goOn(), forgetVerdict],
                    },
                  },
                },
                // The run is ending, stopped or by itself, and accepts no more messages.
                stopping: {
                  entry: assign({ ending: true }),
                  on: {
                    'cmd.send': [
                      { guard: 'goes', actions: refuseGone },
                      { guard: 'isFull', actions: refuseFull },
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
          on: { 'sandbox.done': { actions: doneWithSandbox('elsewhere') } },
          states: {
            routing: {
              always: [
                { guard: 'goes', target: 'removing' },
                { guard: 'wantsStart', target: 'present' },
                { target: 'absent' },
              ],
            },
            absent: {
              entry: [
                assign({ sandbox: 'absent', isPresent: false, uses: [] }), // its users have lost it
                raise({ type: 'sandbox.gone' }),
              ],
              always: { guard: 'isWanted', target: 'present' },
              on: {
                'sandbox.use': [
                  { guard: 'goes', actions: refuseGone },
                  { guard: 'isDistrusted', actions: refuseDistrusted },
                  { actions: assign({ waiters: ({ context, event }) => [...context.waiters, event.commandId] }) },
                ],
                'sandbox.stop': { actions: nothingToRelease },
                'run.closed': 'removing',
              },
            },
            present: {
              entry: assign({ isPresent: true, arrived: ({ context }) => context.sandbox === 'adopt' }),
              exit: [assign({ isReady: false }), { type: 'release', params: { slot: 'start' } }, answerReleases],
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
                      context.goes && output.kind === 'released' && output.workspace === 'remove' && !output.unfinished,
                    target: 'removed',
                    actions: refuseWaiters(() => gone),
                  },
                  { guard: 'goes', target: 'removing', actions: refuseWaiters(() => gone) },
                  {
                    guard: ({ event }) => event.output.kind === 'failed',
                    target: 'absent',
                    actions: [
                      noteEnd,
                      refuseWaiters((end) =>
                        end.kind === 'failed'
                          ? end
                          : { code: 'sandbox_unavailable', message: 'The sandbox did not start.' },
                      ),
                    ],
                  },
                  { guard: ({ event }) => event.output.kind === 'lost', target: 'absent' }, // provisioned again when needed
                  {
                    target: 'absent',
                    actions: [{ type: 'record', params: ({ context }) => ({ facts: [releasedFact(context)] }) }],
                  },
                ],
                onError: [
                  { guard: 'goes', target: 'removing', actions: [endOrphans('sandbox'), refuseWaiters(() => gone)] },
                  {
                    target: 'absent',
                    actions: [
                      endOrphans('sandbox'),
                      refuseWaiters(() => ({ code: 'internal', message: 'The sandbox could not be held.' })),
                    ],
                  },
                ],
              },
              on: {
                'sandbox.use': { actions: useSandbox },
                'sandbox.done': { actions: doneWithSandbox('present') },
                'sandbox.wantsSlot': { actions: { type: 'request', params: { slot: 'start' } } },
                'slot.granted': { guard: ({ event }) => event.slot === 'start', actions: forwardSlot() },
                'sandbox.phase': { actions: notePhase },
                'sandbox.ready': { actions: sandboxIsReady },
                'sandbox.untrusted': { actions: noteUntrusted },
                'sandbox.distrust': { actions: [distrustIt(), touched] },
                'sandbox.unready': {
                  actions: [assign({ isReady: false }), { type: 'release', params: { slot: 'start' } }],
                },
                'sandbox.unwanted': {
                  actions: [
                    refuseWaiters(() => ({ code: 'cancelled', message: 'The run was stopped.' })),
                    dismiss('keep'),
                  ],
                },
                'sandbox.stop': {
                  actions: [
                    assign({ releases: ({ context, event }) => [...context.releases, event.commandId] }),
                    refuseWaiters(() => ({ code: 'cancelled', message: 'The sandbox was stopped.' })),
                    dismiss('keep'),
                  ],
                },
                'sandbox.pause': { actions: pauseIt },
                'run.closed': { actions: dismiss('remove') },
              },
            },
            // A stopped sandbox still has its workspace.
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
              on: { 'sandbox.use': { actions: refuseGone } },
            },
            removed: { type: 'final' },
          },
        },
      },
      on: {
        'cmd.touch': [{ guard: 'goes', actions: refuseGone }, { actions: touched }],
        'cmd.send': { actions: refuseGone },
        'cmd.stop': { actions: refuseGone },
        'cmd.decide': [{ guard: 'goes', actions: refuseGone }, { actions: refuseDecided }],
        'cmd.delete': {
          actions: assign({ deletes: ({ context, event }) => [...context.deletes, event.commandId] }),
        },
        'sandbox.use': { actions: refuseGone },
        'sandbox.stop': { actions: refuseGone },
        'sandbox.pause': { actions: refusePause },
        'sandbox.permit': [
          { guard: 'goes', actions: refuseGone },
          { actions: [assign({ distrusted: false }), touched] },
        ],
        'sandbox.distrust': { actions: touched }, // the sandbox is gone already
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
  output: ({ context }) => (context.goes ? 'deleted' : 'passivated'),
});
