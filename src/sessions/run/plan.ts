import type { PendingCall, TurnInput, TurnResult } from '../../../machines/run.ts';
import { startNextStep } from '../../../machines/run-rules.ts';
import type { AssistantMessage, ToolDeclaration } from '../../agents/models/model.ts';
import { MakePlanArgs, makePlanTool } from '../../agents/tools/special.ts';
import type { PlanStep, SessionFact } from '../../core/model/events.ts';
import { findTitleLine, truncateEnd } from '../../core/text/text.ts';
import type { RunWriter } from './log/run-writer.ts';
import { omissionReporter } from './missing-tools.ts';
import { computeShortHash } from './progress.ts';
import type { RunContext } from './run-context.ts';
import { endEmptyTurn, runTurn } from './turns/turn.ts';

/** `again`: the user sent a message while a plan was in progress. */
export async function planRun(
  work: RunContext,
  { steps, planned, again, hint }: TurnInput & { readonly again: boolean },
  signal: AbortSignal,
): Promise<TurnResult> {
  const { runWriter } = work;
  const prompt = await work.prompt(signal);
  const isOpen = steps.some(isUnfinished);
  let provisional: SessionFact[] = [];
  const requested = {
    phase: again ? ({ kind: 'replan', steps } as const) : ({ kind: 'plan' } as const),
    note: isOpen ? prompt.replan(steps) : '',
    tools: listPlanningTools(work),
    beforeText: () => {
      provisional = createTitleFacts(work);
      if (provisional.length > 0) void runWriter.write(...provisional).catch(() => {}); // the next awaited write reports the failure
    },
    prompt,
    workdir: work.workdir,
    hint,
  };
  const turn = await runTurn(work, requested, signal);
  if (!turn.ok) return turn.result;
  const { message, facts, spent } = turn;
  if (turn.empty) return await endEmptyTurn(work, turn);
  const { plan: created, calls } = resolvePlanCalls(runWriter, message, { steps, planned });
  const title = provisional.length > 0 ? [] : createTitleFacts(work);
  if (created) {
    const text = message.text.trim() === '' ? acknowledgement(created, again) : '';
    const lines = text === '' ? [] : runWriter.messageFacts(splitInHalf(text));
    const begun = calls.length > 0 ? startNextStep(created.steps) : created.steps;
    const plan = runWriter.plan(created.steps);
    await runWriter.write(
      ...createTitleFacts(work, created.title),
      ...lines,
      ...facts,
      plan,
      ...createStepStartFacts(runWriter, begun),
    );
    return { kind: 'planned', digest: created.digest, steps: begun, calls, spent };
  }
  if (calls.length > 0) {
    const known = isOpen ? steps : [...steps, ...numbered(steps, [toTaskTitle(newestWords(runWriter) ?? work.task)])];
    const begun = startNextStep(known);
    const plan = isOpen ? [] : [runWriter.plan(known)];
    await runWriter.write(...title, ...facts, ...plan, ...createStepStartFacts(runWriter, begun));
    return { kind: 'calls', calls, steps: begun, spent };
  }
  if (message.calls.length > 0) return await endEmptyTurn(work, { ...turn, hint: planHint });
  await runWriter.write(...title, ...facts, ...omissionReporter.callless(work));
  return { kind: 'replied', digest: computeShortHash(message.text), answers: !isOpen, steps, spent };
}

const planHint = `Call ${makePlanTool.name} with a title and the steps, call another tool, or answer.`;

/** The same in all turns of a run that can plan, for the provider's cache. */
export const listPlanningTools = ({ tools }: Pick<RunContext, 'tools'>): readonly ToolDeclaration[] => [
  ...tools.declarations,
  makePlanTool,
];

interface Plan {
  readonly title: string;
  readonly acknowledgement: string;
  readonly digest: string;
  readonly steps: readonly PlanStep[];
}

/** The first valid call to the plan tool becomes the plan. With `plans: false`, all calls are returned. */
export function resolvePlanCalls(
  runWriter: Pick<RunWriter, 'add' | 'runId'>,
  message: AssistantMessage,
  now: { readonly steps: readonly PlanStep[]; readonly planned: boolean; readonly plans?: boolean },
): { readonly plan: Plan | undefined; readonly calls: readonly PendingCall[] } {
  let created: MakePlanArgs | undefined;
  const calls: PendingCall[] = [];
  for (const call of message.calls) {
    if (call.name !== makePlanTool.name || now.plans === false) {
      calls.push({ ...call, begun: false });
      continue;
    }
    const parsed = MakePlanArgs.safeParse(call.args);
    created ??= parsed.data;
    const { callId, name } = call;
    const output = parsed.success ? 'Noted.' : 'Not done: a plan has a title and steps, each a text.';
    runWriter.add({
      runId: runWriter.runId,
      message: { role: 'tool', callId, name, output, success: parsed.success },
    });
  }
  if (!created) return { plan: created, calls };
  const { title, acknowledgement = '', steps } = created;
  const planned = { title: title.trim(), acknowledgement, digest: computeShortHash(steps.join('\n')) };
  return { plan: { ...planned, steps: replanned(now, steps) }, calls };
}

function replanned(
  { steps, planned }: { readonly steps: readonly PlanStep[]; readonly planned: boolean },
  descriptions: readonly string[],
): PlanStep[] {
  const kept = steps.filter(({ status }) => status !== 'pending');
  const running = planned ? undefined : kept.at(-1);
  const [first, ...rest] = descriptions;
  if (running?.status === 'running' && first !== undefined) {
    return [...kept.slice(0, -1), { ...running, description: first }, ...numbered(kept, rest)];
  }
  const isEmpty = kept.length === 0 && descriptions.length === 0;
  return [...kept, ...numbered(kept, isEmpty ? ['Answer'] : descriptions)];
}

function numbered(kept: readonly PlanStep[], descriptions: readonly string[]): PlanStep[] {
  const last = Math.max(0, ...kept.map(({ id }) => Number(id) || 0)); // the agent may have reordered the steps
  return descriptions.map((description, n) => ({ id: String(last + n + 1), description, status: 'pending' }));
}

export function createStepStartFacts(runWriter: RunWriter, steps: readonly PlanStep[]): SessionFact[] {
  const step = steps.find(({ status }) => status === 'running');
  const known = runWriter.steps.find(({ id }) => id === step?.id);
  return step && known?.status !== 'running' ? [runWriter.step(step)] : [];
}

/** Keeps a user's title. Uses the task's first line until a plan has a title. */
export function createTitleFacts(work: Pick<RunContext, 'task' | 'hasTitle' | 'runWriter'>, title = ''): SessionFact[] {
  const provisional = toTaskTitle(work.task);
  if (work.hasTitle(title === '' ? undefined : provisional)) return [];
  return [work.runWriter.title(title === '' ? provisional : truncateEnd(title, 200))];
}

const acknowledgement = ({ acknowledgement: text, title }: Plan, again: boolean): string =>
  text.trim() !== '' ? text : again ? '' : `Working on it: ${title || 'your task'}`;
const isUnfinished = ({ status }: PlanStep): boolean => status === 'pending' || status === 'running';
const newestWords = ({ transcript }: RunWriter): string | undefined =>
  transcript.messages.findLast((message) => message.role === 'user')?.text;
export const toTaskTitle = (text: string): string => truncateEnd(findTitleLine(text), 60) || 'Task';
export const splitInHalf = (text: string): [string, string] => {
  const first = truncateEnd(text, Math.ceil(text.length / 2));
  return [first, text.slice(first.length)];
};
