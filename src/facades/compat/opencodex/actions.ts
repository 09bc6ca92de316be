import type { SessionEvent } from '../../../core/model/events.ts';
import { MessageIdResolver } from './conversation/message-ids.ts';
import { derivePositionId } from './ids.ts';
import { type ClientPathContext, toClientToolCall, toIsoTime } from './names.ts';
import type { Action } from './replies/conversation.ts';

type CallEvent = Extract<SessionEvent, { type: 'tool.calling' }>;
type ResultEvent = Extract<SessionEvent, { type: 'tool.called' }>;

/** `call` is the result event if the log no longer contains the call. */
export function toAction({ call, result, message }: PairedToolCall, view: ClientPathContext): Action {
  const { tool, args } = toClientToolCall(call.data, view);
  return {
    id: derivePositionId('action', { session: call.sessionId, seq: call.seq }),
    chat_session_id: call.sessionId,
    message_id: message,
    action_type: tool,
    action_input: args,
    action_output: result ? toOutput(result) : null,
    status: result ? (result.data.success ? 'success' : 'error') : 'pending',
    action_metadata: {},
    created_at: toIsoTime(call.ts),
  };
}

function toOutput({ data: { success, output, exitCode } }: ResultEvent): NonNullable<Action['action_output']> {
  return { success, result: output, ...(exitCode !== undefined && { exit_code: exitCode }) };
}

/** Excludes questions, which are part of the conversation. */
export const isActionEvent = (event: SessionEvent): event is CallEvent | ResultEvent =>
  (event.type === 'tool.calling' || event.type === 'tool.called') && event.data.tool !== 'message';

export interface PairedToolCall {
  readonly call: CallEvent | ResultEvent;
  result: ResultEvent | undefined;
  readonly message: string;
}

export class ToolCallPairer {
  readonly all: PairedToolCall[] = [];
  readonly #open = new Map<string, PairedToolCall>();
  readonly #messageIds = new MessageIdResolver();

  /** Call for every event that is not added, because it can determine a later call's message. */
  pass(event: SessionEvent): void {
    this.#messageIds.of(event);
  }

  add(event: CallEvent | ResultEvent): PairedToolCall {
    const key = `${event.runId} ${event.data.callId}`;
    const open = this.#open.get(key);
    if (event.type === 'tool.called' && open) {
      open.result = event;
      this.#open.delete(key);
      return open;
    }
    const use: PairedToolCall = {
      call: event,
      result: event.type === 'tool.called' ? event : undefined,
      message: this.#messageIds.of(event),
    };
    this.all.push(use);
    if (event.type === 'tool.calling') this.#open.set(key, use);
    return use;
  }
}

export function toActions(events: Iterable<SessionEvent>, view: ClientPathContext): Action[] {
  const uses = new ToolCallPairer();
  for (const event of events) isActionEvent(event) ? uses.add(event) : uses.pass(event);
  return uses.all.map((use) => toAction(use, view));
}
