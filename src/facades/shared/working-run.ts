import type { SessionEvent } from '../../core/model/events.ts';

/** Conversation lists omit this run's output, which clients get from the socket. */
export function findActiveRunId(events: Iterable<SessionEvent>): string | undefined {
  let working: string | undefined;
  for (const { type, runId } of events) {
    if (type === 'run.started' || type === 'run.resumed') working = `${runId}`;
    if ((type === 'run.wait' || type === 'run.end') && working === `${runId}`) working = undefined;
  }
  return working;
}
