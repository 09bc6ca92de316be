import { z } from 'zod';
import { toSessionId } from '../../../api/procedure/session-id.ts';
import { createTimeoutSignal } from '../../../core/concurrency/cancel.ts';
import { droppableEventTypes, eventSummaryOf } from '../../../core/model/event-traits.ts';
import type { SessionEvent } from '../../../core/model/events.ts';
import type { RunId, SessionId } from '../../../core/model/ids.ts';
import type { GoalAssessment } from '../../../core/model/runs/goal.ts';
import { truncateEnd } from '../../../core/text/text.ts';
import { GoalBody, toGoal } from '../../shared/conversation/goal.ts';
import { defineMcpTool, type McpContext, McpSessionIdInput, toStructuredResult } from '../tool.ts';

const WaitInput = z
  .number()
  .min(0)
  .max(600)
  .default(45)
  .describe(
    'how long to wait. If the run is still in progress then, the result says `running`: continue with watch_session',
  );
const maxShown = 2_000;

export const runTaskTool = defineMcpTool({
  name: 'run_task',
  title: 'Give the agent a task',
  description:
    "Gives the session's own agent a task, or steers or answers the current run, and waits for its end. The status is " +
    'completed, failed, stopped, waiting (it has a question, or a call needs decide_approval) or running.',
  input: z.strictObject({
    session_id: McpSessionIdInput,
    task: z
      .string()
      .max(200_000)
      .refine((text) => text.trim() !== '', 'must not be empty'),
    mode: z
      .enum(['inject', 'queue', 'replace'])
      .default('inject')
      .describe('what to do if a run is in progress: steer it, do this next, or stop it first'),
    goal: GoalBody.optional().describe('the task begins a run of its own, whose work is judged by this goal'),
    wait_seconds: WaitInput,
  }),
  effect: 'changes',
  async run({ session_id, task, mode, goal, wait_seconds }, call) {
    const id = toSessionId(session_id);
    const { runId, seq } = await call.services.sessions.send(id, {
      text: task,
      mode,
      ...(goal && { goal: toGoal(goal) }),
    });
    const place = { id, after: seq - 1, waitMs: wait_seconds * 1_000 };
    const states = createRunTracker(runId);
    for await (const event of readEventsUntil(call, place)) {
      states.update(event);
      if (states.now.status !== 'running') break;
      await tellProgress(call, event);
    }
    return toStructuredResult({ session_id, run_id: runId, ...toResult(states.now) });
  },
});

const toResult = ({ status, text, error, question, approvals, goal, seq }: RunState) => ({
  status,
  text,
  last_seq: seq,
  ...(error !== undefined && { error }),
  ...(goal && { goal }),
  ...(status === 'waiting' && { question, approvals }),
});

async function tellProgress({ progress }: McpContext, event: SessionEvent): Promise<void> {
  if (event.type === 'tool.calling') await progress(`${event.data.function} ${clipped(event.data.args)}`);
  if (event.type === 'step') await progress(`${event.data.description}: ${event.data.status}`);
  if (event.type === 'message.assistant') await progress(event.data.text);
  if (event.type === 'goal') await progress(eventSummaryOf(event));
}

export const watchSessionTool = defineMcpTool({
  name: 'watch_session',
  title: 'Watch a session',
  description:
    'Returns the events of a session after a place in its log, without those of streamed text. If there are none yet, it ' +
    'waits for the first. Pass `last_seq` as the `after_seq` of the next call.',
  input: z.strictObject({
    session_id: McpSessionIdInput,
    after_seq: z.int().min(0).default(0).describe('the last_seq of the previous call'),
    limit: z.int().min(1).max(500).default(100),
    wait_seconds: WaitInput,
  }),
  effect: 'reads',
  async run({ session_id, after_seq, limit, wait_seconds }, call) {
    const id = toSessionId(session_id);
    const { lastSeq: head } = await call.services.sessions.get(id);
    const waitMs = wait_seconds * 1_000;
    const events: { seq: number; type: string; run_id: string | null; data: unknown }[] = [];
    for await (const { seq, type, runId, data } of readEventsUntil(call, { id, after: after_seq, waitMs })) {
      events.push({ seq, type, run_id: runId, data: bounded(data) });
      if (events.length >= limit || seq >= head) break; // waits only if the caller has read everything
    }
    const { status, lastSeq } = await call.services.sessions.get(id);
    return toStructuredResult({
      session_id,
      status,
      events,
      last_seq: events.at(-1)?.seq ?? after_seq,
      newest_seq: lastSeq,
    });
  },
});

export const answerApprovalTool = defineMcpTool({
  name: 'decide_approval',
  title: 'Answer an approval',
  description: 'Permits or refuses a call of the agent that waits for a person. Ask your user before you permit one.',
  input: z.strictObject({
    session_id: McpSessionIdInput,
    call_id: z.string().min(1).max(255),
    decision: z.enum(['approved', 'rejected']),
    note: z.string().trim().min(1).max(10_000).optional().describe('a note to the agent'),
  }),
  effect: 'changes',
  async run({ session_id, call_id, decision, note }, { services }) {
    const id = toSessionId(session_id);
    const requested = { callId: call_id, decision, by: 'user', ...(note !== undefined && { text: note }) };
    return toStructuredResult({
      session_id,
      call_id,
      decision: (await services.sessions.decide(id, requested)).decision,
    });
  },
});

export const stopRunTool = defineMcpTool({
  name: 'stop_run',
  title: 'Stop the agent',
  description: 'Stops the run of the session with every process it started. The files and the session are kept.',
  input: z.strictObject({ session_id: McpSessionIdInput }),
  effect: 'changes',
  async run({ session_id }, { services }) {
    return toStructuredResult({ session_id, stopped: (await services.sessions.stop(toSessionId(session_id))).stopped });
  },
});

const clipped = (value: unknown) => {
  const text = JSON.stringify(value);
  return text.length <= maxShown ? text : `${truncateEnd(text, maxShown)}…`;
};
const bounded = (data: unknown): unknown => (JSON.stringify(data).length <= maxShown ? data : clipped(data));

interface FollowRequest {
  readonly id: SessionId;
  readonly after: number;
  readonly waitMs: number;
}

async function* readEventsUntil(
  { services, clock, signal }: Pick<McpContext, 'services' | 'clock' | 'signal'>,
  { id, after, waitMs }: FollowRequest,
): AsyncGenerator<SessionEvent> {
  using until = createTimeoutSignal(waitMs, clock, signal);
  for await (const item of services.sessions.follow(id, after, { signal: until.signal, deltas: false })) {
    // Skips a resync: the session itself contains the earlier state.
    if (item.kind === 'resync') continue;
    for (const event of item.events) if (!droppableEventTypes.has(event.type)) yield event;
  }
}

interface RunState {
  status: 'running' | 'waiting' | 'completed' | 'stopped' | 'failed';
  text: string;
  error?: string;
  question: string;
  goal?: GoalAssessment;
  approvals: { call_id: string; function: string; args: Record<string, unknown> }[];
  seq: number;
}

function createRunTracker(run: RunId): { readonly now: RunState; update(event: SessionEvent): void } {
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
