import { assign, type DoneActorEvent, type ErrorActorEvent, raise, sendParent, setup } from 'xstate';
import type { ErrorCode } from '../src/core/errors.ts';
import type { RunEndReason, SessionFact } from '../src/core/events.ts';
import type { MessageId, RunId, SandboxId, SessionId } from '../src/core/ids.ts';
import { childrenOf, stopIt } from './orphans.ts';
import { type RunInput, type RunNews, type RunPolicy, type RunResume, runMachine } from './run.ts';
import { type SandboxEnd, type SandboxNews, type SandboxPolicy, sandboxMachine } from './sandbox.ts';

/** What the log says about the session so far; a restart differs from a start only in this. */
export interface SessionInput {
  readonly sessionId: SessionId;
  readonly sandboxId: SandboxId;
  readonly runPolicy: RunPolicy;
  readonly sandboxPolicy: SandboxPolicy;
  readonly passivateMs: number;
  readonly maxQueued: number;
  readonly sandbox: 'absent' | 'start' | 'adopt';
  /** How long the sandbox to adopt has lived already: its ttl goes on where it stood. */
  readonly sandboxLivedMs?: number;
  /** The tombstone stands: all that is left to do is to clean up. */
  readonly deleting: boolean;
  /** Runs that have not ended, in order; the first may have begun. */
  readonly runs: readonly QueuedRun[];
}
export interface QueuedRun {
  readonly runId: RunId;
  readonly task: string;
  readonly messageId: MessageId;
  /** It had begun before a restart. */
  readonly resume: RunResume | undefined;
  /** How its session worked when it was asked for; without it, as when the session came into memory. */
  readonly plans?: boolean;
}

/** What somebody wants; each is answered once, by its `commandId`. */
export type SessionCommand =
  | {
      type: 'cmd.send';
      commandId: string;
      mode: 'inject' | 'queue' | 'replace';
      text: string;
      attachments: readonly string[];
      clientTimestamp: number | undefined;
      messageId: MessageId;
      /** Of the run that the message starts, if it starts one. */
      runId: RunId;
      plans?: boolean;
    }
  | { type: 'cmd.stop'; commandId: string }
  | { type: 'cmd.delete'; commandId: string }
  /** Wants the session in memory, nothing else. */
  | { type: 'cmd.touch'; commandId: string }
  /** Wants the sandbox ready, and counts as its user until `sandbox.done`. */
  | { type: 'sandbox.use'; commandId: string }
  | { type: 'sandbox.done'; commandId: string }
  /** Ends the sandbox and keeps its files; answered with `stopped` once it is gone. */
  | { type: 'sandbox.stop'; commandId: string };
export type SlotKind = 'run' | 'start';
export type SessionEventIn =
  | SessionCommand
  | { type: 'slot.granted'; slot: SlotKind }
  | { type: 'run.closed' } // to ourselves: the sandbox may go
  | { type: 'sandbox.gone' } // to ourselves: from now on nothing but work keeps the session in memory
  | { type: 'sandbox.unwanted' } // to ourselves: what it was started for is stopped
  | RunNews
  | SandboxNews;
/** What a session asks of its supervisor. */
export type SlotNews = { type: 'slot.request' | 'slot.release'; id: SessionId; slot: SlotKind };

export type Answer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };
interface Recording {
  readonly facts: readonly SessionFact[];
  /** Answered once the facts are durable, with the seq of the first. */
  readonly answer?: { readonly commandId: string; readonly messageId: MessageId; readonly runId: RunId };
  /** Stops: answered once what they ended is durable, or it would go on after a crash. */
  readonly stops?: { readonly commandIds: readonly string[]; readonly value: { readonly stopped: boolean } };
}
type Send = Extract<SessionCommand, { type: 'cmd.send' }>;

interface SessionContext extends SessionInput {
  queue: readonly QueuedRun[];
  active: QueuedRun | undefined;
  forwarded: number; // messages injected into the active run
  ending: boolean; // the active run was given leave to end: it takes no more messages
  dropped: readonly QueuedRun[]; // to be ended with the active run
  stops: readonly string[]; // commands to answer when the run has ended
  deletes: readonly string[];
  releases: readonly string[]; // commands to answer when the sandbox is gone
  goes: boolean; // being deleted
  uses: readonly string[]; // users of a ready sandbox
  waiters: readonly string[]; // who waits for it
  isPresent: boolean;
  isReady: boolean;
  arrived: boolean; // it was ready once: more than the work of one run may be in it
}

const sessionSetup = setup({
  types: {
    context: {} as SessionContext,
    input: {} as SessionInput,
    events: {} as SessionEventIn | DoneActorEvent | ErrorActorEvent,
    output: {} as 'deleted' | 'passivated',
  },
  actors: { run: runMachine, sandbox: sandboxMachine },
  delays: { passivate: ({ context }) => context.passivateMs },
  guards: {
    goes: ({ context }) => context.goes,
    hasQueued: ({ context }) => context.queue.length > 0,
    isResumedWaiting: ({ context }) => context.runs[0]?.resume?.waiting !== undefined,
    hasBegun: ({ context }) => context.runs[0]?.resume !== undefined,
    isFull: ({ context }) => context.queue.length >= context.maxQueued,
    floods: ({ context, event }) =>
      event.type === 'cmd.send' &&
      event.mode === 'inject' &&
      !context.ending &&
      context.forwarded >= context.maxQueued * 10,
    injects: ({ context, event }) => event.type === 'cmd.send' && event.mode === 'inject' && !context.ending,
    replaces: ({ context, event }) => event.type === 'cmd.send' && event.mode === 'replace' && !context.ending,
    isWanted: ({ context }) => context.waiters.length > 0 && !context.goes,
    wantsStart: ({ context }) => context.sandbox !== 'absent',
  },
  actions: {
    /** Appends to the log, in the order of the calls; never throws. */
    record: (_, _recording: Recording): void => {
      throw new Error('action "record" was not provided');
    },
    /** Answers commands. */
    answer: (_, _answers: { commandIds: readonly string[]; answer: Answer }): void => {
      throw new Error('action "answer" was not provided');
    },
    /** The run's actor broke: closes what it left open in the log. */
    abandon: (_, _broken: { run: QueuedRun; error: unknown }): void => {
      throw new Error('action "abandon" was not provided');
    },
    request: sendParent(
      ({ context }, { slot }: { slot: SlotKind }): SlotNews => ({ type: 'slot.request', id: context.sessionId, slot }),
    ),
    release: sendParent(
      ({ context }, { slot }: { slot: SlotKind }): SlotNews => ({ type: 'slot.release', id: context.sessionId, slot }),
    ),
  },
});

const own = sessionSetup;
const isSend = (event: { type: string }): event is Send => event.type === 'cmd.send';
const asked = (event: object): string[] => ('commandId' in event ? [String(event.commandId)] : []);
const stopped = (run: QueuedRun, reason: RunEndReason): SessionFact => ({
  type: 'run.end',
  runId: run.runId,
  data: { status: 'stopped', reason, task: run.task },
});
const userMessage = (event: Send, runId: RunId): SessionFact => ({
  type: 'message.user',
  runId,
  data: {
    messageId: event.messageId,
    text: event.text,
    attachments: [...event.attachments],
    ...(event.clientTimestamp === undefined ? {} : { clientTimestamp: event.clientTimestamp }),
  },
});

// Each of these first computes, then enqueues: inside enqueueActions the context stays the old one.

/** The message starts a run of its own, behind the others or, to replace, before them. */
const enqueueRun = own.enqueueActions(({ context, event, enqueue }) => {
  if (!isSend(event)) return;
  const { runId, text: task, messageId, commandId, plans } = event;
  const run: QueuedRun = { runId, task, messageId, resume: undefined, ...(plans !== undefined && { plans }) };
  enqueue.assign({ queue: event.mode === 'replace' ? [run, ...context.queue] : [...context.queue, run] });
  enqueue({ type: 'record', params: { facts: [userMessage(event, runId)], answer: { commandId, messageId, runId } } });
});

const injectIt = own.enqueueActions(({ context, event, enqueue }) => {
  if (!isSend(event) || !context.active) return;
  const { runId } = context.active;
  enqueue.assign({ forwarded: context.forwarded + 1 });
  enqueue({
    type: 'record',
    params: {
      facts: [userMessage(event, runId)],
      answer: { commandId: event.commandId, messageId: event.messageId, runId },
    },
  });
  enqueue.sendTo('run', { type: 'run.inject' });
});

const answerIt = own.enqueueActions(({ context, event, enqueue }) => {
  if (!isSend(event) || !context.active) return;
  const { runId } = context.active;
  const { messageId, commandId } = event;
  enqueue({
    type: 'record',
    params: {
      facts: [userMessage(event, runId), { type: 'run.resumed', runId, data: { messageId } }],
      answer: { commandId, messageId, runId },
    },
  });
});

const refuseFull = own.enqueueActions(({ event, enqueue }) => {
  const message = 'Too many messages wait in this session. Wait until it has worked through some.';
  enqueue({ type: 'answer', params: { commandIds: asked(event), answer: { ok: false, code: 'queue_full', message } } });
});

const begin = own.enqueueActions(({ context, enqueue }) => {
  const [run, ...queue] = context.queue;
  if (!run) return;
  enqueue.assign({ queue, active: run, forwarded: run.resume?.unseen ?? 0, ending: false });
  if (run.resume) return;
  const { runId, task, messageId } = run;
  enqueue({ type: 'record', params: { facts: [{ type: 'run.started', runId, data: { task, messageId } }] } });
});

/** Ends the active run, and the queued ones with it; whoever asked is answered when all have ended. */
const stopRuns = (reason: 'stopped' | 'deleted') =>
  own.enqueueActions(({ context, event, enqueue }) => {
    enqueue.assign({
      queue: [],
      dropped: [...context.dropped, ...context.queue],
      ...(reason === 'deleted'
        ? { goes: true, deletes: [...context.deletes, ...asked(event)] }
        : { stops: [...context.stops, ...asked(event)] }),
    });
    enqueue.sendTo('run', { type: 'run.stop', reason });
    // A sandbox that is still on its way was started for this work; its files stay.
    if (reason === 'stopped' && !context.arrived) enqueue.raise({ type: 'sandbox.unwanted' });
  });

const dropQueue = (reason: 'stopped' | 'deleted') =>
  own.enqueueActions(({ context, event, enqueue }) => {
    const facts = context.queue.map((run) => stopped(run, reason));
    enqueue.assign({
      queue: [],
      ...(reason === 'deleted' ? { goes: true, deletes: [...context.deletes, ...asked(event)] } : {}),
    });
    if (reason === 'deleted') return enqueue({ type: 'record', params: { facts } });
    const stops = { commandIds: asked(event), value: { stopped: facts.length > 0 } };
    enqueue({ type: 'record', params: { facts, stops } });
    if (context.queue.length > 0 && !context.arrived) enqueue.raise({ type: 'sandbox.unwanted' });
  });

const runEnded = own.enqueueActions(({ context, enqueue }) => {
  const reason = context.goes ? 'deleted' : 'stopped';
  const facts = context.dropped.map((run) => stopped(run, reason));
  const stops = { commandIds: context.stops, value: { stopped: true } };
  enqueue({ type: 'record', params: { facts, stops } });
  enqueue.assign({ active: undefined, forwarded: 0, ending: false, dropped: [], stops: [] });
});

/** What a crashed child had started ends with it. */
const endOrphans = (id: 'run' | 'sandbox') =>
  own.enqueueActions(({ enqueue, self }) => {
    for (const orphan of childrenOf(self, id)) enqueue.sendTo(orphan, stopIt);
  });

const runBroke = own.enqueueActions(({ context, event, enqueue }) => {
  if (!context.active || !('error' in event)) return;
  enqueue({ type: 'abandon', params: { run: context.active, error: event.error } });
});

const leave = own.enqueueActions(({ context, event, enqueue }) => {
  if (event.type !== 'run.wantsToEnd') return;
  const unread = context.forwarded > event.seen;
  enqueue.assign({ ending: !unread });
  enqueue.sendTo('run', { type: unread ? 'run.goOn' : 'run.mayEnd' });
});

const useSandbox = own.enqueueActions(({ context, event, enqueue }) => {
  if (event.type !== 'sandbox.use') return;
  enqueue.sendTo('sandbox', { type: 'sandbox.busy' });
  if (!context.isReady) return enqueue.assign({ waiters: [...context.waiters, event.commandId] });
  enqueue.assign({ uses: [...context.uses, event.commandId] });
  enqueue({ type: 'answer', params: { commandIds: [event.commandId], answer: { ok: true, value: undefined } } });
});

const sandboxIsReady = own.enqueueActions(({ context, enqueue }) => {
  const uses = [...context.uses, ...context.waiters];
  enqueue.assign({ isReady: true, arrived: true, waiters: [], uses });
  if (uses.length > 0) enqueue.sendTo('sandbox', { type: 'sandbox.busy' }); // who waited before it was there
  enqueue({ type: 'answer', params: { commandIds: context.waiters, answer: { ok: true, value: undefined } } });
  enqueue({ type: 'release', params: { slot: 'start' } });
});

/** `present`: a sandbox is there, to be told that nobody uses it any more. */
const doneWithSandbox = (sandbox: 'present' | 'elsewhere') =>
  own.enqueueActions(({ context, event, enqueue }) => {
    if (event.type !== 'sandbox.done') return;
    const uses = context.uses.filter((id) => id !== event.commandId);
    const waiters = context.waiters.filter((id) => id !== event.commandId);
    enqueue.assign({ uses, waiters });
    if (sandbox === 'present' && uses.length + waiters.length === 0)
      enqueue.sendTo('sandbox', { type: 'sandbox.idle' });
  });

const refusal = ({ code, message }: { code: ErrorCode; message: string }) => ({ code, message });

const refuseWaiters = (why: (end: SandboxEnd) => { code: ErrorCode; message: string }) =>
  own.enqueueActions(({ context, event, enqueue }) => {
    const end = (event as unknown as { output: SandboxEnd }).output;
    enqueue.assign({ waiters: [] });
    enqueue({ type: 'answer', params: { commandIds: context.waiters, answer: { ok: false, ...refusal(why(end)) } } });
  });

/** The run that a fact may still belong to: nothing of a run stands behind its end. */
const openRun = ({ active, ending }: SessionContext) => (active && !ending ? active.runId : null);

const notePhase = own.enqueueActions(({ context, event, enqueue }) => {
  if (event.type !== 'sandbox.phase') return;
  const { type, ...data } = event;
  enqueue({ type: 'record', params: { facts: [{ type, runId: openRun(context), data }] } });
  if (data.phase === 'paused' || data.phase === 'lost') enqueue.assign({ isReady: false });
});

const gone = { code: 'session_not_found', message: 'The session is being deleted.' } as const;
const refuseGone = own.enqueueActions(({ event, enqueue }) => {
  enqueue({ type: 'answer', params: { commandIds: asked(event), answer: { ok: false, ...gone } } });
});

const touched = own.enqueueActions(({ event, enqueue }) => {
  enqueue({ type: 'answer', params: { commandIds: asked(event), answer: { ok: true, value: undefined } } });
});

/** Whoever asked for the end of the sandbox has it. */
const answerReleases = own.enqueueActions(({ context, enqueue }) => {
  enqueue.assign({ releases: [] });
  const answer: Answer = { ok: true, value: { stopped: true } };
  enqueue({ type: 'answer', params: { commandIds: context.releases, answer } });
});

const nothingToRelease = own.enqueueActions(({ event, enqueue }) => {
  const answer: Answer = { ok: true, value: { stopped: false } };
  enqueue({ type: 'answer', params: { commandIds: asked(event), answer } });
});

const isQuiet = ({ active, queue, uses, waiters }: SessionContext): boolean =>
  active === undefined && queue.length + uses.length + waiters.length === 0;

const runInput = ({ sessionId, active, runPolicy }: SessionContext): RunInput => {
  const { runId, task, messageId, resume, plans = runPolicy.plans } = active as QueuedRun;
  return { sessionId, runId, task, messageId, policy: { ...runPolicy, plans }, resume };
};

const releasedFact = (context: SessionContext): SessionFact => ({
  type: 'sandbox.phase',
  runId: openRun(context),
  data: { phase: 'released', detail: 'its files are kept' },
});

/** To our children; each is there in the states that use these. */
const supersede = () => own.sendTo('run', { type: 'run.stop', reason: 'superseded' });
const goOn = () => own.sendTo('run', { type: 'run.answer' });
const forwardSlot = () => own.sendTo('sandbox', { type: 'slot.granted' });
const dismiss = (workspace: 'keep' | 'remove') => own.sendTo('sandbox', { type: 'sandbox.release', workspace });

export const sessionMachine = sessionSetup.createMachine({
  id: 'session',
  context: ({ input }) => ({
    ...input,
    queue: input.runs,
    active: undefined,
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
                // It had begun: a stop closes what it left open, a message goes into it, while it waits for its place.
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
            // Waits for a place among the runs that may work at once.
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
                working: { on: { 'run.waiting': 'waiting' } },
                // A waiting run holds no place: somebody may answer tomorrow.
                waiting: {
                  entry: { type: 'release', params: { slot: 'run' } },
                  // However full the queue is: what waits in it waits for this answer.
                  on: { 'cmd.send': { target: 'requeued', actions: answerIt } },
                },
                requeued: {
                  entry: { type: 'request', params: { slot: 'run' } },
                  on: {
                    'slot.granted': {
                      guard: ({ event }) => event.slot === 'run',
                      target: 'working',
                      actions: goOn(),
                    },
                  },
                },
                // It ends, by a stop or by itself, and takes nothing more.
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
                assign({ sandbox: 'absent', isPresent: false, uses: [] }), // who used it lost it
                raise({ type: 'sandbox.gone' }),
              ],
              always: { guard: 'isWanted', target: 'present' },
              on: {
                'sandbox.use': [
                  { guard: 'goes', actions: refuseGone },
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
                  ...(sandbox === 'adopt'
                    ? { begin: 'adopt' as const, livedMs: sandboxLivedMs ?? 0 }
                    : { begin: 'provision' as const }),
                  policy,
                }),
                onDone: [
                  { guard: 'goes', target: 'removing', actions: refuseWaiters(() => gone) },
                  {
                    guard: ({ event }) => event.output.kind === 'failed',
                    target: 'absent',
                    actions: refuseWaiters((end) =>
                      end.kind === 'failed'
                        ? end
                        : { code: 'sandbox_unavailable', message: 'The sandbox did not start.' },
                    ),
                  },
                  { guard: ({ event }) => event.output.kind === 'lost', target: 'absent' }, // wanted again: provisioned anew
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
                'run.closed': { actions: dismiss('remove') },
              },
            },
            // A sandbox that is stopped still has its workspace.
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
        'cmd.delete': {
          actions: assign({ deletes: ({ context, event }) => [...context.deletes, event.commandId] }),
        },
        'sandbox.use': { actions: refuseGone },
        'sandbox.stop': { actions: refuseGone },
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
