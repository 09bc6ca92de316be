import type { SessionEvent } from '../../core/events.ts';

/**
 * The run between its start, or the answer to its question, and what it next waits for or ends with. Lists of a
 * conversation leave out what it said and did so far: whoever joins gets that from a socket, and would show it twice.
 */
export function workingRun(events: Iterable<SessionEvent>): string | undefined {
  let working: string | undefined;
  for (const { type, runId } of events) {
    if (type === 'run.started' || type === 'run.resumed') working = `${runId}`;
    if ((type === 'run.wait' || type === 'run.end') && working === `${runId}`) working = undefined;
  }
  return working;
}
