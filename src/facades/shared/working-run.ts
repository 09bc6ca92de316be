import type { SessionEvent } from '../../core/model/events.ts';

/**
 * The run that is working: from its start, or the answer to its question, to its next wait or end. Lists of a conversation omit
 * the run's output so far, because a joining client gets that output from the socket and would show it twice.
 */
export function findActiveRunId(events: Iterable<SessionEvent>): string | undefined {
  let working: string | undefined;
  for (const { type, runId } of events) {
    if (type === 'run.started' || type === 'run.resumed') working = `${runId}`;
    if ((type === 'run.wait' || type === 'run.end') && working === `${runId}`) working = undefined;
  }
  return working;
}
