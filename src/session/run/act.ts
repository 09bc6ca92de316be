import type { PendingCall, TurnInput, TurnResult } from '../../../machines/run.ts';
import type { PlanStep } from '../../core/events.ts';
import { firstLine } from './plan.ts';
import { digest } from './progress.ts';
import type { Working } from './run-context.ts';
import { emptyTurn, takeTurn } from './turns/turn.ts';

/** One turn of work on the running step: calls to make, or the text that ends the step. */
export async function act(work: Working, { steps, hint, left }: TurnInput, signal: AbortSignal): Promise<TurnResult> {
  const { runWriter, workdir } = work;
  const prompt = await work.prompt(signal);
  const step = steps.find(({ status }) => status === 'running');
  const known = runWriter.steps.find(({ id }) => id === step?.id);
  if (step && known?.status !== 'running') await runWriter.write(runWriter.step(step));
  // Without a plan nothing else gives the session a title.
  if (!step && !work.hasTitle()) await runWriter.write(runWriter.title(firstLine(work.task)));
  const phase = step
    ? ({ kind: 'act', step, stepIndex: steps.indexOf(step) } as const)
    : ({ kind: 'act', step: { id: '1', description: work.task, status: 'running' }, stepIndex: 0 } as const);
  const note = step ? prompt.step(steps, step) : '';
  // A step's result follows the step's end in the log, and only the end of the turn shows that the text is a result.
  const text = step ? 'later' : 'live';
  const tools = work.tools.declarations;
  const turn = await takeTurn(work, { phase, note, hint, left, tools, prompt, workdir, text }, signal);
  if (!turn.ok) return turn.result;
  const { message, pieces, facts, spent } = turn;
  if (turn.empty) return await emptyTurn(work, turn);
  const said = step && message.text !== '' ? runWriter.said(pieces) : [];
  if (message.calls.length > 0) {
    await runWriter.write(...said, ...facts);
    return { kind: 'calls', calls: message.calls.map((call): PendingCall => ({ ...call, begun: false })), spent };
  }
  if (!step) {
    await runWriter.write(...facts);
    return { kind: 'said', digest: digest(message.text), steps, spent };
  }
  const done: PlanStep = { ...step, status: saysItFailed(message.text) ? 'failed' : 'completed' };
  const after = steps.map((it) => (it.id === done.id ? done : it));
  await runWriter.write(runWriter.step(done), ...said, ...facts, runWriter.plan(after));
  return { kind: 'said', digest: digest(message.text), steps: after, spent };
}

/** A step's outcome is the model's own verdict: the last command of a good step can fail, such as a search without a hit. */
const saysItFailed = (text: string): boolean => /^[\s*_#>]*this step failed\b/i.test(text);

export async function summarize(
  work: Working,
  { steps, hint, left }: TurnInput,
  signal: AbortSignal,
): Promise<TurnResult> {
  const { runWriter } = work;
  const prompt = await work.prompt(signal);
  const wanted = {
    phase: { kind: 'summarize' },
    note: prompt.answer,
    ...{ hint, left },
    tools: [],
    prompt,
    workdir: work.workdir,
    text: 'live',
  } as const;
  const turn = await takeTurn(work, wanted, signal);
  if (!turn.ok) return turn.result;
  const { facts, spent, message } = turn;
  if (turn.empty) return await emptyTurn(work, turn);
  await runWriter.write(...facts, runWriter.plan(steps));
  return { kind: 'said', digest: digest(message.text), steps, spent };
}
