import type { ErrorCode } from '../src/core/errors/errors.ts';
import type { RunEndReason, SessionFact } from '../src/core/model/events.ts';
import type { RunId } from '../src/core/model/ids.ts';
import { protocolViolationMessage } from '../src/core/model/protocol-violation.ts';
import { actorStopEvent, findRunningChildren } from './orphaned-actors.ts';
import type { RunInput, Verdict } from './run.ts';
import { parseVerdict, toUnjudgedAssessment } from './run-rules.ts';
import type { SandboxEnd } from './sandbox.ts';
import { applyDecisions, listDecisions, verdictsOf } from './session-decisions.ts';
import { sessionSetup } from './session-setup.ts';
import type { CommandAnswer, QueuedRun, SendMessageCommand, SessionContext } from './session-types.ts';

// Changes enqueued in an `enqueueActions` call are not visible within that call.

const own = sessionSetup;
const isSend = (event: { type: string }): event is SendMessageCommand => event.type === 'cmd.send';
const ask = (event: object): string[] => ('commandId' in event ? [String(event.commandId)] : []);
const answering = (answer: CommandAnswer) =>
  own.enqueueActions(({ event, enqueue }) => {
    enqueue({ type: 'answer', params: { commandIds: ask(event), answer } });
  });
const stopped = (run: QueuedRun, reason: RunEndReason): SessionFact => ({
  type: 'run.end',
  runId: run.runId,
  data: { status: 'stopped', reason, task: run.task, ...(run.goal && { goal: toUnjudgedAssessment(reason) }) },
});
const userMessage = (event: SendMessageCommand, runId: RunId): SessionFact => ({
  type: 'message.user',
  runId,
  data: {
    messageId: event.messageId,
    text: event.text,
    attachments: [...event.attachments],
    ...(event.clientTimestamp === undefined ? {} : { clientTimestamp: event.clientTimestamp }),
    ...(event.blocks && { blocks: [...event.blocks] }),
    ...(event.goal && { goal: event.goal }),
  },
});

export const enqueueRun = own.enqueueActions(({ context, event, enqueue }) => {
  if (!isSend(event)) return;
  const { runId, text: task, messageId, commandId, plans, goal } = event;
  const more = { ...(plans !== undefined && { plans }), ...(goal && { goal }) };
  const run: QueuedRun = { runId, task, messageId, resume: undefined, ...more };
  const queue = event.mode === 'replace' ? [run, ...context.queue] : [...context.queue, run];
  enqueue.assign({ queue, distrusted: false });
  enqueue({ type: 'record', params: { facts: [userMessage(event, runId)], answer: { commandId, messageId, runId } } });
});

export const injectMessage = own.enqueueActions(({ context, event, enqueue }) => {
  if (!isSend(event) || !context.active) return;
  const { runId } = context.active;
  const { messageId, commandId } = event;
  enqueue.assign({ forwarded: context.forwarded + 1, distrusted: false });
  enqueue({ type: 'record', params: { facts: [userMessage(event, runId)], answer: { commandId, messageId, runId } } });
  enqueue.sendTo('run', { type: 'run.inject' });
});

export const answerQuestion = own.enqueueActions(({ context, event, enqueue }) => {
  if (!isSend(event) || !context.active) return;
  const { runId } = context.active;
  const { messageId, commandId } = event;
  enqueue.assign({ distrusted: false });
  enqueue({
    type: 'record',
    params: {
      facts: [userMessage(event, runId), { type: 'run.resumed', runId, data: { messageId } }],
      answer: { commandId, messageId, runId },
    },
  });
});

export const recordRunResumed = own.enqueueActions(({ context, enqueue }) => {
  if (!context.active) return;
  enqueue({
    type: 'record',
    params: { facts: [{ type: 'run.resumed', runId: context.active.runId, data: {} }] },
  });
});

export const answerApproval = own.enqueueActions(({ context, event, enqueue }) => {
  const [first] = context.approvals;
  if (!isSend(event) || !context.active || !first) return;
  const { runId } = context.active;
  const { messageId, commandId } = event;
  const verdict = parseVerdict(event.text);
  const decision = verdict.decision === 'approved' ? 'approved' : 'rejected';
  const { approvals } = applyDecisions(context.approvals, [{ callId: first.callId, decision }]);
  enqueue.assign({ verdicts: { [first.callId]: verdict }, approvals, distrusted: false });
  enqueue({
    type: 'record',
    params: {
      facts: [
        userMessage(event, runId),
        resolved(context, first.callId, { ...verdict, by: 'user' }),
        { type: 'run.resumed', runId, data: { messageId } },
      ],
      answer: { commandId, messageId, runId },
    },
  });
});

/** A working run gets the decisions immediately but applies them after its current calls. */
export const applyCallDecisions = (run: 'waits' | 'waitsForSlot' | 'works') =>
  own.enqueueActions(({ context, event, enqueue }) => {
    if (event.type !== 'cmd.decide' || !context.active) return;
    const { callId, decision, by, commandId } = event;
    const { taken, approvals } = applyDecisions(context.approvals, listDecisions(event));
    const verdicts = verdictsOf({ taken });
    enqueue.assign({ approvals, ...(run !== 'works' && { verdicts: { ...context.verdicts, ...verdicts } }) });
    const facts = taken.map((one) => resolved(context, one.callId, { ...one.verdict, by }));
    const resumed: SessionFact[] =
      run === 'waits' ? [{ type: 'run.resumed', runId: context.active.runId, data: {} }] : [];
    const decided = { commandIds: [commandId], value: { callId, decision } };
    enqueue({ type: 'record', params: { facts: [...facts, ...resumed], decided } });
    if (run === 'works') enqueue.sendTo('run', { type: 'run.decided', verdicts });
  });

export const expireApprovals = own.enqueueActions(({ context, enqueue }) => {
  if (!context.active) return;
  const { runId } = context.active;
  const next = Math.min(...context.approvals.map(({ remainingMs }) => remainingMs));
  const expired = context.approvals.filter(({ remainingMs }) => remainingMs === next);
  const verdict = { decision: 'expired' } as const;
  enqueue.assign({
    verdicts: Object.fromEntries(expired.map(({ callId }) => [callId, verdict])),
    approvals: context.approvals.filter((one) => !expired.includes(one)),
  });
  const facts = expired.map(({ callId }) => resolved(context, callId, { ...verdict, by: 'timeout' }));
  enqueue({ type: 'record', params: { facts: [...facts, { type: 'run.resumed', runId, data: {} }] } });
});

const resolved = ({ active }: SessionContext, callId: string, how: Verdict & { by: string }): SessionFact => ({
  type: 'approval.resolved',
  runId: active?.runId ?? null,
  data: { callId, ...how },
});

export const updateApprovals = own.assign({
  approvals: ({ event }) => (event.type === 'run.waiting' ? (event.approvals ?? []) : []),
});

export const rejectStaleDecision = answering({
  ok: false,
  code: 'conflict',
  message: 'This call is not waiting for approval: it was already decided, it expired, or its run ended.',
});

export const rejectQueueFull = answering({
  ok: false,
  code: 'queue_full',
  message: 'Too many messages are waiting in this session. Wait until some of them are processed.',
});

export const beginRun = own.enqueueActions(({ context, enqueue }) => {
  const [run, ...queue] = context.queue;
  if (!run) return;
  const { unseen = 0, approvals = [] } = run.resume ?? {};
  enqueue.assign({ queue, active: run, forwarded: unseen, ending: false, approvals, verdicts: {} });
  if (run.resume) return;
  const { runId, task, messageId, goal } = run;
  const facts: SessionFact[] = [{ type: 'run.started', runId, data: { task, messageId } }];
  enqueue({ type: 'record', params: { facts, ...(goal && { goal }) } });
});

export const stopRuns = (reason: 'stopped' | 'deleted') =>
  own.enqueueActions(({ context, event, enqueue }) => {
    enqueue.assign({
      queue: [],
      dropped: [...context.dropped, ...context.queue],
      ...(reason === 'deleted'
        ? { isDeleting: true, deletes: [...context.deletes, ...ask(event)] }
        : { stops: [...context.stops, ...ask(event)] }),
    });
    enqueue.sendTo('run', { type: 'run.stop', reason });
    // The sandbox was starting only for this run. Its files are kept.
    if (reason === 'stopped' && !context.arrived) enqueue.raise({ type: 'sandbox.unwanted' });
  });

export const dropQueue = (reason: 'stopped' | 'deleted') =>
  own.enqueueActions(({ context, event, enqueue }) => {
    const facts = context.queue.map((run) => stopped(run, reason));
    enqueue.assign({
      queue: [],
      ...(reason === 'deleted' ? { isDeleting: true, deletes: [...context.deletes, ...ask(event)] } : {}),
    });
    if (reason === 'deleted') return enqueue({ type: 'record', params: { facts } });
    const stops = { commandIds: ask(event), value: { stopped: facts.length > 0 } };
    enqueue({ type: 'record', params: { facts, stops } });
    if (context.queue.length > 0 && !context.arrived) enqueue.raise({ type: 'sandbox.unwanted' });
  });

export const finishRun = own.enqueueActions(({ context, enqueue }) => {
  const reason = context.isDeleting ? 'deleted' : 'stopped';
  const facts = context.dropped.map((run) => stopped(run, reason));
  const stops = { commandIds: context.stops, value: { stopped: true } };
  enqueue({ type: 'record', params: { facts, stops } });
  enqueue.assign({
    active: undefined,
    forwarded: 0,
    ending: false,
    dropped: [],
    stops: [],
    approvals: [],
    verdicts: {},
  });
});

export const stopOrphanedActors = (id: 'run' | 'sandbox') =>
  own.enqueueActions(({ enqueue, self }) => {
    for (const orphan of findRunningChildren(self, id)) enqueue.sendTo(orphan, actorStopEvent);
  });

export const abandonCrashedRun = own.enqueueActions(({ context, event, enqueue }) => {
  if (!context.active || !('error' in event)) return;
  enqueue({ type: 'abandon', params: { run: context.active, error: event.error } });
});

export const decideRunEnd = own.enqueueActions(({ context, event, enqueue }) => {
  if (event.type !== 'run.wantsToEnd') return;
  const unread = context.forwarded > event.seen;
  enqueue.assign({ ending: !unread });
  enqueue.sendTo('run', { type: unread ? 'run.goOn' : 'run.mayEnd' });
});

export const acquireSandbox = own.enqueueActions(({ context, event, enqueue }) => {
  if (event.type !== 'sandbox.use') return;
  enqueue.sendTo('sandbox', { type: 'sandbox.busy' });
  if (!context.isReady) return enqueue.assign({ waiters: [...context.waiters, event.commandId] });
  enqueue.assign({ uses: [...context.uses, event.commandId] });
  enqueue({ type: 'answer', params: { commandIds: [event.commandId], answer: { ok: true, value: undefined } } });
});

export const answerSandboxWaiters = own.enqueueActions(({ context, enqueue }) => {
  const uses = [...context.uses, ...context.waiters];
  enqueue.assign({ isReady: true, arrived: true, waiters: [], uses });
  // callers may have arrived before the sandbox's actor existed
  if (uses.length > 0) enqueue.sendTo('sandbox', { type: 'sandbox.busy' });
  enqueue({ type: 'answer', params: { commandIds: context.waiters, answer: { ok: true, value: undefined } } });
  enqueue({ type: 'release', params: { slot: 'start' } });
});

export const stopUsingSandbox = (sandbox: 'present' | 'elsewhere') =>
  own.enqueueActions(({ context, event, enqueue }) => {
    if (event.type !== 'sandbox.done') return;
    const uses = context.uses.filter((id) => id !== event.commandId);
    const waiters = context.waiters.filter((id) => id !== event.commandId);
    enqueue.assign({ uses, waiters });
    if (sandbox === 'present' && uses.length + waiters.length === 0)
      enqueue.sendTo('sandbox', { type: 'sandbox.idle' });
  });

const refusal = ({ code, message }: { code: ErrorCode; message: string }) => ({ code, message });

export const rejectSandboxWaiters = (why: (end: SandboxEnd) => { code: ErrorCode; message: string }) =>
  own.enqueueActions(({ context, event, enqueue }) => {
    const end = (event as unknown as { output: SandboxEnd }).output;
    enqueue.assign({ waiters: [] });
    enqueue({ type: 'answer', params: { commandIds: context.waiters, answer: { ok: false, ...refusal(why(end)) } } });
  });

/** Null once the run's end is being logged, because no fact of the run may follow it. */
const openRun = ({ active, ending }: SessionContext) => (active && !ending ? active.runId : null);

export const recordPhase = own.enqueueActions(({ context, event, enqueue }) => {
  if (event.type !== 'sandbox.phase') return;
  const { type, ...data } = event;
  enqueue({ type: 'record', params: { facts: [{ type, runId: openRun(context), data }] } });
  if (data.phase === 'paused' || data.phase === 'lost') enqueue.assign({ isReady: false });
});

export const recordUntrustedSandbox = own.enqueueActions(({ context, event, enqueue }) => {
  if (event.type !== 'sandbox.untrusted') return;
  const { type, breach: data } = event;
  enqueue({ type: 'record', params: { facts: [{ type, runId: openRun(context), data }] } });
  enqueue.assign({ isReady: false });
});

/** The next sandbox could be untrusted too, so the user must consent to it. */
export const rejectUntrustedSandbox = answering({
  ok: false,
  code: 'sandbox_untrusted',
  message: protocolViolationMessage,
});

export const markUntrusted = own.assign({
  distrusted: ({ context, event }) => {
    const { output } = event as unknown as { output: SandboxEnd };
    return context.distrusted || (output.kind === 'failed' && output.code === 'sandbox_untrusted');
  },
});

export const sessionDeletingError = { code: 'session_not_found', message: 'The session is being deleted.' } as const;
export const rejectDeleted = answering({ ok: false, ...sessionDeletingError });
export const acknowledgeCommand = answering({ ok: true, value: undefined });

export const resolveReleases = own.enqueueActions(({ context, enqueue }) => {
  enqueue.assign({ releases: [] });
  const answer: CommandAnswer = { ok: true, value: { stopped: true } };
  enqueue({ type: 'answer', params: { commandIds: context.releases, answer } });
});

export const resolveNoopRelease = answering({ ok: true, value: { stopped: false } });

export const isSessionIdle = ({ active, queue, uses, waiters }: SessionContext): boolean =>
  active === undefined && queue.length + uses.length + waiters.length === 0;

export const toRunInput = ({ sessionId, active, runPolicy }: SessionContext): RunInput => {
  const { runId, task, messageId, resume, goal, plans = runPolicy.plans } = active as QueuedRun;
  return { sessionId, runId, task, messageId, policy: { ...runPolicy, plans }, goal, resume };
};

export const toReleasedFact = (context: SessionContext): SessionFact => ({
  type: 'sandbox.phase',
  runId: openRun(context),
  data: { phase: 'released', detail: 'its files are kept' },
});

export const supersedeRun = () => own.sendTo('run', { type: 'run.stop', reason: 'superseded' });
export const continueRun = () =>
  own.sendTo('run', ({ context: { verdicts } }) => ({
    type: 'run.answer' as const,
    ...(Object.keys(verdicts).length > 0 && { verdicts }),
  }));
export const forgetVerdicts = own.assign({ verdicts: {} });
export const forwardSlotGrant = () => own.sendTo('sandbox', { type: 'slot.granted' });
export const distrustSandbox = () =>
  own.sendTo('sandbox', ({ event }) => ({
    type: 'sandbox.distrust' as const,
    breach: (event as Extract<typeof event, { type: 'sandbox.distrust' }>).breach,
  }));
export const releaseSandbox = (workspace: 'keep' | 'remove') =>
  own.sendTo('sandbox', { type: 'sandbox.release', workspace });

export const markSandboxIdle = () => own.sendTo('sandbox', { type: 'sandbox.rest' });

export const pauseSandbox = own.enqueueActions(({ event, enqueue }) => {
  if (event.type !== 'sandbox.pause') return;
  enqueue.sendTo('sandbox', { type: 'sandbox.pause' });
  enqueue({ type: 'answer', params: { commandIds: [event.commandId], answer: { ok: true, value: undefined } } });
});
export const rejectPause = answering({
  ok: false,
  code: 'sandbox_not_found',
  message: 'The sandbox is not running.',
});
