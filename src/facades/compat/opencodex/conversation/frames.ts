import { isHiddenEvent } from '../../../../core/model/event-traits.ts';
import type { SessionEvent } from '../../../../core/model/events.ts';
import { isActionEvent } from '../actions.ts';
import { derivePositionId } from '../ids.ts';
import { type ClientPathContext, toClientToolCall, toIsoTime } from '../names.ts';
import { toTextBlock } from './blocks.ts';
import { isAnswerEvent, MessageIdResolver } from './message-ids.ts';

type Frame = Readonly<Record<string, unknown>>;
interface Run {
  readonly id: string;
  userMessageId: string | undefined;
  /** Number of calls so far, excluding questions. */
  steps: number;
  readonly calls: Map<string, { step: number; actionId: string }>;
  /** Whether the message already has text. */
  spoke: boolean;
  /** `sent`: characters already sent; 0 if the log lost the message's beginning. */
  message: { readonly id: string; readonly sent: number; readonly isWhole: boolean } | undefined;
}
const settled: ReadonlySet<SessionEvent['type']> = new Set<SessionEvent['type']>([
  'run.started',
  'message.assistant',
  'tool.calling',
  'tool.called',
]);
const freshRun = (id: string): Run => ({
  id,
  userMessageId: undefined,
  steps: 0,
  calls: new Map(),
  spoke: false,
  message: undefined,
});

/** The client has the message's start, of unknown length. */
function had(run: Run, id: string): void {
  run.message = { id, sent: Number.POSITIVE_INFINITY, isWhole: true };
  run.spoke = true;
}

/** Must receive each run from its start; see `skip`. */
export class FrameTranslator {
  readonly #view: ClientPathContext;
  #run = freshRun('');
  #seen = 0;
  #gap = false;
  /** Up to this seq, a joining client catches up with the arriving message. */
  #joinsUpTo = 0;
  #messageIds = new MessageIdResolver();
  /** Whether the log dropped the event at the cursor. */
  #isTorn = false;

  constructor(view: ClientPathContext) {
    this.#view = view;
  }

  /** Call with the active run's stored events up to `cursor`. The client also has the dropped ones. */
  skip(events: readonly SessionEvent[], cursor: number): void {
    for (const event of events) this.of(event);
    const { message } = this.#run;
    if (message && !message.isWhole) had(this.#run, message.id);
    // the log drops only deltas and output, so a delta after a gap continues the same message
    this.#isTorn = this.#seen < cursor;
    this.#seen = cursor;
    this.#gap = false;
  }

  /** Call if a message is still arriving at `head`. */
  joinUpTo(head: number): void {
    this.#joinsUpTo = head;
  }

  of(event: SessionEvent): Frame | undefined {
    if (event.seq !== this.#seen + 1) this.#gap = true;
    this.#seen = event.seq;
    const frame = this.#frame(event);
    this.#isTorn = false;
    if (settled.has(event.type)) this.#gap = false;
    return frame && { ...frame, seq: event.seq, timestamp: toIsoTime(event.ts) };
  }

  #frame(event: SessionEvent): Frame | undefined {
    const message_id = this.#messageIds.of(event);
    if (isHiddenEvent(event)) return undefined;
    if (event.type === 'tool.calling') return isActionEvent(event) ? this.#action(event) : undefined;
    if (event.type === 'tool.called') return isActionEvent(event) ? this.#observation(event) : undefined;
    const joins = event.seq <= this.#joinsUpTo;
    switch (event.type) {
      case 'message.user':
        return { type: 'user_text_block', block: toTextBlock(event) };
      case 'title':
        return { type: 'title_updated', session_id: event.sessionId, title: event.data.title };
      case 'run.started':
        this.#run = freshRun(`${event.runId}`);
        return this.#start(event, joins ? message_id : undefined);
      case 'run.resumed':
        if (joins && !isAnswerEvent(event)) return undefined; // permission for a call continues the run's message
        return this.#start(event, joins ? message_id : undefined);
      case 'message.delta':
      case 'message.assistant':
        return this.#chunk(event, message_id);
      case 'run.wait':
        if (joins) return undefined;
        return { type: 'end', message_id, waiting: true };
      case 'run.error':
        return { type: 'error', content: event.data.error, message: event.data.error };
      case 'run.end': {
        const { status } = event.data;
        return {
          type: 'end',
          message_id,
          ...(status === 'stopped' && { cancelled: true }),
          ...(status === 'failed' && { error: true }),
        };
      }
      case 'plan':
      case 'step':
        return undefined;
      default:
        event satisfies never;
        return undefined;
    }
  }

  /** A run that continues after an approval still answers the previous message. */
  #start(event: Extract<SessionEvent, { type: 'run.started' | 'run.resumed' }>, joined: string | undefined): Frame {
    const run = this.#of(event);
    run.userMessageId = event.data.messageId ?? run.userMessageId;
    if (isAnswerEvent(event)) run.spoke = false; // the following text is a new message
    if (joined !== undefined) return { type: 'resuming_stream', message_id: joined, run_id: event.runId };
    return { type: 'start', run_id: event.runId, user_message_id: run.userMessageId };
  }

  #of(event: SessionEvent): Run {
    if (this.#run.id !== `${event.runId}`) this.#run = freshRun(`${event.runId}`);
    return this.#run;
  }

  /** A message whose start was dropped is sent as a whole once it is complete. */
  #chunk(
    event: Extract<SessionEvent, { type: 'message.delta' | 'message.assistant' }>,
    message_id: string,
  ): Frame | undefined {
    const run = this.#of(event);
    const { messageId, text } = event.data;
    if (this.#isTorn && !this.#gap) had(run, messageId);
    const known = run.message?.id === messageId ? run.message : undefined;
    const sent = known?.sent ?? 0;
    const isDelta = event.type === 'message.delta';
    const isWhole = known?.isWhole ?? !this.#gap;
    run.message = isDelta ? { id: messageId, sent: isWhole ? sent + text.length : 0, isWhole } : undefined;
    const fresh = isDelta ? (isWhole ? text : '') : text.slice(sent);
    if (fresh === '') return undefined;
    const content = sent === 0 && run.spoke ? `\n\n${fresh}` : fresh;
    run.spoke = true;
    return { type: 'chunk', content, message_id };
  }

  #action(event: Extract<SessionEvent, { type: 'tool.calling' }>): Frame {
    const run = this.#of(event);
    const { tool, args } = toClientToolCall(event.data, this.#view);
    const call = {
      step: ++run.steps,
      actionId: derivePositionId('action', { session: event.sessionId, seq: event.seq }),
    };
    run.calls.set(event.data.callId, call);
    return { type: 'action', tool, args, step: call.step, action_id: call.actionId };
  }

  #observation(event: Extract<SessionEvent, { type: 'tool.called' }>): Frame {
    const run = this.#of(event);
    const { callId, success, output, exitCode } = event.data;
    // the call's event may have been dropped
    const actionId = derivePositionId('action', { session: event.sessionId, seq: event.seq });
    const call = run.calls.get(callId) ?? { step: ++run.steps, actionId };
    run.calls.delete(callId);
    return {
      type: 'observation',
      content: output,
      success,
      step: call.step,
      tool: toClientToolCall(event.data, this.#view).tool,
      action_id: call.actionId,
      metadata: {},
      ...(exitCode !== undefined && { exit_code: exitCode }),
    };
  }
}
