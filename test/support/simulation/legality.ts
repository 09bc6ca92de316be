import { deferredEventTypes } from '../../../src/core/model/event-traits.ts';
import type { SessionEvent } from '../../../src/core/model/events.ts';

/** Tools whose calls need permission in the simulation. */
export const guardedTools: ReadonlySet<string> = new Set(['file_write', 'shell_kill_process']);

// The event types that a run can have before `run.started`: a queued run can end without a start.
const mayComeFirst: ReadonlySet<string> = new Set(['message.user', 'run.started', 'run.error', 'run.end']);

/** Describes each place where a log breaks the contract's order of a run (wire contract, 1.1). */
export function illegalities(events: readonly SessionEvent[]): string[] {
  const problems: string[] = [];
  const begun = new Set<string>();
  const running = new Map<string, string>(); // by run, the step that runs
  const calls = new Map<string, Set<string>>(); // by run, the calls without a result
  let active: string | undefined;
  const requested = new Map<string, string>(); // calls that wait for permission, and the decision
  for (const [n, event] of events.entries()) {
    const { runId, type, seq } = event;
    if (runId === null) continue;
    const isFirst = !begun.has(runId);
    if (isFirst && !mayComeFirst.has(type)) problems.push(`${type} (${seq}) before its run began`);
    switch (type) {
      case 'run.started':
        if (active !== undefined) problems.push(`a run starts (${seq}) while another is active`);
        active = runId;
        begun.add(runId);
        break;
      case 'run.resumed': {
        const before = events[n - 1];
        const byMessage = before?.type === 'message.user' || before?.type === 'approval.resolved';
        // A message can also reach the run just before its question; the run then resumes without a new one.
        const own = events.slice(0, n).findLast((it) => it.runId === runId && !deferredEventTypes.has(it.type));
        const byUnread = event.data.messageId === undefined && own?.type === 'run.wait';
        if (!byUnread && (!byMessage || before.runId !== runId)) problems.push(`run.resumed (${seq}) out of place`);
        break;
      }
      case 'step':
        if (event.data.status === 'running') running.set(runId, event.data.id);
        else running.delete(runId);
        break;
      case 'tool.calling':
        if (calls.get(runId)?.has(event.data.callId)) problems.push(`a call begins twice (${seq})`);
        calls.set(runId, new Set(calls.get(runId)).add(event.data.callId));
        if ((calls.get(runId)?.size ?? 0) > 8) problems.push(`more than eight calls at once (${seq})`);
        break;
      case 'approval.requested':
        if (requested.has(event.data.callId)) problems.push(`permission for a call is requested twice (${seq})`);
        requested.set(event.data.callId, 'open');
        break;
      case 'approval.resolved':
        if (requested.get(event.data.callId) !== 'open')
          problems.push(`a call is approved or refused without a request (${seq})`);
        requested.set(event.data.callId, event.data.decision);
        break;
      case 'tool.output':
      case 'tool.called':
        if (!calls.get(runId)?.has(event.data.callId)) problems.push(`${type} (${seq}) of a call that is not open`);
        if (type === 'tool.called') {
          calls.get(runId)?.delete(event.data.callId);
          const leave = requested.get(event.data.callId) ?? 'not requested';
          if (guardedTools.has(event.data.function) && event.data.success && leave !== 'approved')
            problems.push(`a call was made (${seq}) for which leave was ${leave}`);
        }
        break;
      case 'run.end':
        if (running.has(runId)) problems.push(`step ${running.get(runId)} still runs when its run ends (${seq})`);
        if (event.data.status === 'failed' && events[n - 1]?.type !== 'run.error') {
          problems.push(`a run fails (${seq}) without saying why`);
        }
        if (active === runId) active = undefined;
        break;
      default:
    }
  }
  return problems;
}
