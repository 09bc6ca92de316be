import type { SessionEvent } from '../../../src/core/model/events.ts';

/** Facts that can come between the pieces of a message. */
const betweenDeltas: ReadonlySet<string> = new Set(['message.delta', 'message.user', 'title', 'session.updated']);

/** Checks rules that every log at rest must meet, even after crashes. Returns each violation as a sentence. */
export function problemsOf(events: readonly SessionEvent[]): string[] {
  const problems: string[] = [];
  const runs = new Map<string, { started: number; ended: number }>();
  const calls = new Map<string, { calling: number; called: number }>();
  const ended = new Set<string>();
  let open: { messageId: string; text: string } | undefined;
  for (const [n, event] of events.entries()) {
    if (event.seq !== n + 1) problems.push(`seq ${event.seq} stands where ${n + 1} should`);
    if (event.runId !== null && ended.has(event.runId))
      problems.push(`${event.type} (${event.seq}) after the end of its run`);
    const endsStep = event.type === 'step' && events[n + 1]?.type === 'message.assistant'; // its result follows it
    if (open && !betweenDeltas.has(event.type) && !endsStep && event.type !== 'message.assistant') {
      problems.push(`${event.type} (${event.seq}) between a message's deltas and the message`);
    }
    const run = event.runId === null ? undefined : (runs.get(event.runId) ?? { started: 0, ended: 0 });
    if (event.runId !== null && run) runs.set(event.runId, run);
    switch (event.type) {
      case 'message.delta':
        if (open && open.messageId !== event.data.messageId) problems.push(`two messages at once (${event.seq})`);
        open = { messageId: event.data.messageId, text: (open?.text ?? '') + event.data.text };
        break;
      case 'message.assistant':
        if (!open || open.messageId !== event.data.messageId) problems.push(`message ${event.seq} had no deltas`);
        else if (open.text !== event.data.text) problems.push(`message ${event.seq} is not the sum of its deltas`);
        open = undefined;
        break;
      case 'run.started':
        if (run) run.started += 1;
        break;
      case 'run.end':
        if (run) run.ended += 1;
        if (event.runId !== null) ended.add(event.runId);
        break;
      case 'tool.calling':
        calls.set(`${event.runId} ${event.data.callId}`, { calling: 1, called: 0 });
        break;
      case 'tool.called': {
        const call = calls.get(`${event.runId} ${event.data.callId}`);
        if (!call || call.called > 0) problems.push(`an outcome (${event.seq}) without its intent`);
        else call.called += 1;
        break;
      }
      default:
    }
  }
  for (const [id, { started, ended: ends }] of runs)
    if (started > 1 || ends !== 1) problems.push(`run ${id} started ${started} times and ended ${ends} times`);
  for (const [id, { called }] of calls) if (called !== 1) problems.push(`call ${id} has ${called} outcomes`);
  return problems;
}
