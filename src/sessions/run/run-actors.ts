import { fromPromise } from 'xstate';
import type { ApprovalRequest, RunEnd } from '../../../machines/run.ts';
import { runMachine } from '../../../machines/run.ts';
import { maxConsoleChars, readConsole } from '../../agents/tools/shell.ts';
import { createTimeoutSignal } from '../../core/concurrency/cancel.ts';
import { type Clock, nextLoopTurn } from '../../core/contracts/clock.ts';
import type { SessionFact, ToolContent } from '../../core/model/events.ts';
import type { RunId, SessionId } from '../../core/model/ids.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import { summarizeRun, takeStepTurn } from './act.ts';
import type { ExternalAgents } from './agent/external-agents.ts';
import { decideExternalCalls, isExternalRun, takeExternalTurn } from './agent/external-turn.ts';
import { executeToolCalls } from './calls/tool-calls.ts';
import { judgeGoal } from './goal/judge.ts';
import type { LiveSession } from './live-session.ts';
import { computeSpendingAt } from './log/projection.ts';
import type { OpenCall, RunWriter } from './log/run-writer.ts';
import { planRun, splitTitle } from './plan.ts';
import type { AgentKernels, RunContext } from './run-context.ts';
import type { SandboxLease } from './sandbox-lease.ts';
import type { TurnRun } from './turn-budget.ts';

interface Deps {
  readonly clock: Clock;
  /** With a signal, `tools` includes the tools of tool servers. */
  working(run: TurnRun, signal?: AbortSignal): Promise<RunContext>;
  live(sessionId: SessionId): LiveSession;
  use(sessionId: SessionId, signal: AbortSignal): Promise<SandboxLease>;
  readonly kernels?: AgentKernels | undefined;
  readonly loops?: ExternalAgents | undefined;
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
          ? await takeExternalTurn(work, input, signal)
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
        // No await before the write, so that an immediate answer follows the question in the log.
        const targets = approvals.flatMap((one) => runWriter?.ask(requested(one, clock.now())) ?? []);
        const isForClient = approvals.some(({ byClient }) => byClient) && { byClient: true as const };
        const why = { ...(reason && { reason }), ...isForClient, ...(over && { budget: over }) };
        const data = { question, ...why, ...computeSpendingAt(writer.record, runId, clock.now()) };
        const wait: SessionFact = { type: 'run.wait', runId, data };
        await runWriter?.write(...targets, ...runWriter.messageFacts(splitTitle(question), reason), wait);
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

/**
 * Resolves when subscribers have all events so far. Preparing a request takes about as long as sending an event, on the
 * same event loop, so an immediate turn would delay the message it responds to.
 */
async function waitUntilWritten({ writer }: LiveSession): Promise<void> {
  await writer.settled();
  await nextLoopTurn();
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
  // Background processes outlive a completed run. They are ended after a stopped run, and after a failed run with open
  // calls.
  if (end.reason !== 'completed' && client && (end.reason !== 'failed' || runWriter.openCalls.length > 0)) {
    using until = createTimeoutSignal(killMs, clock);
    const kill = async () => {
      // A frozen process would handle signals only when resumed later, so the sandbox is resumed first.
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
      for (const { callId, shell } of calls) shown.set(callId, await readConsole(viewed, shell, until.signal));
    };
    // A paused sandbox of a deleted session is not resumed, because destroying it ends its processes.
    if (end.reason !== 'deleted' || !live.isPaused) await kill().catch(() => {});
  }
  await closeRun(live, runWriter, { runId, task, end, shown });
}

const inShell = ({ callId, tool, args }: OpenCall) =>
  tool === 'shell' && typeof args.id === 'string' ? [{ callId, shell: args.id }] : [];

async function closeRun(
  live: LiveSession,
  runWriter: RunWriter | undefined,
  { runId, task, end, shown }: RunEnding & { readonly shown?: ReadonlyMap<string, ToolContent> },
): Promise<void> {
  if (runWriter?.runId !== runId) return;
  await runWriter.close(createEndFacts(runId, task, end), end.reason === 'failed' ? 'interrupted' : 'cancelled', shown);
  if (live.runWriter === runWriter) live.runWriter = undefined; // the next run may have started in the meantime
}

const statusOf = ({ reason }: RunEnd) =>
  reason === 'completed' ? 'completed' : reason === 'failed' || reason === 'expired' ? 'failed' : 'stopped';

export function createEndFacts(runId: RunId, task: string, end: RunEnd): SessionFact[] {
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
