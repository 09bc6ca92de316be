import { type DoneActorEvent, type ErrorActorEvent, sendParent, setup } from 'xstate';
import { runMachine } from './run.ts';
import { sandboxMachine } from './sandbox.ts';
import { applyDecisions, listDecisions } from './session-decisions.ts';
import type {
  CommandAnswer,
  QueuedRun,
  RecordFactsParams,
  SessionContext,
  SessionInput,
  SessionMachineEvent,
  SlotEvent,
  SlotKind,
} from './session-types.ts';

export const sessionSetup = setup({
  types: {
    context: {} as SessionContext,
    input: {} as SessionInput,
    events: {} as SessionMachineEvent | DoneActorEvent | ErrorActorEvent,
    output: {} as 'deleted' | 'passivated',
  },
  actors: { run: runMachine, sandbox: sandboxMachine },
  delays: {
    passivate: ({ context }) => context.passivateMs,
    approval: ({ context }) => Math.min(...context.approvals.map(({ remainingMs }) => remainingMs), 2 ** 31 - 1),
  },
  guards: {
    hasUnread: ({ context, event }) => event.type === 'run.questionLogged' && context.forwarded > event.seen,
    isDeleting: ({ context }) => context.isDeleting,
    hasQueued: ({ context }) => context.queue.length > 0,
    isResumedWaiting: ({ context }) => context.runs[0]?.resume?.waiting !== undefined,
    isResumedApproving: ({ context }) => {
      const { waiting, approvals = [] } = context.runs[0]?.resume ?? {};
      return waiting !== undefined && approvals.length > 0;
    },
    needsApproval: ({ event }) => event.type === 'run.waiting' && (event.approvals ?? []).length > 0,
    isAwaited: ({ context, event }) =>
      event.type === 'cmd.decide' && applyDecisions(context.approvals, listDecisions(event)).taken.length > 0,
    hasBegun: ({ context }) => context.runs[0]?.resume !== undefined,
    isFull: ({ context }) => context.queue.length >= context.maxQueued,
    isQueueFlooded: ({ context, event }) =>
      event.type === 'cmd.send' &&
      event.mode === 'inject' &&
      !context.ending &&
      context.forwarded >= context.maxQueued * 10,
    injects: ({ context, event }) =>
      event.type === 'cmd.send' && event.mode === 'inject' && !event.goal && !context.ending,
    hasNoGoal: ({ event }) => event.type === 'cmd.send' && !event.goal,
    replaces: ({ context, event }) => event.type === 'cmd.send' && event.mode === 'replace' && !context.ending,
    hasWaiters: ({ context }) => context.waiters.length > 0 && !context.isDeleting,
    isDistrusted: ({ context }) => context.distrusted,
    wantsStart: ({ context }) => context.sandbox !== 'absent',
  },
  actions: {
    /** Appends to the log in call order; never throws. */
    record: (_, _recording: RecordFactsParams): void => {
      throw new Error('action "record" was not provided');
    },
    answer: (_, _answers: { commandIds: readonly string[]; answer: CommandAnswer }): void => {
      throw new Error('action "answer" was not provided');
    },
    abandon: (_, _broken: { run: QueuedRun; error: unknown }): void => {
      throw new Error('action "abandon" was not provided');
    },
    request: sendParent(
      ({ context }, { slot }: { slot: SlotKind }): SlotEvent => ({
        type: 'slot.request',
        id: context.sessionId,
        slot,
        ...(context.isChild && { isChild: true }),
        ...(context.owner !== undefined && { owner: context.owner }),
      }),
    ),
    release: sendParent(
      ({ context }, { slot }: { slot: SlotKind }): SlotEvent => ({
        type: 'slot.release',
        id: context.sessionId,
        slot,
      }),
    ),
  },
});
