import { fromPromise } from 'xstate';
import {
  type ApprovalRequest,
  type RunEnd,
  runMachine,
  type TurnInput,
  type TurnResult,
} from '../../../machines/run.ts';
import { maxConsoleChars, readShellConsole } from '../../agents/tools/shell.ts';
import { createTimeoutSignal } from '../../core/concurrency/cancel.ts';
import { type Clock, waitForNextLoopTurn } from '../../core/contracts/clock.ts';
import type { PlanStep, SessionFact, ToolContent } from '../../core/model/events.ts';
import type { RunId, SessionId } from '../../core/model/ids.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { ExternalAgentRunner } from './agent/external-agents.ts';
import { decideExternalCalls, isExternalRun, runExternalTurn } from './agent/external-turn.ts';
import { executeToolCalls } from './calls/tool-calls.ts';
import { judgeGoal } from './goal/judge.ts';
import type { LiveSession } from './live-session.ts';
import { computeSpendingAt } from './log/projection.ts';
import type { OpenToolCall, RunWriter } from './log/run-writer.ts';
import { omissionReporter } from './missing-tools.ts';
import {
  createStepStartFacts,
  createTitleFacts,
  listPlanningTools,
  planRun,
  resolvePlanCalls,
  splitInHalf,
} from './plan.ts';
import { computeShortHash } from './progress.ts';
import type { KernelManager, RunContext, SandboxLease } from './run-context.ts';
import { closePlan, createTodoFacts } from './todo-facts.ts';
import type { BudgetedRun } from './turn-budget.ts';
import { endEmptyTurn, runTurn, type Turn } from './turns/turn.ts';

interface Deps {
  readonly clock: Clock;
  /** With `signal`, `tools` includes the tools of tool servers. */
  working(run: BudgetedRun, signal?: AbortSignal): Promise<RunContext>;
  live(sessionId: SessionId): LiveSession;
  use(sessionId: SessionId, signal: AbortSignal): Promise<SandboxLease>;
  readonly kernels?: KernelManager | undefined;
  readonly loops?: ExternalAgentRunner | undefined;
  onEnd(status: 'completed' | 'stopped' | 'failed'): void;
}
const killMs = 4_000; // less than the five seconds within which a stop must complete

export const provideRunMachine = ({ clock, working, live, use, kernels, loops, onEnd }: Deps) =>
  runMachine.provide({
    actors: {
      plan: fromPromise(async ({ input, signal }) => {
        await waitUntilWritten(live(input.sessionId));
        return await planRun(await working(input), input, signal);
      }),
      act: fromPromise(async ({ input, signal }) => {
        await waitUntilWritten(live(input.sessionId));
        const work = await working(input, signal);
        return isExternalRun(work)
          ? await runExternalTurn(work, input, signal)
          : await takeStepTurn(work, input, signal);
      }),
      calls: fromPromise(async ({ input, signal }) => {
        const work = await working(input, signal);
        return isExternalRun(work)
          ? await decideExternalCalls(work, input, signal)
          : await executeToolCalls(work, input, signal);
      }),
      summarize: fromPromise(async ({ input, signal }) => summarizeRun(await working(input, signal), input, signal)),
      judge: fromPromise(async ({ input, signal }) => judgeGoal(await working(input), input, signal)),
      notice: fromPromise(async ({ input: { sessionId, runId, kind, detail, code, retry } }) => {
        const { runWriter } = await working({ sessionId, runId });
        await runWriter.write({
          type: 'run.notice',
          runId,
          data: { kind, detail, ...(code && { code }), ...(retry && { retry }) },
        });
      }),
      wait: fromPromise(async ({ input: { sessionId, runId, question, reason, over, approvals } }) => {
        const { runWriter, writer } = live(sessionId);
        // No await before the write: the question must precede even an immediate answer.
        const targets = approvals.flatMap((one) => runWriter?.ask(requested(one, clock.now())) ?? []);
        const isForClient = approvals.some(({ byClient }) => byClient) && { byClient: true as const };
        const why = { ...(reason && { reason }), ...isForClient, ...(over && { budget: over }) };
        const data = { question, ...why, ...computeSpendingAt(writer.record, runId, clock.now()) };
        const wait: SessionFact = { type: 'run.wait', runId, data };
        await runWriter?.write(...targets, ...runWriter.messageFacts(splitInHalf(question), reason), wait);
      }),
      end: fromPromise(async ({ input: { sessionId, runId, task, end } }) => {
        const own = live(sessionId);
        await endRun({ clock, use, kernels, loops }, own, { runId, task, end });
        onEnd(statusOf(end));
      }),
      close: fromPromise(async ({ input: { sessionId, runId, task, end } }) =>
        closeRun(live(sessionId), live(sessionId).runWriter, { runId, task, end }),
      ),
    },
  });

/** Lets subscribers get all events before the preparation of the next request blocks the event loop. */
async function waitUntilWritten({ writer }: LiveSession): Promise<void> {
  await writer.settled();
  await waitForNextLoopTurn();
}

const requested = ({ timeoutMs, args, ...call }: ApprovalRequest, now: number) => ({
  ...call,
  args: { ...args },
  expiresAt: now + timeoutMs,
});

interface RunEnding {
  readonly runId: RunId;
  readonly task: string;
  readonly end: RunEnd;
}

async function endRun(
  { clock, use, kernels, loops }: Pick<Deps, 'clock' | 'use' | 'kernels' | 'loops'>,
  live: LiveSession,
  { runId, task, end }: RunEnding,
): Promise<void> {
  const { runWriter, client } = live;
  if (!runWriter) return;
  runWriter.shut();
  const shown = new Map<string, ToolContent>();
  // Background processes outlive a run that completes, or that fails without open calls.
  if (end.reason !== 'completed' && client && (end.reason !== 'failed' || runWriter.openCalls.length > 0)) {
    using until = createTimeoutSignal(killMs, clock);
    const kill = async () => {
      // A frozen process handles signals only when resumed, so the sandbox is resumed first.
      await using used = live.isPaused ? await use(live.id, until.signal) : undefined;
      const own = used?.client ?? client;
      const calls = end.reason === 'deleted' ? [] : runWriter.openCalls.flatMap(inShell);
      const view = { shells: calls.map(({ shell }) => shell), chars: maxConsoleChars };
      const [ended] = await Promise.all([
        own.killTagged(runId, until.signal, view),
        kernels?.endRun(own, runId),
        loops?.end(own),
      ]);
      const viewed: Pick<SandboxClient, 'view'> = {
        view: async (shell, signal, limit) =>
          ended.shells?.find(({ id }) => id === shell) ?? (await own.view(shell, signal, limit)),
      };
      for (const { callId, shell } of calls) shown.set(callId, await readShellConsole(viewed, shell, until.signal));
    };
    // A deleted session's sandbox is destroyed, so a paused one need not be resumed.
    if (end.reason !== 'deleted' || !live.isPaused) await kill().catch(() => {});
  }
  await closeRun(live, runWriter, { runId, task, end, shown });
}

const inShell = ({ callId, tool, args }: OpenToolCall) =>
  tool === 'shell' && typeof args.id === 'string' ? [{ callId, shell: args.id }] : [];

async function closeRun(
  live: LiveSession,
  runWriter: RunWriter | undefined,
  { runId, task, end, shown }: RunEnding & { readonly shown?: ReadonlyMap<string, ToolContent> },
): Promise<void> {
  if (runWriter?.runId !== runId) return;
  await runWriter.close(
    createRunEndFacts(runId, task, end),
    end.reason === 'failed' ? 'interrupted' : 'cancelled',
    shown,
  );
  if (live.runWriter === runWriter) live.runWriter = undefined; // the next run may have started in the meantime
}

const statusOf = ({ reason }: RunEnd) =>
  reason === 'completed' ? 'completed' : reason === 'failed' || reason === 'expired' ? 'failed' : 'stopped';

export function createRunEndFacts(runId: RunId, task: string, end: RunEnd): SessionFact[] {
  const { reason, code, retryable, message, goal } = end;
  const status = statusOf(end);
  const why = {
    ...(code === undefined ? {} : { code }),
    ...(retryable === undefined ? {} : { retryable }),
    ...(goal && { goal }),
  };
  const over: SessionFact = { type: 'run.end', runId, data: { status, reason, task, ...why } };
  if (status !== 'failed') return [over];
  return [{ type: 'run.error', runId, data: { error: message ?? 'The run failed.' } }, over];
}

async function takeStepTurn(
  work: RunContext,
  { plans, planned, steps, hint }: TurnInput,
  signal: AbortSignal,
): Promise<TurnResult> {
  const { runWriter, workdir } = work;
  const prompt = await work.prompt(signal);
  const step = plans ? steps.find(({ status }) => status === 'running') : undefined;
  const begun = step ? createStepStartFacts(runWriter, steps) : createTitleFacts(work);
  if (begun.length > 0) await runWriter.write(...begun);
  const phase = step
    ? ({ kind: 'act', step, stepIndex: steps.indexOf(step) } as const)
    : ({ kind: 'act', step: { id: '1', description: work.task, status: 'running' }, stepIndex: 0 } as const);
  // The agent's plan is only in its todo calls, which a compaction removes.
  const isHidden = steps.length > 0 && runWriter.transcript.compactions.length > 0;
  const note = step && planned ? prompt.step(steps, step) : !step && isHidden ? prompt.todoList(steps) : '';
  const tools = plans ? listPlanningTools(work) : work.tools.declarations;
  const turn = await runTurn(work, { phase, note, hint, tools, prompt, workdir }, signal);
  if (!turn.ok) return turn.result;
  const { message, pieces, facts, spent } = turn;
  if (turn.empty) return await endEmptyTurn(work, turn);
  const { plan: created, calls } = resolvePlanCalls(runWriter, message, { steps, planned, plans });
  if (created) {
    await runWriter.write(...facts, ...createTitleFacts(work, created.title), runWriter.plan(created.steps));
    return { kind: 'planned', digest: created.digest, steps: created.steps, calls, spent };
  }
  if (message.calls.length > 0) {
    // A message that is partly in the log must be completed before other facts.
    if (pieces.length > 0) await runWriter.write(...facts);
    else runWriter.deferToNextWrite(...facts);
    return { kind: 'calls', calls, spent };
  }
  if (!step) {
    const closed = closePlan(steps, saysItFailed(message.text));
    const changed = closed.some((it, n) => it !== steps[n]) ? createTodoFacts(runWriter, closed) : [];
    await runWriter.write(...facts, ...omissionReporter.callless(work), ...changed);
    return { kind: 'replied', digest: computeShortHash(message.text), steps: closed, spent };
  }
  const done: PlanStep = { ...step, status: saysItFailed(message.text) ? 'failed' : 'completed' };
  const after = steps.map((it) => (it.id === done.id ? done : it));
  // The event contract requires the step's end before the message with its result.
  await runWriter.write(runWriter.step(done), ...facts, ...omissionReporter.callless(work), runWriter.plan(after));
  return { kind: 'replied', digest: computeShortHash(message.text), answers: !planned, steps: after, spent };
}

/** The model decides whether a step failed, because a successful step's last command can fail. */
const saysItFailed = (text: string): boolean => /^[\s*_#>]*this step failed\b/i.test(text);

/** The first request declares the tools, to keep the prefix of the previous request. */
async function summarizeRun(work: RunContext, { steps, hint }: TurnInput, signal: AbortSignal): Promise<TurnResult> {
  const { runWriter } = work;
  const prompt = await work.prompt(signal);
  const requested = {
    phase: { kind: 'summarize' },
    note: prompt.answer,
    prompt,
    workdir: work.workdir,
  } as const;
  const first = await runTurn(work, { ...requested, hint, tools: listPlanningTools(work) }, signal);
  if (!first.ok) return first.result;
  if (first.message.calls.length === 0) return await summed(runWriter, first, steps);
  for (const { callId, name } of first.message.calls) {
    const output = 'Not run: all steps are finished. Say what came out.';
    runWriter.add({ runId: runWriter.runId, message: { role: 'tool', callId, name, output, success: false } });
  }
  await runWriter.write(...first.facts);
  const second = await runTurn(work, { ...requested, hint, tools: [] }, signal);
  return second.ok ? await summed(runWriter, second, steps) : second.result;
}

async function summed(
  runWriter: RunContext['runWriter'],
  turn: Turn & { ok: true },
  steps: readonly PlanStep[],
): Promise<TurnResult> {
  const { facts, spent, message } = turn;
  if (turn.empty) return await endEmptyTurn({ runWriter }, turn);
  await runWriter.write(...facts, runWriter.plan(steps));
  return { kind: 'replied', digest: computeShortHash(message.text), steps, spent };
}
