import { createHash } from 'node:crypto';
import type { PendingCall, TurnInput, TurnResult } from '../../../machines/run.ts';
import type { PlanStep } from '../../core/events.ts';
import { firstLine } from './plan.ts';
import { actNote, summaryNote } from './prompts.ts';
import type { Working } from './run-context.ts';
import { takeTurn } from './turn.ts';

/** One turn of work on the running step: calls to make, or the text that ends the step. */
export async function act(work: Working, { steps, hint }: TurnInput, signal: AbortSignal): Promise<TurnResult> {
  const { runWriter, tools, workdir, prompt } = work;
  const step = steps.find(({ status }) => status === 'running');
  const known = runWriter.steps.find(({ id }) => id === step?.id);
  if (step && known?.status !== 'running') await runWriter.write(runWriter.step(step));
  // Without a plan nothing else gives the session a title.
  if (!step && !work.hasTitle()) await runWriter.write(runWriter.title(firstLine(work.task)));
  const phase = step
    ? ({ kind: 'act', step, stepIndex: steps.indexOf(step) } as const)
    : ({ kind: 'act', step: { id: '1', description: work.task, status: 'running' }, stepIndex: 0 } as const);
  const note = step ? actNote(steps, step) : '';
  // A step's result follows the step's end in the log, and only the end of the turn shows that the text is a result.
  const text = step ? 'later' : 'live';
  const turn = await takeTurn(work, { phase, note, hint, tools: tools.declarations, workdir, prompt, text }, signal);
  if (!turn.ok) return turn.result;
  const { message, pieces, facts, spent } = turn;
  if (turn.empty) {
    await runWriter.write(...facts);
    return { kind: 'empty', spent };
  }
  const said = step && message.text !== '' ? runWriter.said(pieces) : [];
  if (message.calls.length > 0) {
    await runWriter.write(...said, ...facts);
    return { kind: 'calls', calls: message.calls.map((call): PendingCall => ({ ...call, begun: false })), spent };
  }
  if (!step) {
    await runWriter.write(...facts);
    return { kind: 'said', digest: digest(message.text), steps, spent };
  }
  const done: PlanStep = { ...step, status: runWriter.stepFailed ? 'failed' : 'completed' };
  const after = steps.map((it) => (it.id === done.id ? done : it));
  await runWriter.write(runWriter.step(done), ...said, ...facts, runWriter.plan(after));
  return { kind: 'said', digest: digest(message.text), steps: after, spent };
}

export async function summarize(work: Working, { steps, hint }: TurnInput, signal: AbortSignal): Promise<TurnResult> {
  const { runWriter, workdir, prompt } = work;
  const wanted = {
    phase: { kind: 'summarize' },
    note: summaryNote,
    hint,
    tools: [],
    workdir,
    prompt,
    text: 'live',
  } as const;
  const turn = await takeTurn(work, wanted, signal);
  if (!turn.ok) return turn.result;
  const { facts, spent, message } = turn;
  if (turn.empty) {
    await runWriter.write(...facts);
    return { kind: 'empty', spent };
  }
  await runWriter.write(...facts, runWriter.plan(steps));
  return { kind: 'said', digest: digest(message.text), steps, spent };
}

export const digest = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 16);
