import { assign, type EventObject, fromCallback, sendParent, setup } from 'xstate';
import { AppError, type ErrorCode, toAppError } from '../src/core/errors/errors.ts';
import type { SandboxId, SessionId } from '../src/core/model/ids.ts';
import {
  findProtocolViolation,
  type ProtocolViolationData,
  protocolViolationMessage,
  toProtocolError,
} from '../src/core/model/protocol-violation.ts';
import { createPlaceholderActor } from './unprovided.ts';

/** A lost sandbox is provisioned again with the same workspace. */
export interface SandboxInput {
  readonly sessionId: SessionId;
  readonly sandboxId: SandboxId;
  /** `adopt`: take over an earlier server's sandbox. `release`: only remove it. `discard`: remove it as untrusted. */
  readonly begin: 'provision' | 'adopt' | 'release' | 'discard';
  readonly policy: SandboxPolicy;
  readonly livedMs?: number;
}
export interface SandboxPolicy {
  readonly maxRetries: number;
  readonly backoffMs: (retry: number) => number;
  /** Idle time before a pause. Undefined: no pause when idle. */
  readonly idlePauseMs: number | undefined;
  readonly idleStopMs: number;
  /** Maximum lifetime in ms, whether or not the sandbox is in use. */
  readonly ttlMs: number;
  readonly releaseGraceMs: number;
}

export type SandboxEvent =
  | { type: 'slot.granted' }
  | { type: 'sandbox.busy' }
  | { type: 'sandbox.idle' }
  | { type: 'sandbox.pause' } // freeze the sandbox until its next use, even if it is in use now
  | { type: 'sandbox.rest' } // if unused: pause, or stop and keep the files
  | { type: 'sandbox.release'; workspace: 'keep' | 'remove' }
  | { type: 'sandbox.distrust'; breach: ProtocolViolationData }
  | SandboxLinkEvent;
export type SandboxLinkEvent =
  | { type: 'hold.ready'; ms: number }
  | { type: 'resource.closed' }
  | { type: 'resource.failed'; error: unknown };

export type SandboxNotice =
  | { type: 'sandbox.wantsSlot' }
  | {
      type: 'sandbox.phase';
      phase: 'queued' | 'starting' | 'ready' | 'pausing' | 'paused' | 'resuming' | 'resumed' | 'lost';
      detail?: string;
      ms?: number;
    }
  | { type: 'sandbox.ready' }
  | { type: 'sandbox.untrusted'; breach: ProtocolViolationData }
  /** The sandbox is being paused or released; callers must wait. */
  | { type: 'sandbox.unready' };

export type SandboxEnd =
  /** `unfinished`: the release failed or timed out, so the reconciler removes the leftovers. */
  | { readonly kind: 'released'; readonly workspace: 'keep' | 'remove'; readonly unfinished?: true }
  | { readonly kind: 'lost' }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string; readonly retryable: boolean };

interface SandboxContext extends SandboxInput {
  busy: boolean;
  /** Paused on request, until the next use. */
  frozen: boolean;
  retries: number;
  workspace: 'keep' | 'remove';
  end: SandboxEnd | undefined;
}

interface SandboxOwner {
  readonly sessionId: SessionId;
  readonly sandboxId: SandboxId;
}

interface SandboxRelease extends SandboxOwner {
  readonly workspace: 'keep' | 'remove';
  /** Set if the daemon is untrusted and must get no further requests. */
  readonly isDistrusted?: true;
}

const sandboxSetup = setup({
  types: {
    context: {} as SandboxContext,
    input: {} as SandboxInput,
    events: {} as SandboxEvent,
    output: {} as SandboxEnd,
  },
  actors: {
    provision: createPlaceholderActor<void, SandboxOwner>('provision'),
    /** Reports `hold.ready`, then ends with `resource.closed` or `resource.failed`. */
    hold: fromCallback<EventObject, SandboxOwner>(() => {
      throw new Error('actor "hold" was not provided');
    }),
    pause: createPlaceholderActor<void, SandboxOwner>('pause'),
    unpause: createPlaceholderActor<void, SandboxOwner>('unpause'),
    release: createPlaceholderActor<void, SandboxRelease>('release'),
  },
  delays: {
    retry: ({ context }) => context.policy.backoffMs(context.retries),
    idlePause: ({ context }) => context.policy.idlePauseMs ?? 0,
    idleStop: ({ context }) => context.policy.idleStopMs,
    ttl: ({ context: { policy, livedMs = 0 } }) => Math.max(0, Math.min(policy.ttlMs - livedMs, 2 ** 31 - 1)),
    releaseGrace: ({ context }) => context.policy.releaseGraceMs,
  },
  guards: {
    isBusy: ({ context }) => context.busy,
    isNeeded: ({ context }) => context.busy && !context.frozen,
    isIdle: ({ context }) => !context.busy,
    isFrozen: ({ context }) => context.frozen,
    mayPause: ({ context }) => context.policy.idlePauseMs !== undefined && !context.busy,
    mayRetry: ({ context }, { error }: { error: unknown }) =>
      toAppError(error).retryable && context.retries < context.policy.maxRetries,
    mayReplace: ({ context }, failure: { error: unknown } | undefined) =>
      context.begin !== 'adopt' &&
      context.retries < context.policy.maxRetries &&
      !(failure && toAppError(failure.error).code === 'packages_failed'),
    isOurs: ({ context }) => context.begin !== 'adopt',
    isUntrusted: (_, { error }: { error: unknown }) => findProtocolViolation(error) !== undefined,
  },
  actions: {
    retryLater: assign(({ context }) => ({ retries: context.retries + 1 })),
    fail: assign((_, { error }: { error: unknown }) => {
      const { code, publicMessage, retryable } = toAppError(error);
      return { end: { kind: 'failed', code, message: publicMessage, retryable } satisfies SandboxEnd };
    }),
    distrust: assign({
      end: {
        kind: 'failed',
        code: 'sandbox_untrusted',
        message: protocolViolationMessage,
        retryable: false,
      } satisfies SandboxEnd,
    }),
    tellUntrusted: sendParent((_, { error }: { error: unknown }): SandboxNotice => {
      return { type: 'sandbox.untrusted', breach: findProtocolViolation(error) as ProtocolViolationData };
    }),
    tellReady: sendParent({ type: 'sandbox.ready' } satisfies SandboxNotice),
    tellUnready: sendParent({ type: 'sandbox.unready' } satisfies SandboxNotice),
    phase: sendParent(
      (_, news: Omit<Extract<SandboxNotice, { type: 'sandbox.phase' }>, 'type'>): SandboxNotice => ({
        type: 'sandbox.phase',
        ...news,
      }),
    ),
    wantSlot: sendParent({ type: 'sandbox.wantsSlot' } satisfies SandboxNotice),
  },
});

const whose = ({ context: { sessionId, sandboxId } }: { context: SandboxContext }): SandboxOwner => ({
  sessionId,
  sandboxId,
});
const thrown = ({ event }: { event: { error: unknown } }) => ({ error: event.error });
const endedEarly = () => ({ error: new AppError('sandbox_lost', 'The sandbox ended before it was ready.') });
const whyLost = ({ event }: { event: { type: 'resource.failed'; error: unknown } | { type: 'resource.closed' } }) => ({
  error: event.type === 'resource.failed' ? event.error : undefined,
});

const untrustedNews = { type: 'tellUntrusted', params: thrown } as const;
const discarding = { target: 'discarding', actions: untrustedNews } as const;
const discardingFrom = { target: '#sandbox.discarding', actions: untrustedNews } as const;

export const sandboxMachine = sandboxSetup.createMachine({
  id: 'sandbox',
  context: ({ input }) => ({
    ...input,
    busy: false,
    frozen: false,
    retries: 0,
    workspace: 'keep',
    end: undefined,
  }),
  initial: 'routing',
  on: {
    'sandbox.busy': { actions: assign({ busy: true, frozen: false }) },
    'sandbox.idle': { actions: assign({ busy: false }) },
    'sandbox.release': { target: '.releasing', actions: assign({ workspace: ({ event }) => event.workspace }) },
  },
  states: {
    routing: {
      always: [
        {
          guard: ({ context }) => context.begin === 'release',
          target: 'releasing',
          actions: assign({ workspace: 'remove' }),
        },
        { guard: ({ context }) => context.begin === 'discard', target: 'discarding' },
        { guard: ({ context }) => context.begin === 'adopt', target: 'alive' },
        { target: 'queued' },
      ],
    },
    queued: {
      entry: ['wantSlot', { type: 'phase', params: { phase: 'queued' } }],
      on: { 'slot.granted': 'provisioning' },
    },
    provisioning: {
      entry: { type: 'phase', params: { phase: 'starting' } },
      invoke: {
        id: 'provision',
        src: 'provision',
        input: whose,
        onDone: 'alive',
        onError: [
          { guard: { type: 'isUntrusted', params: thrown }, ...discarding },
          { guard: { type: 'mayRetry', params: thrown }, target: 'backingOff', actions: 'retryLater' },
          { target: 'failed', actions: { type: 'fail', params: thrown } },
        ],
      },
    },
    backingOff: { after: { retry: 'provisioning' } },
    alive: {
      initial: 'attaching',
      invoke: { id: 'hold', src: 'hold', input: whose },
      on: {
        'resource.failed': [
          { guard: { type: 'isUntrusted', params: thrown }, ...discarding },
          {
            target: 'lost',
            actions: { type: 'phase', params: (it) => ({ phase: 'lost', detail: detailOf(whyLost(it).error) }) },
          },
        ],
        'sandbox.distrust': {
          target: 'discarding',
          actions: { type: 'tellUntrusted', params: ({ event }) => ({ error: toProtocolError(event.breach) }) },
        },
        'resource.closed': {
          target: 'lost',
          actions: { type: 'phase', params: { phase: 'lost', detail: 'the sandbox ended' } },
        },
      },
      after: { ttl: '#sandbox.releasing' },
      states: {
        attaching: {
          on: {
            'sandbox.pause': { actions: assign({ frozen: true }) },
            'hold.ready': {
              target: 'ready',
              actions: [{ type: 'phase', params: ({ event }) => ({ phase: 'ready', ms: event.ms }) }, 'tellReady'],
            },
            'resource.failed': [
              { guard: { type: 'isUntrusted', params: thrown }, ...discardingFrom },
              { guard: { type: 'mayReplace', params: thrown }, target: '#sandbox.backingOff', actions: 'retryLater' },
              { guard: 'isOurs', target: '#sandbox.failed', actions: { type: 'fail', params: thrown } },
            ],
            'resource.closed': [
              { guard: 'mayReplace', target: '#sandbox.backingOff', actions: 'retryLater' },
              { guard: 'isOurs', target: '#sandbox.failed', actions: { type: 'fail', params: endedEarly } },
            ],
          },
        },
        ready: {
          initial: 'idle',
          always: { guard: 'isFrozen', target: 'pausing' },
          on: { 'sandbox.pause': { target: 'pausing', actions: assign({ frozen: true }) } },
          states: {
            idle: {
              on: { 'sandbox.rest': [{ guard: 'mayPause', target: '#sandbox.alive.pausing' }, '#sandbox.releasing'] },
              always: { guard: 'isBusy', target: 'busy' },
              after: {
                idlePause: { guard: 'mayPause', target: '#sandbox.alive.pausing' },
                idleStop: { guard: 'isIdle', target: '#sandbox.releasing' },
              },
            },
            busy: { always: { guard: 'isIdle', target: 'idle' } },
          },
        },
        pausing: {
          entry: ['tellUnready', { type: 'phase', params: { phase: 'pausing' } }],
          invoke: {
            id: 'pause',
            src: 'pause',
            input: whose,
            onDone: { target: 'paused', actions: { type: 'phase', params: { phase: 'paused' } } },
            // After a failed pause, the sandbox's state is unknown until a resume.
            onError: { target: 'unpausing', actions: assign({ frozen: false }) },
          },
        },
        paused: {
          always: { guard: 'isNeeded', target: 'unpausing' },
          after: { idleStop: '#sandbox.releasing' },
        },
        unpausing: {
          entry: { type: 'phase', params: { phase: 'resuming' } },
          on: { 'sandbox.pause': { actions: assign({ frozen: true }) } },
          invoke: {
            id: 'unpause',
            src: 'unpause',
            input: whose,
            onDone: { target: 'ready', actions: [{ type: 'phase', params: { phase: 'resumed' } }, 'tellReady'] },
            onError: {
              target: '#sandbox.lost',
              actions: { type: 'phase', params: { phase: 'lost', detail: 'it did not resume' } },
            },
          },
        },
      },
    },
    // The sandbox's files are kept, and the user decides whether to replace the sandbox.
    discarding: {
      entry: ['tellUnready', 'distrust'],
      invoke: {
        id: 'release',
        src: 'release',
        input: (it) => ({ ...whose(it), workspace: 'keep' as const, isDistrusted: true as const }),
        onDone: 'failed',
        onError: 'failed', // the log records the breach, so no server adopts this sandbox
      },
      after: { releaseGrace: 'failed' },
    },
    lost: { entry: assign({ end: { kind: 'lost' } }), type: 'final' },
    releasing: {
      entry: 'tellUnready',
      on: {
        'sandbox.release': {
          actions: assign({ workspace: ({ event }) => event.workspace }),
          target: 'releasing',
          reenter: true,
        },
      },
      invoke: {
        id: 'release',
        src: 'release',
        input: (it) => ({ ...whose(it), workspace: it.context.workspace }),
        onDone: 'released',
        onError: 'abandoned',
      },
      after: { releaseGrace: 'abandoned' },
    },
    released: {
      entry: assign({ end: ({ context }) => ({ kind: 'released', workspace: context.workspace }) }),
      type: 'final',
    },
    abandoned: {
      entry: assign({ end: ({ context }) => ({ kind: 'released', workspace: context.workspace, unfinished: true }) }),
      type: 'final',
    },
    failed: {
      entry: { type: 'phase', params: ({ context }) => ({ phase: 'lost', detail: whyFailed(context.end) }) },
      type: 'final',
    },
  },
  output: ({ context }) => context.end as SandboxEnd,
});

const whyFailed = (end: SandboxEnd | undefined): string =>
  end?.kind === 'failed' ? end.message : 'the sandbox did not start';
const detailOf = (error: unknown): string =>
  error === undefined ? 'the sandbox ended' : toAppError(error).publicMessage;
