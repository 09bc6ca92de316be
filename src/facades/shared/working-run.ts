import type { SessionEvent } from '../../core/model/events.ts';

/**
 * Finds the run that is neither waiting nor finished. Conversation lists omit its output, because clients get it from
 * the socket.
 */
export function findActiveRunId(events: Iterable<SessionEvent>): string | undefined {
  let working: string | undefined;
  for (const { type, runId } of events) {
    if (type === 'run.started' || type === 'run.resumed') working = `${runId}`;
    if ((type === 'run.wait' || type === 'run.end') && working === `${runId}`) working = undefined;
  }
  return working;
}
