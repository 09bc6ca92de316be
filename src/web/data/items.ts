import type { Signal } from '@preact/signals';
import type { Event } from '../../client/types.ts';
import type { NoteType } from '../../core/model/event-traits.ts';

// The items of a conversation, made from the events of its log. An item stays the same object for its whole life; the parts
// that change are signals, so that one more word of the model draws one message again.

export type EventOf<Type extends Event['type']> = Extract<Event, { type: Type }>;
export type DataOf<Type extends Event['type']> = EventOf<Type>['data'];
export type StepStatus = DataOf<'step'>['status'];
export type CalledData = DataOf<'tool.called'>;
export type EndData = DataOf<'run.end'>;

export interface ToolState {
  readonly status: 'running' | 'completed' | 'failed';
  /** The output so far; the last part of it, when it is long. */
  readonly live: string;
  readonly endedAt?: number;
  readonly called?: CalledData;
}
export interface ModelUsage {
  readonly turns: number;
  readonly toolCalls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Undefined when the price of a model is not known. */
  readonly cost: number | undefined;
}

interface Base {
  /** The place in the log of the first event of the item. */
  readonly seq: number;
  readonly at: number;
}
export interface UserItem extends Base {
  readonly kind: 'user';
  readonly text: string;
  readonly attachments: readonly string[];
  /** The message arrived while the agent worked. */
  readonly steers: boolean;
  /** The goal of the run that it began. */
  readonly goal: DataOf<'message.user'>['goal'];
}
export interface AssistantItem extends Base {
  readonly kind: 'assistant';
  readonly text: Signal<string>;
  readonly isTyping: Signal<boolean>;
}
export interface ToolItem extends Base {
  readonly kind: 'tool';
  readonly sessionId: string;
  readonly runId: string;
  readonly callId: string;
  readonly name: string;
  readonly family: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly state: Signal<ToolState>;
  /** The approval requested for this call: both are one card. */
  readonly approval: Signal<ApprovalItem | undefined>;
  /** The session of the agent that the call gave its work to. */
  readonly child: Signal<DataOf<'child.started'> | undefined>;
}
export interface StepItem extends Base {
  readonly kind: 'step';
  readonly description: string;
  readonly status: Signal<StepStatus>;
  /** The place in the log where the step ended; a session can be forked there. */
  readonly endSeq: Signal<number | undefined>;
}
export interface ApprovalItem extends Base {
  readonly kind: 'approval';
  readonly sessionId: string;
  readonly request: DataOf<'approval.requested'>;
  /** `gone`: the run ended before anyone decided. */
  readonly decided: Signal<DataOf<'approval.resolved'> | 'gone' | undefined>;
}
export interface WaitItem extends Base {
  readonly kind: 'wait';
  readonly data: DataOf<'run.wait'>;
  readonly isOpen: Signal<boolean>;
}
/** A repository or a service on its way. */
export interface SetupNote {
  readonly detail: string;
  readonly isMoving: boolean;
}
export interface PhaseItem extends Base {
  readonly kind: 'phase';
  /** `isCut`: the run ended before the phase did. */
  readonly phase: Signal<DataOf<'sandbox.phase'> & { readonly ts: number; readonly isCut?: true }>;
  /** The repositories and services of the environment, in order. */
  readonly setup: Signal<readonly SetupNote[]>;
}
export interface EventItem extends Base {
  readonly kind: 'event';
  readonly event: EventOf<NoteType | 'run.notice' | 'goal' | 'sandbox.untrusted'>;
}
/** Failures of the provider one after another, with the retry that comes. */
export interface RetryItem extends Base {
  readonly kind: 'retry';
  readonly state: Signal<{
    readonly failures: number;
    readonly detail: string;
    /** The retry that comes, counted from 1, of at most so many, and when. Old logs lack it. */
    readonly next?: { readonly number: number; readonly most: number; readonly at: number };
    /** The provider answered, or the run has ended. */
    readonly isOver: boolean;
  }>;
}
export interface ErrorItem extends Base {
  readonly kind: 'error';
  readonly text: string;
}
/** The part of its reasoning that the model shows to people. */
export interface ThoughtsItem extends Base {
  readonly kind: 'thoughts';
  readonly text: string;
}
/** The text of a file before a run and after it, as far as file tools wrote it. */
export interface FileEdit {
  readonly path: string;
  readonly before: string | null;
  readonly after: string;
}
export interface EndItem extends Base {
  readonly kind: 'end';
  readonly data: EndData;
  /** The goal that the run had, with which it can be repeated. */
  readonly goal: UserItem['goal'];
  readonly ms: number | undefined;
  readonly used: ModelUsage;
  readonly edits: readonly FileEdit[];
  /** A card above it says why the run failed, and what can be done. */
  readonly isBlocked: boolean;
}
export type Item =
  | UserItem
  | AssistantItem
  | ToolItem
  | StepItem
  | ApprovalItem
  | WaitItem
  | PhaseItem
  | EventItem
  | RetryItem
  | ErrorItem
  | ThoughtsItem
  | EndItem;
