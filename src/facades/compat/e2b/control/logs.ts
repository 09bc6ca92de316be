import { eventLineOf, eventNoticeOf, isNoteEvent } from '../../../../core/model/event-traits.ts';
import type { SessionEvent } from '../../../../core/model/events.ts';

const levels = { info: 'info', warning: 'warn', error: 'error' } as const;

export function toLogEntry(event: SessionEvent) {
  const notice = isNoteEvent(event) ? eventNoticeOf(event) : undefined;
  const level = notice ? (levels[notice.level as keyof typeof levels] ?? 'info') : 'info';
  return {
    timestamp: new Date(event.ts).toISOString(),
    level,
    message: `${event.type}: ${eventLineOf(event)}`,
    fields: { type: event.type, seq: String(event.seq) },
  };
}
