import { isNote, lineOf, noticeOf } from '../../../../core/model/event-traits.ts';
import type { SessionEvent } from '../../../../core/model/events.ts';

const levels = { info: 'info', warning: 'warn', error: 'error' } as const;

/** Converts an event of the session's log to a line of a sandbox's log, as the SDKs read it. */
export function toLogEntry(event: SessionEvent) {
  const notice = isNote(event) ? noticeOf(event) : undefined;
  const level = notice ? (levels[notice.level as keyof typeof levels] ?? 'info') : 'info';
  return {
    timestamp: new Date(event.ts).toISOString(),
    level,
    message: `${event.type}: ${lineOf(event)}`,
    fields: { type: event.type, seq: String(event.seq) },
  };
}
