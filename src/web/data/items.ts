import type { Signal } from '@preact/signals';
import type { Event } from '../../client/types.ts';
import { isFileReadingTool, type NoteEventType } from '../../core/model/event-traits.ts';

// The changing parts of items are signals, so that a new word redraws only one message.

export type EventOf<Type extends Event['type']> = Extract<Event, { type: Type }>;
export type EventDataOf<Type extends Event['type']> = EventOf<Type>['data'];
export type ToolCalledData = EventDataOf<'tool.called'>;

export interface ToolState {
  readonly status: 'running' | 'completed' | 'failed';
  /** Output so far, or only the last part of a long output. */
  readonly live: string;
  readonly endedAt?: number;
  readonly called?: ToolCalledData;
}
export interface RunUsage {
  readonly turns: number;
  readonly toolCalls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Undefined: a model's price is unknown. */
  readonly cost: number | undefined;
  readonly model?: string;
}

export interface ItemPosition {
  readonly seq: number;
  readonly at: number;
}
export interface UserItem extends ItemPosition {
  readonly kind: 'user';
  readonly text: string;
  readonly attachments: readonly string[];
  /** Whether the message arrived during a run and has no goal. */
  readonly steers: boolean;
  readonly goal: EventDataOf<'message.user'>['goal'];
}
export interface AssistantItem extends ItemPosition {
  readonly kind: 'assistant';
  readonly text: Signal<string>;
  readonly isTyping: Signal<boolean>;
}
export interface ToolItem extends ItemPosition {
  readonly kind: 'tool';
  readonly sessionId: string;
  readonly runId: string;
  readonly callId: string;
  readonly name: string;
  readonly family: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly state: Signal<ToolState>;
  readonly approval: Signal<ApprovalItem | undefined>;
  readonly child: Signal<EventDataOf<'child.started'> | undefined>;
}
export interface StepItem extends ItemPosition {
  readonly kind: 'step';
  readonly description: string;
  readonly status: Signal<EventDataOf<'step'>['status']>;
  /** Seq at which the step ended, and at which the session can be forked. */
  readonly endSeq: Signal<number | undefined>;
  /** Whether this is the plan's only step, and its description only repeats the beginning of the message. */
  readonly repeatsTask: Signal<boolean>;
}
export interface ApprovalItem extends ItemPosition {
  readonly kind: 'approval';
  readonly sessionId: string;
  readonly request: EventDataOf<'approval.requested'>;
  /** `gone`: the run ended before anyone decided. */
  readonly decided: Signal<EventDataOf<'approval.resolved'> | 'gone' | undefined>;
}
export interface WaitItem extends ItemPosition {
  readonly kind: 'wait';
  readonly data: EventDataOf<'run.wait'>;
  readonly isOpen: Signal<boolean>;
}
export interface PhaseItem extends ItemPosition {
  readonly kind: 'phase';
  /** `isCut`: the run ended before the phase did. */
  readonly phase: Signal<EventDataOf<'sandbox.phase'> & { readonly ts: number; readonly isCut?: true }>;
  readonly setup: Signal<readonly { readonly detail: string; readonly isMoving: boolean }[]>;
  /** Whether it began after the end of a run, which stays the conversation's last word. */
  readonly isAfterEnd: boolean;
}
export interface EventItem extends ItemPosition {
  readonly kind: 'event';
  readonly event: EventOf<NoteEventType | 'run.notice' | 'goal' | 'sandbox.untrusted'>;
}
export interface RetryItem extends ItemPosition {
  readonly kind: 'retry';
  readonly state: Signal<{
    readonly failures: number;
    readonly detail: string;
    /** Missing from old logs. `number` counts from 1. */
    readonly next?: { readonly number: number; readonly most: number; readonly at: number };
    readonly isOver: boolean;
  }>;
}
export interface TextItem extends ItemPosition {
  readonly kind: 'error' | 'thoughts';
  readonly text: string;
}
export interface FileEdit {
  readonly path: string;
  readonly before: string | null;
  readonly after: string;
}
export function findFileEdit({ success, function: name, args, content }: ToolCalledData): FileEdit | undefined {
  if (!success || !content || !('oldContent' in content) || isFileReadingTool(name)) return undefined;
  const input = args.file ?? args.path ?? args.file_path;
  if (typeof input !== 'string') return undefined;
  const path = input.replace(/^\/workspace\//, '').replace(/^\.\//, '');
  return { path, before: content.oldContent, after: content.content };
}
export interface ChangedFile {
  readonly path: string;
  readonly change?: 'added' | 'modified' | 'deleted';
}
export interface RunEndItem extends ItemPosition {
  readonly kind: 'end';
  readonly runId: string | null;
  readonly data: EventDataOf<'run.end'>;
  readonly attachments: readonly string[];
  readonly goal: UserItem['goal'];
  readonly ms: number | undefined;
  readonly used: RunUsage;
  readonly edits: readonly FileEdit[];
  /** Initially the files in `edits`, later all files that changed during the run. */
  readonly changed: Signal<readonly ChangedFile[]>;
  /** Whether a previous card already explains the failure. */
  readonly isBlocked: boolean;
}
export type ConversationItem =
  | UserItem
  | AssistantItem
  | ToolItem
  | StepItem
  | ApprovalItem
  | WaitItem
  | PhaseItem
  | EventItem
  | RetryItem
  | TextItem
  | RunEndItem;

/** Phases that share one line with the next phase that is not in the set. */
export const transientPhases: ReadonlySet<string> = new Set(['queued', 'image', 'starting', 'pausing', 'resuming']);

/** Epoch ms. Undefined while a reply arrives, a call runs or the sandbox starts. Items added later change nothing. */
export function findModelRequestStart(items: readonly ConversationItem[]): number | undefined {
  let since = 0;
  for (const item of items.toReversed()) {
    if (item.kind === 'event' || (item.kind === 'user' && item.steers)) continue;
    if (moves(item)) return undefined;
    const endedAt = item.kind === 'tool' ? item.state.value.endedAt : undefined;
    since = Math.max(since, endedAt ?? item.at);
    if (item.kind === 'user' || item.kind === 'assistant' || item.kind === 'retry' || item.kind === 'end') break;
  }
  return since;
}

function moves(item: ConversationItem): boolean {
  if (item.kind === 'assistant') return item.isTyping.value;
  if (item.kind === 'tool') return item.state.value.status === 'running';
  if (item.kind === 'retry') return !item.state.value.isOver;
  if (item.kind !== 'phase') return false;
  const { phase, isCut } = item.phase.value;
  return (transientPhases.has(phase) && !isCut) || item.setup.value.at(-1)?.isMoving === true;
}
