import type { SessionEvent } from '../../core/events.ts';
import { isAction } from './actions.ts';
import { textBlock } from './blocks.ts';
import { derivedId } from './ids.ts';
import { iso, toolCall, type View } from './names.ts';
import { isAnswer, Stretches } from './stretches.ts';

type Frame = Readonly<Record<string, unknown>>;
interface Run {
  readonly id: string;
  /** The user's message that it works on. */
  asked: string | undefined;
  /** Calls so far; a question is none. */
  steps: number;
  readonly calls: Map<string, { step: number; actionId: string }>;
  /** Its message so far has text: further texts begin with a blank line. */
  spoke: boolean;
  /** The message being said, and how much of it was sent: nothing, where its beginning is gone. */
  message: { readonly id: string; readonly sent: number; readonly isWhole: boolean } | undefined;
}
/** Behind these no message is half said. */
const settled: ReadonlySet<SessionEvent['type']> = new Set<SessionEvent['type']>([
  'run.started',
  'message.assistant',
  'tool.calling',
  'tool.called',
]);
const freshRun = (id: string): Run => ({
  ...{ id, asked: undefined, steps: 0, calls: new Map(), spoke: false },
  message: undefined,
});

/** Its beginning was had, however much that was: no more than what comes is owed. */
function had(run: Run, id: string): void {
  run.message = { id, sent: Number.POSITIVE_INFINITY, isWhole: true };
  run.spoke = true;
}

/** Says events as this dialect's frames. It counts along, so it must be shown a run from its start on: see `skip`. */
export class Frames {
  readonly #view: View;
  #run = freshRun('');
  #seen = 0;
  /** Events are missing since the last message or call was complete. */
  #gap = false;
  /** Up to here whoever joins catches up with the message that is being said. */
  #joinsUpTo = 0;
  #stretches = new Stretches();
  /** The event at the cursor is gone, so a delta or message next to it is of one that was had. */
  #isTorn = false;

  constructor(view: View) {
    this.#view = view;
  }

  /**
   * What whoever has a cursor has had: what is left in the log of a run that is under way there. Of a message in the
   * midst of which it stands all was had so far, also what is gone by now.
   */
  skip(events: readonly SessionEvent[], cursor: number): void {
    for (const event of events) this.of(event);
    const { message } = this.#run;
    if (message && !message.isWhole) had(this.#run, message.id);
    this.#isTorn = this.#seen < cursor; // only output goes from a log, and behind it nothing but more of it is a message
    this.#seen = cursor;
    this.#gap = false;
  }

  /** What comes up to there is of one message, which goes on: its start is told as a stream that is resumed. */
  joinUpTo(head: number): void {
    this.#joinsUpTo = head;
  }

  /** Undefined for what this dialect does not show. */
  of(event: SessionEvent): Frame | undefined {
    if (event.seq !== this.#seen + 1) this.#gap = true;
    this.#seen = event.seq;
    const frame = this.#frame(event);
    this.#isTorn = false;
    if (settled.has(event.type)) this.#gap = false;
    return frame && { ...frame, seq: event.seq, timestamp: iso(event.ts) };
  }

  #frame(event: SessionEvent): Frame | undefined {
    const message_id = this.#stretches.of(event);
    if (isAction(event)) return event.type === 'tool.calling' ? this.#action(event) : this.#observation(event);
    const joins = event.seq <= this.#joinsUpTo;
    switch (event.type) {
      case 'message.user':
        return { type: 'user_text_block', block: textBlock(event) };
      case 'title':
        return { type: 'title_updated', session_id: event.sessionId, title: event.data.title };
      case 'run.started':
        this.#run = freshRun(`${event.runId}`);
        return this.#start(event, joins ? message_id : undefined);
      case 'run.resumed':
        if (joins && !isAnswer(event)) return undefined; // it waited for leave and goes on
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
      default:
        return undefined;
    }
  }

  /** Where a run goes on without a message, as somebody gave a call leave, it is still for the one before. */
  #start(event: Extract<SessionEvent, { type: 'run.started' | 'run.resumed' }>, joined: string | undefined): Frame {
    const run = this.#of(event);
    run.asked = event.data.messageId ?? run.asked;
    if (isAnswer(event)) run.spoke = false; // what follows is a message of its own
    if (joined !== undefined) return { type: 'resuming_stream', message_id: joined, run_id: event.runId };
    return { type: 'start', run_id: event.runId, user_message_id: run.asked };
  }

  #of(event: SessionEvent): Run {
    if (this.#run.id !== `${event.runId}`) this.#run = freshRun(`${event.runId}`);
    return this.#run;
  }

  /**
   * A delta, or of a whole message that which no delta carried. Old deltas are dropped from a log: what comes behind
   * such a gap may be the middle of a message, which is then said whole when it is complete.
   */
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
    const { tool, args } = toolCall(event.data, this.#view);
    const call = { step: ++run.steps, actionId: derivedId('action', { session: event.sessionId, seq: event.seq }) };
    run.calls.set(event.data.callId, call);
    return { type: 'action', tool, args, step: call.step, action_id: call.actionId };
  }

  #observation(event: Extract<SessionEvent, { type: 'tool.called' }>): Frame {
    const run = this.#of(event);
    const { callId, success, output, exitCode } = event.data;
    const actionId = derivedId('action', { session: event.sessionId, seq: event.seq }); // where its call is gone
    const call = run.calls.get(callId) ?? { step: ++run.steps, actionId };
    run.calls.delete(callId);
    return {
      type: 'observation',
      content: output,
      success,
      step: call.step,
      tool: toolCall(event.data, this.#view).tool,
      action_id: call.actionId,
      metadata: {},
      ...(exitCode !== undefined && { exit_code: exitCode }),
    };
  }
}
