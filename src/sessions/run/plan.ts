import type { TurnInput, TurnResult } from '../../../machines/run.ts';
import { addSpent } from '../../../machines/run-rules.ts';
import { MakePlanArgs, makePlan } from '../../agents/tools/special.ts';
import type { PlanStep } from '../../core/model/events.ts';
import { beginningOf } from '../../core/text/text.ts';
import { addSpending, subtractSpending } from './allowance.ts';
import type { RunWriter } from './log/run-writer.ts';
import type { RunContext } from './run-context.ts';
import { emptyTurn, type Turn, takeTurn } from './turns/turn.ts';

/** Makes the plan; with `again`, replans the remaining steps because the user wrote. */
export async function planRun(
  work: RunContext,
  input: TurnInput & { again: boolean },
  signal: AbortSignal,
): Promise<TurnResult> {
  const { runWriter } = work;
  const prompt = await work.prompt(signal);
  const { steps, again, hint, left } = input;
  const wanted = {
    phase: again ? ({ kind: 'replan', steps } as const) : ({ kind: 'plan' } as const),
    tools: [makePlan],
    mustCall: makePlan.name,
    prompt,
    workdir: work.workdir,
    left,
    text: 'later' as const,
  };
  const note = again ? prompt.replan(steps) : prompt.makePlan;
  const first = await takeTurn(work, { ...wanted, note, hint }, signal);
  if (!first.ok) return first.result;
  if (first.empty) return await emptyTurn(work, first);
  let turn: Turn & { ok: true } = first;
  let made = answerCalls(runWriter, turn);
  if (!made) {
    // A model that answers in prose is asked once more; after that its task becomes a plan of one step.
    await runWriter.write(...turn.facts);
    const asked = { ...wanted, note, hint: 'Answer by calling make_plan.', left: subtractSpending(left, first.spent) };
    const second = await takeTurn(work, asked, signal);
    if (!second.ok) return addSpending(second.result, first.spent);
    turn = { ...second, spent: addSpent(first.spent, second.spent) };
    made = answerCalls(runWriter, second);
  }
  const kept = steps.filter(({ status }) => status !== 'pending');
  const task = again ? undefined : firstLine(work.task);
  const descriptions = made?.steps ?? (task === undefined ? pendingOf(steps) : [task]);
  const planned = numbered(kept, descriptions.length + kept.length > 0 ? descriptions : [task ?? 'Answer']);
  const title = made?.title.trim() || firstLine(work.task);
  await runWriter.write(
    ...(again || work.hasTitle() ? [] : [runWriter.title(beginningOf(title, 200))]),
    ...acknowledged(runWriter, turn, made, again),
    ...turn.facts,
    runWriter.plan(planned),
  );
  return { kind: 'planned', steps: planned, spent: turn.spent };
}

/** Gives every call a result, as providers demand. The first valid make_plan becomes the plan. */
function answerCalls(runWriter: RunWriter, { message }: Turn & { ok: true }): MakePlanArgs | undefined {
  let made: MakePlanArgs | undefined;
  for (const { callId, name, args } of message.calls) {
    const parsed = name === makePlan.name ? MakePlanArgs.safeParse(args) : undefined;
    made ??= parsed?.data;
    const output = parsed?.success ? 'Noted.' : 'Not done: only make_plan, with a title and steps, can be called now.';
    const result = { role: 'tool', callId, name, output, success: parsed?.success === true } as const;
    runWriter.add({ runId: runWriter.runId, message: result });
  }
  return made;
}

function acknowledged(runWriter: RunWriter, turn: Turn & { ok: true }, made: MakePlanArgs | undefined, again: boolean) {
  if (turn.pieces.join('').trim() !== '') return runWriter.said(turn.pieces);
  const text = made?.acknowledgement ?? '';
  if (text.trim() !== '') return runWriter.said(splitTitle(text));
  return again ? [] : runWriter.said(['Working on it: ', made?.title ?? 'your task']);
}

function numbered(kept: readonly PlanStep[], descriptions: readonly string[]): PlanStep[] {
  const last = Math.max(0, ...kept.map(({ id }) => Number(id) || 0)); // the agent can have changed their order
  const fresh = descriptions.map(
    (description, n): PlanStep => ({ id: String(last + n + 1), description, status: 'pending' }),
  );
  return [...kept, ...fresh];
}
const pendingOf = (steps: readonly PlanStep[]) =>
  steps.filter(({ status }) => status === 'pending').map(({ description }) => description);
export const firstLine = (text: string): string => beginningOf(text.trim().split('\n')[0] ?? '', 60) || 'Task';
export const splitTitle = (text: string): [string, string] => {
  const first = beginningOf(text, Math.ceil(text.length / 2));
  return [first, text.slice(first.length)];
};
