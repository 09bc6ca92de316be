import type { SessionEvent } from '../../../core/model/events.ts';
import type { Message } from './schemas.ts';

export function toMessage(event: SessionEvent): Message | undefined {
  if (event.type !== 'message.user' && event.type !== 'message.assistant') return undefined;
  return {
    id: event.data.messageId,
    session_id: event.sessionId,
    role: event.type === 'message.user' ? 'user' : 'assistant',
    content: event.data.text,
    timestamp: new Date(event.ts).toISOString(),
    metadata: { run_id: event.runId, seq: event.seq },
  };
}
