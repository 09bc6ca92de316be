import { createTimeoutSignal } from '../../core/concurrency/cancel.ts';
import { droppableEventTypes } from '../../core/model/event-traits.ts';
import type { SessionEvent } from '../../core/model/events.ts';
import type { RunId, SessionId } from '../../core/model/ids.ts';
import type { GoalEnd } from '../../core/model/runs/goal.ts';
import type { McpCall } from './tool.ts';

interface FollowRequest {
  readonly id: SessionId;
  readonly after: number;
  readonly waitMs: number;
}

/** Ends at the time limit, when the caller disconnects, or when the session is deleted. */
export async function* readEventsUntil(
  { services, clock, signal }: Pick<McpCall, 'services' | 'clock' | 'signal'>,
  { id, after, waitMs }: FollowRequest,
): AsyncGenerator<SessionEvent> {
  using until = createTimeoutSignal(waitMs, clock, signal);
  for await (const item of services.sessions.follow(id, after, { signal: until.signal, deltas: false })) {
    // After a resync, events continue at the head of the log; earlier state is in the session itself.
    if (item.kind === 'resync') continue;
    for (const event of item.events) if (!droppableEventTypes.has(event.type)) yield event;
  }
}

export interface RunState {
  status: 'running' | 'waiting' | 'completed' | 'stopped' | 'failed';
  text: string;
  error?: string;
  question: string;
  goal?: GoalEnd;
  approvals: { call_id: string; function: string; args: Record<string, unknown> }[];
  seq: number;
}

export function createRunTracker(run: RunId): { readonly now: RunState; update(event: SessionEvent): void } {
  const now: RunState = { status: 'running', text: '', question: '', approvals: [], seq: 0 };
  return {
    now,
    update(event) {
      now.seq = event.seq;
      if (event.runId !== run) return;
      if (event.type === 'message.assistant') now.text = event.data.text;
      if (event.type === 'run.error') now.error = event.data.error;
      if (event.type === 'run.resumed') now.status = 'running';
      if (event.type === 'run.end') {
        const { status, goal } = event.data;
        Object.assign(now, { status, ...(goal && { goal }) });
      }
      if (event.type === 'run.wait') Object.assign(now, { status: 'waiting', question: event.data.question });
      if (event.type === 'approval.requested') {
        const { callId, function: name, args } = event.data;
        now.approvals.push({ call_id: callId, function: name, args });
      }
      if (event.type === 'approval.resolved') {
        const { callId } = event.data;
        now.approvals = now.approvals.filter(({ call_id }) => call_id !== callId);
      }
    },
  };
}
