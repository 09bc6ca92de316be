import type { TurnInput, TurnResult } from '../../../machines/run.ts';
import type { PlanStep } from '../../core/model/events.ts';
import { missingPartReporter } from './missing-tools.ts';
import { beginRunningStep, createTitleFacts, planningTools, resolvePlanCalls } from './plan.ts';
import { shortHash } from './progress.ts';
import type { RunContext } from './run-context.ts';
import { closePlan, createTodoFacts } from './todo-facts.ts';
import { endEmptyTurn, type Turn, takeTurn } from './turns/turn.ts';

export async function takeStepTurn(
  work: RunContext,
  { plans, planned, steps, hint }: TurnInput,
  signal: AbortSignal,
): Promise<TurnResult> {
  const { runWriter, workdir } = work;
  const prompt = await work.prompt(signal);
  const step = plans ? steps.find(({ status }) => status === 'running') : undefined;
  const begun = step ? beginRunningStep(runWriter, steps) : createTitleFacts(work);
  if (begun.length > 0) await runWriter.write(...begun);
  const phase = step
    ? ({ kind: 'act', step, stepIndex: steps.indexOf(step) } as const)
    : ({ kind: 'act', step: { id: '1', description: work.task, status: 'running' }, stepIndex: 0 } as const);
  // Without a step, the agent's plan is only in its todo calls, which a compaction removes.
  const isHidden = steps.length > 0 && runWriter.transcript.compactions.length > 0;
  const note = step && planned ? prompt.step(steps, step) : !step && isHidden ? prompt.todoList(steps) : '';
  const tools = plans ? planningTools(work) : work.tools.declarations;
  const turn = await takeTurn(work, { phase, note, hint, tools, prompt, workdir }, signal);
  if (!turn.ok) return turn.result;
  const { message, pieces, facts, spent } = turn;
  if (turn.empty) return await endEmptyTurn(work, turn);
  const { plan: created, calls } = resolvePlanCalls(runWriter, message, { steps, planned, plans });
  if (created) {
    await runWriter.write(...facts, ...createTitleFacts(work, created.title), runWriter.plan(created.steps));
    return { kind: 'planned', digest: created.digest, steps: created.steps, calls, spent };
  }
  if (message.calls.length > 0) {
    // A message that is partly in the log is completed now: no other fact can be written before its end.
    if (pieces.length > 0) await runWriter.write(...facts);
    else runWriter.deferToNextWrite(...facts);
    return { kind: 'calls', calls, spent };
  }
  if (!step) {
    const closed = closePlan(steps, saysItFailed(message.text));
    const changed = closed.some((it, n) => it !== steps[n]) ? createTodoFacts(runWriter, closed) : [];
    await runWriter.write(...facts, ...missingPartReporter.callless(work), ...changed);
    return { kind: 'replied', digest: shortHash(message.text), steps: closed, spent };
  }
  const done: PlanStep = { ...step, status: saysItFailed(message.text) ? 'failed' : 'completed' };
  const after = steps.map((it) => (it.id === done.id ? done : it));
  // The event contract requires a step's result after the step's end and before the complete message.
  await runWriter.write(runWriter.step(done), ...facts, ...missingPartReporter.callless(work), runWriter.plan(after));
  return { kind: 'replied', digest: shortHash(message.text), answers: !planned, steps: after, spent };
}

/**
 * The model decides a step's outcome: the last command of a successful step can fail, such as a search without a match.
 */
const saysItFailed = (text: string): boolean => /^[\s*_#>]*this step failed\b/i.test(text);

/** The tools remain declared, so that the request shares its prefix with the one before. */
export async function summarizeRun(
  work: RunContext,
  { steps, hint }: TurnInput,
  signal: AbortSignal,
): Promise<TurnResult> {
  const { runWriter } = work;
  const prompt = await work.prompt(signal);
  const requested = {
    phase: { kind: 'summarize' },
    note: prompt.answer,
    prompt,
    workdir: work.workdir,
  } as const;
  const first = await takeTurn(work, { ...requested, hint, tools: planningTools(work) }, signal);
  if (!first.ok) return first.result;
  if (first.message.calls.length === 0) return await summed(runWriter, first, steps);
  // The work is done. Without tools, the model can only answer.
  for (const { callId, name } of first.message.calls) {
    const output = 'Not run: all steps are through. Say what came out.';
    runWriter.add({ runId: runWriter.runId, message: { role: 'tool', callId, name, output, success: false } });
  }
  await runWriter.write(...first.facts);
  const second = await takeTurn(work, { ...requested, hint, tools: [] }, signal);
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
  return { kind: 'replied', digest: shortHash(message.text), steps, spent };
}
