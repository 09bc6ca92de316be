import type { ErrorCode } from '../src/core/errors/errors.ts';
import type { SessionFact } from '../src/core/model/events.ts';
import type { MessageId, RunId, SandboxId, SessionId } from '../src/core/model/ids.ts';
import type { Goal } from '../src/core/model/runs/goal.ts';
import type { SessionCommand } from '../src/core/model/runs/session-command.ts';
import type { PendingApproval, RunNotice, RunPolicy, RunResumeState, Verdicts } from './run.ts';
import type { SandboxNotice, SandboxPolicy } from './sandbox.ts';

/**
 * The session's state, folded from its log. A restarted session differs from a new one only in this input.
 *
 * @example createActor(sessionMachine.provide({ actors }), { input: await hydrate(sessionId, signal) });
 */
export interface SessionInput {
  readonly sessionId: SessionId;
  readonly sandboxId: SandboxId;
  readonly runPolicy: RunPolicy;
  readonly sandboxPolicy: SandboxPolicy;
  readonly passivateMs: number;
  readonly maxQueued: number;
  readonly sandbox: 'absent' | 'start' | 'adopt' | 'discard';
  /** The last sandbox was untrusted, and nobody has permitted a new one since. */
  readonly distrusted?: boolean;
  /** Set if another session's run waits for this session, which then needs no `run` slot, to prevent a deadlock. */
  readonly isChild?: boolean;
  /** Slots are shared fairly between owners. */
  readonly owner?: string;
  /** Age of the adopted sandbox in ms. Deducted from the sandbox's ttl. */
  readonly sandboxLivedMs?: number;
  /** True: the log has a tombstone, and only cleanup remains. */
  readonly deleting: boolean;
  /** Runs that have not ended, in order. The first one may have started. */
  readonly runs: readonly QueuedRun[];
}
export interface QueuedRun {
  readonly runId: RunId;
  readonly task: string;
  readonly messageId: MessageId;
  readonly resume: RunResumeState | undefined;
  /** Undefined: the value of `runPolicy.plans`, which is set when the session is loaded. */
  readonly plans?: boolean;
  readonly goal?: Goal;
}

export type { SessionCommand };
export type SlotKind = 'run' | 'start';
export type SessionMachineEvent =
  | SessionCommand
  | { type: 'slot.granted'; slot: SlotKind }
  | { type: 'run.closed' }
  | { type: 'sandbox.rest' } // the server is draining, so an unused sandbox pauses or ends
  | { type: 'sandbox.gone' } // internal: if no work remains, the session can be unloaded
  | { type: 'sandbox.unwanted' } // internal: the work that started the sandbox has stopped
  | RunNotice
  | SandboxNotice;
export type SlotEvent = {
  type: 'slot.request' | 'slot.release';
  id: SessionId;
  slot: SlotKind;
  isChild?: boolean;
  owner?: string;
};

export type CommandAnswer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };
export interface RecordFactsParams {
  readonly facts: readonly SessionFact[];
  /** The command to answer with the seq of the first fact, once the facts are durable. */
  readonly answer?: { readonly commandId: string; readonly messageId: MessageId; readonly runId: RunId };
  /** Stop commands to answer once the facts are durable. */
  readonly stops?: { readonly commandIds: readonly string[]; readonly value: { readonly stopped: boolean } };
  readonly decided?: { readonly commandIds: readonly string[]; readonly value: unknown };
  readonly goal?: Goal | undefined;
}
export type SendMessageCommand = Extract<SessionCommand, { type: 'cmd.send' }>;

export interface SessionContext extends Omit<SessionInput, 'distrusted'> {
  queue: readonly QueuedRun[];
  active: QueuedRun | undefined;
  approvals: readonly PendingApproval[];
  verdicts: Verdicts; // passed to the run with the user's next answer
  forwarded: number;
  ending: boolean; // the active run accepts no further messages
  dropped: readonly QueuedRun[]; // runs that end together with the active one
  stops: readonly string[]; // commands to answer once the run has ended
  deletes: readonly string[];
  releases: readonly string[];
  isDeleting: boolean;
  uses: readonly string[];
  waiters: readonly string[];
  isPresent: boolean;
  isReady: boolean;
  distrusted: boolean;
  arrived: boolean; // the sandbox has been ready before, so several runs may depend on it
}
