import type { SessionEvent } from '../../core/model/events.ts';

/**
 * The run that is working: started or resumed, and neither waiting nor finished. Conversation lists omit its output, because
 * a joining client gets that output from the socket and would show it twice.
 */
export function findActiveRunId(events: Iterable<SessionEvent>): string | undefined {
  let working: string | undefined;
  for (const { type, runId } of events) {
    if (type === 'run.started' || type === 'run.resumed') working = `${runId}`;
    if ((type === 'run.wait' || type === 'run.end') && working === `${runId}`) working = undefined;
  }
  return working;
}
