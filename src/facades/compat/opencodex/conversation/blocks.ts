import type { SessionEvent } from '../../../../core/model/events.ts';
import { findActiveRunId } from '../../../shared/working-run.ts';
import { isActionEvent, type PairedToolCall, ToolCallPairer } from '../actions.ts';
import { derivePositionId } from '../ids.ts';
import { type ClientPathContext, toClientToolCall, toIsoTime } from '../names.ts';
import type { Block } from '../replies/conversation.ts';
import { isAnswerEvent } from './message-ids.ts';

type TextEvent = Extract<SessionEvent, { type: 'message.user' | 'message.assistant' }>;

/** Omits the active run's output since its start or last answer, because the socket replays it. */
export function toBlocks(events: readonly SessionEvent[], view: ClientPathContext): Block[] {
  const working = findActiveRunId(events);
  const saying = events.findLast(
    (event) => event.runId === working && (event.type === 'run.started' || isAnswerEvent(event)),
  );
  const uses = new ToolCallPairer();
  const blocks: (() => Block)[] = []; // built at the end, when the results of all calls are known
  for (const event of events) {
    if (event.type === 'message.user') blocks.push(() => toTextBlock(event));
    if (event.runId !== null && event.runId === working && event.seq >= (saying?.seq ?? 0)) continue;
    if (event.type === 'message.assistant' && event.data.text !== '') blocks.push(() => toTextBlock(event));
    if (event.type === 'run.error') blocks.push(() => errorBlock(event));
    if (!isActionEvent(event)) continue;
    const use = uses.add(event);
    if (use.call === event) blocks.push(() => callBlock(use, view));
    if (use.result === event) blocks.push(() => resultBlock(use, view));
  }
  return blocks.map((make) => make());
}

export function toTextBlock(event: TextEvent): Block {
  const isUser = event.type === 'message.user';
  return {
    ...base(event),
    id: event.data.messageId,
    block_type: isUser ? 'user_text' : 'assistant_text',
    author: isUser ? 'user' : 'assistant',
    content: { text: event.data.text },
    parent_block_id: null,
  };
}

const errorBlock = (event: Extract<SessionEvent, { type: 'run.error' }>): Block => ({
  ...base(event),
  id: derivePositionId('error', { session: event.sessionId, seq: event.seq }),
  block_type: 'assistant_text',
  author: 'assistant',
  content: { text: event.data.error },
  parent_block_id: null,
});

function callBlock({ call, result }: PairedToolCall, view: ClientPathContext): Block {
  const { tool, args } = toClientToolCall(call.data, view);
  return {
    ...base(call),
    id: derivePositionId('action', { session: call.sessionId, seq: call.seq }),
    block_type: 'tool_call',
    author: 'assistant',
    content: { tool_name: tool, arguments: args, status: result ? 'complete' : 'running' },
    parent_block_id: null,
  };
}

function resultBlock({ call, result }: PairedToolCall, view: ClientPathContext): Block {
  if (!result) throw new Error('a result block needs its result');
  const { success, output, exitCode } = result.data;
  const error = output !== '' ? output : `exit code ${exitCode ?? 'unknown'}`;
  return {
    ...base(result),
    id: derivePositionId('result', { session: result.sessionId, seq: result.seq }),
    block_type: 'tool_result',
    author: 'tool',
    content: {
      tool_name: toClientToolCall(call.data, view).tool,
      success,
      ...(success ? { result: output } : { error }),
    },
    parent_block_id: derivePositionId('action', { session: call.sessionId, seq: call.seq }),
  };
}

const base = ({ sessionId, seq, ts }: SessionEvent) => ({
  chat_session_id: sessionId,
  sequence_number: seq,
  block_metadata: {},
  created_at: toIsoTime(ts),
  updated_at: toIsoTime(ts),
});
