import type { LogUpdate } from '../../../core/contracts/ports.ts';
import { isHiddenEvent } from '../../../core/model/event-traits.ts';
import type { SessionEvent } from '../../../core/model/events.ts';
import type { SessionId } from '../../../core/model/ids.ts';
import { formatToolCall, translateToolCall } from './tool-names.ts';

// Frames without text have an empty `content`, so clients can always print it.

export interface ConversationFrame {
  readonly type: string;
  readonly session_id: string;
  readonly timestamp: string;
  readonly content: string;
  readonly seq?: number;
  readonly [field: string]: unknown;
}
export type FrameBody = { readonly content?: string; readonly [field: string]: unknown };

export function createConversationFrame(
  type: string,
  session: string,
  now: number,
  { content = '', ...fields }: FrameBody = {},
): ConversationFrame {
  return { type, session_id: session, ...fields, content, timestamp: toIsoTime(now) };
}

export const createErrorFrame = (session: string, now: number, message: string): ConversationFrame =>
  createConversationFrame('error', session, now, { message, content: message });

export function toConversationFrame(event: SessionEvent, workdir: string): ConversationFrame | undefined {
  if (isHiddenEvent(event)) return undefined;
  const say = (type: string, { content = '', ...fields }: FrameBody): ConversationFrame => ({
    type,
    session_id: event.sessionId,
    ...fields,
    content,
    seq: event.seq,
    timestamp: toIsoTime(event.ts),
  });
  const run_id = event.runId;
  switch (event.type) {
    case 'run.started':
      return say('task_started', { task: event.data.task, run_id });
    case 'message.delta':
    case 'message.assistant': {
      const { messageId, text } = event.data;
      return say('text_delta', { role: 'assistant', message_id: messageId, content: text });
    }
    case 'tool.calling': {
      if (event.data.tool === 'message') return undefined;
      const words = translateToolCall(event.data.function, event.data.args, workdir);
      return say('tool_call', {
        tool_name: words.name,
        arguments: words.arguments,
        tool_call_id: event.data.callId,
        content: formatToolCall(words),
      });
    }
    case 'tool.called': {
      if (event.data.tool === 'message') return undefined;
      const { callId, success, output } = event.data;
      const { name } = translateToolCall(event.data.function, event.data.args, workdir);
      return say('tool_complete', { tool_call_id: callId, tool_name: name, success, output });
    }
    case 'run.wait':
      return say('waiting', { question: event.data.question, run_id });
    case 'run.error':
      return say('error', { message: event.data.error, content: event.data.error });
    case 'run.end': {
      const { status, task } = event.data;
      return status === 'failed' ? undefined : say('task_completed', { task, run_id, status });
    }
    case 'message.user':
    case 'title':
    case 'plan':
    case 'step':
    case 'run.resumed':
      return undefined;
    default:
      event satisfies never;
      return undefined;
  }
}

/** Makes a client reload the history and continue the stream from `latest_seq`. */
export function createResyncFrame(
  session: SessionId,
  now: number,
  item: Extract<LogUpdate, { kind: 'resync' }>,
): ConversationFrame {
  return createConversationFrame('resync', session, now, {
    reason: item.reason === 'cursor_ahead' ? 'cursor_ahead' : 'cursor_too_old',
    oldest_seq: item.oldest,
    latest_seq: item.head,
    seq: item.head,
  });
}

export const toIsoTime = (ms: number): string => new Date(ms).toISOString();
