import type { ErrorCode } from '../src/core/errors.ts';
import type { SessionFact } from '../src/core/events.ts';
import type { MessageId, RunId, SandboxId, SessionId } from '../src/core/ids.ts';
import type { BreachData } from '../src/core/untrusted.ts';
import type { PendingApproval, RunNews, RunPolicy, RunResume, Verdict } from './run.ts';
import type { SandboxNews, SandboxPolicy } from './sandbox.ts';

/** What the log says about the session so far; a restart differs from a start only in this. */
export interface SessionInput {
  readonly sessionId: SessionId;
  readonly sandboxId: SandboxId;
  readonly runPolicy: RunPolicy;
  readonly sandboxPolicy: SandboxPolicy;
  readonly passivateMs: number;
  readonly maxQueued: number;
  /** `discard`: there is one that cannot be trusted. */
  readonly sandbox: 'absent' | 'start' | 'adopt' | 'discard';
  /** Its last sandbox could not be trusted, and no person has asked for another since. */
  readonly distrusted?: boolean;
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
  /** On the call that waits for leave; the first to come counts. `by`: who says so. */
  | {
      type: 'cmd.decide';
      commandId: string;
      callId: string;
      decision: 'approved' | 'rejected';
      by: string;
      /** For the model. */
      text?: string;
    }
  | { type: 'cmd.delete'; commandId: string }
  /** Wants the session in memory, nothing else. */
  | { type: 'cmd.touch'; commandId: string }
  /** Wants the sandbox ready, and counts as its user until `sandbox.done`. */
  | { type: 'sandbox.use'; commandId: string }
  | { type: 'sandbox.done'; commandId: string }
  /** Ends the sandbox and keeps its files; answered with `stopped` once it is gone. */
  | { type: 'sandbox.stop'; commandId: string }
  /** A person wants a sandbox, although the last one could not be trusted. */
  | { type: 'sandbox.permit'; commandId: string }
  /** Another server found that the sandbox cannot be trusted. */
  | { type: 'sandbox.distrust'; commandId: string; breach: BreachData };
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
export interface Recording {
  readonly facts: readonly SessionFact[];
  /** Answered once the facts are durable, with the seq of the first. */
  readonly answer?: { readonly commandId: string; readonly messageId: MessageId; readonly runId: RunId };
  /** Stops: answered once what they ended is durable, or it would go on after a crash. */
  readonly stops?: { readonly commandIds: readonly string[]; readonly value: { readonly stopped: boolean } };
  /** Answered once the facts are durable. */
  readonly decided?: { readonly commandIds: readonly string[]; readonly value: unknown };
}
export type Send = Extract<SessionCommand, { type: 'cmd.send' }>;

export interface SessionContext extends Omit<SessionInput, 'distrusted'> {
  queue: readonly QueuedRun[];
  active: QueuedRun | undefined;
  approval: PendingApproval | undefined; // what the active run waits for, where it is leave for a call
  verdict: Verdict | undefined; // for the run, with its next answer
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
  distrusted: boolean;
  arrived: boolean; // it was ready once: more than the work of one run may be in it
}
