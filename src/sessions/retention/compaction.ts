import type { EventStore } from '../../core/contracts/ports.ts';
import type { SessionFact } from '../../core/model/events.ts';
import type { SessionId } from '../../core/model/ids.ts';

type CompactionLimits = Parameters<EventStore['compact']>[1];

/** Compacts a log at the end of a run, if it has grown by a twentieth of the smaller limit. */
export function createLogCompactor(events: Pick<EventStore, 'compact'>, kept: CompactionLimits) {
  const part = Math.max(1, Math.floor(Math.min(kept.keepDroppable, kept.keepAll) / 20));
  const due = new Set<SessionId>();
  return (id: SessionId, { type }: Pick<SessionFact, 'type'>, seq: number): void => {
    if (seq % part === 0) due.add(id);
    if (type !== 'run.end' || !due.delete(id)) return;
    events.compact(id, kept).catch(() => due.add(id)); // retried after the next run
  };
}
