import { z } from 'zod';
import type { JudgeInput, TurnResult } from '../../../../machines/run.ts';
import type { AssistantMessage, Message, TurnRequest } from '../../../agents/models/model.ts';
import { BoundedOutput } from '../../../agents/tools/output.ts';
import { throwIfAborted } from '../../../core/concurrency/cancel.ts';
import { toAppError } from '../../../core/errors/errors.ts';
import { type GoalCheck, type GoalResult, maxGoalReasonChars } from '../../../core/model/runs/goal.ts';
import { parseJson } from '../../../core/text/json.ts';
import { ScreenText } from '../../../core/text/terminal/screen-text.ts';
import { truncateEnd, truncateStart } from '../../../core/text/text.ts';
import type { OperationEntry, SandboxClient } from '../../../sandboxes/client/client.ts';
import { countRequestBytes } from '../context/meter.ts';
import type { GoalCheckData } from '../log/run-writer.ts';
import { sendModelRequest, toTurnResult } from '../model-request.ts';
import type { RunContext } from '../run-context.ts';
import { listChangedFiles } from './changed-files.ts';

type Judgement = Extract<TurnResult, { kind: 'judged' }>;
interface Finding {
  readonly result: GoalResult;
  readonly reason: string;
}

export async function judgeGoal(work: RunContext, input: JudgeInput, signal: AbortSignal): Promise<TurnResult> {
  const { goal, round } = input;
  const { rubric, checks } = goal;
  const checked = await runGoalChecks(work, { checks, round }, signal);
  const found = findingOf(checked);
  if (found || rubric === undefined) return await conclude(work, input, found ?? allPassed);
  const { runWriter } = work;
  await runWriter.write(runWriter.goal({ kind: 'checking', round }));
  const graded = await gradeAgainstRubric(work, { rubric, checked }, signal);
  if (graded.kind === 'ungraded' && !givesUp(graded.result, input)) return graded.result;
  const detail = graded.kind === 'ungraded' ? messageOf(graded.result) : graded.reason;
  const result = graded.kind === 'graded' ? graded.result : 'unknown';
  const score = graded.kind === 'graded' && graded.score !== undefined && { score: graded.score };
  await runWriter.write(runWriter.goal({ kind: 'checked', round, result, detail, ...score }));
  return await conclude(work, input, { result: graderResults[result], reason: detail });
}

const allPassed: Finding = { result: 'satisfied', reason: 'All checks passed.' };
const graderResults = { passed: 'satisfied', missed: 'not_satisfied', unknown: 'could_not_be_judged' } as const;

/** A request over budget waits for the user, even on the last try. */
const givesUp = ({ kind }: TurnResult, { isLastTry }: JudgeInput): boolean => kind !== 'unaffordable' && isLastTry;
const messageOf = (result: TurnResult): string => (result.kind === 'failed' ? result.message : 'The grader failed.');

function findingOf(checked: readonly GoalCheckData[]): Finding | undefined {
  const missed = checked.filter(({ result }) => result === 'missed');
  if (missed.length > 0) return { result: 'not_satisfied', reason: missed.map(reasonOf).join('\n\n') };
  const unknown = checked.find(({ result }) => result === 'unknown');
  return unknown && { result: 'could_not_be_judged', reason: reasonOf(unknown) };
}

function reasonOf({ command = '', exitCode, detail, result }: GoalCheckData): string {
  const how =
    result === 'unknown' ? 'could not be made' : exitCode === undefined ? 'failed' : `ended with exit code ${exitCode}`;
  return `The check \`${command}\` ${how}${detail === '' ? '.' : `:\n${detail}`}`;
}

async function conclude(
  { runWriter, budget }: RunContext,
  { round, revision, goal: { maxRevisions } }: JudgeInput,
  { result, reason }: Finding,
): Promise<Judgement> {
  const goesBack = result === 'not_satisfied' && revision !== undefined;
  const short = truncateEnd(reason, maxGoalReasonChars);
  const feedback = goesBack
    ? runWriter.serverMessage(
        `[A message of the server, not of the user.] The goal is not met yet. This is revision ${revision} of at most ` +
          `${maxRevisions}.\n\n${reason}\n\nGo on until the goal is met, and then say what came out.`,
      )
    : undefined;
  await runWriter.write(
    runWriter.goal({ kind: 'judged', round, result, reason: short, ...(feedback && { feedback }) }),
  );
  if (feedback) runWriter.hear(feedback);
  return { kind: 'judged', result, reason: short, goesBack, spent: budget.spent };
}

type Deps = Pick<RunContext, 'runWriter' | 'sandbox'>;
const outputChars = 3_000; // characters of output per check

/** Runs every check, even after a failed one. After a server restart, finished checks are not repeated. */
export async function runGoalChecks(
  work: Deps,
  { checks, round }: { readonly checks: readonly GoalCheck[]; readonly round: number },
  signal: AbortSignal,
): Promise<readonly GoalCheckData[]> {
  const { runWriter } = work;
  const known = runWriter.checkedIn(round).filter(({ command }) => command !== undefined);
  const created = [...known];
  for (const [n, check] of checks.entries()) {
    if (n < known.length) continue;
    const { command } = check;
    await runWriter.write(runWriter.goal({ kind: 'checking', round, command }));
    const checked = {
      kind: 'checked',
      round,
      command,
      ...(await runCheck(work, check, { name: `${round}.${n + 1}`, signal })),
    } as const;
    await runWriter.write(runWriter.goal(checked));
    created.push(checked);
  }
  return created;
}

type CheckOutcome = Pick<GoalCheckData, 'result' | 'detail' | 'exitCode'>;

async function runCheck(
  { sandbox, runWriter: { runId } }: Deps,
  { command, timeoutSeconds }: GoalCheck,
  { name, signal }: { readonly name: string; readonly signal: AbortSignal },
): Promise<CheckOutcome> {
  try {
    await using used = await sandbox.use(signal);
    const id = `${runId}.goal.${name}`;
    const requested = { id, shell: `goal-${name}`, command, cwd: '.', tag: runId, timeoutMs: timeoutSeconds * 1_000 };
    const { ended, output } = await followed(used.client, requested, signal);
    return readEnd(ended, { output, timeoutSeconds });
  } catch (thrown) {
    throwIfAborted(signal);
    return { result: 'unknown', detail: toAppError(thrown).publicMessage };
  }
}

async function followed(
  client: Pick<SandboxClient, 'start' | 'follow'>,
  startOperation: Parameters<SandboxClient['start']>[0],
  signal: AbortSignal,
): Promise<{ ended: OperationEntry; output: string }> {
  const output = new BoundedOutput();
  const screen = new ScreenText();
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true }); // a chunk may end in the middle of a character
  await client.start(startOperation, signal);
  const add = (chunk: Uint8Array) => output.addText(screen.add(decoder.decode(chunk, { stream: true })));
  const ended = await client.follow(startOperation.id, 0, add, signal);
  output.addText(screen.end());
  return { ended, output: output.text() };
}

function readEnd(
  { exitCode, reason }: OperationEntry,
  { output, timeoutSeconds }: { readonly output: string; readonly timeoutSeconds: number },
): CheckOutcome {
  const text = truncateStart(printable(output), outputChars);
  const code = exitCode === undefined ? {} : { exitCode };
  if (reason === 'lost' || exitCode === undefined)
    return { result: 'unknown', detail: 'The sandbox was lost while the check ran.' };
  if (reason === 'timed_out')
    return { result: 'missed', ...code, detail: `It did not end within ${timeoutSeconds} s.\n${text}`.trim() };
  if (reason === 'oom') return { result: 'missed', ...code, detail: `It needed too much memory.\n${text}`.trim() };
  return { result: exitCode === 0 ? 'passed' : 'missed', ...code, detail: text };
}

const printable = (text: string): string => text.replace(/[^\P{C}\n\t]/gu, '').trim();

const Verdict = z.object({
  verdict: z.enum(['satisfied', 'not_satisfied', 'cannot_judge']),
  score: z
    .int()
    .min(0)
    .max(100)
    .optional()
    .catch(undefined)
    .describe('how well the work meets the rubric: 0 not at all, 100 in full'),
  reason: z.string().describe('what is missing, or why you cannot judge; one sentence if the work is satisfied'),
});
const giveVerdict = {
  name: 'give_verdict',
  description: 'Say whether the work meets the rubric.',
  parameters: z.toJSONSchema(Verdict, { io: 'input' }),
} as const;

const results = { satisfied: 'passed', not_satisfied: 'missed', cannot_judge: 'unknown' } as const;
const written = { maxBytes: 64 * 1024, maxDepth: 10, maxValues: 100 };
const maxChars = { task: 20_000, words: 20_000, reason: 2_000, changes: 60_000 };

interface GradingInput {
  readonly rubric: string;
  readonly checked: readonly GoalCheckData[];
}
type GradingResult =
  | {
      readonly kind: 'graded';
      readonly result: GoalCheckData['result'];
      readonly reason: string;
      readonly score?: number | undefined;
    }
  | { readonly kind: 'ungraded'; readonly result: TurnResult }
  | { readonly kind: 'broken'; readonly reason: string };

async function gradeAgainstRubric(work: RunContext, input: GradingInput, signal: AbortSignal): Promise<GradingResult> {
  const { model, runWriter, budget } = work;
  const { grader: system } = await work.prompt(signal);
  const message: Message = { role: 'user', text: await materialFor(work, input, signal) };
  for (const hint of [undefined, 'Answer by calling give_verdict.']) {
    const requested = { system, messages: [message], tools: [giveVerdict], ...(hint !== undefined && { hint }) };
    const request: TurnRequest = { phase: { kind: 'grade' }, ...requested, mustCall: giveVerdict.name };
    const turn = await sendModelRequest(
      work,
      {
        ...{ request, bytes: countRequestBytes(requested), purpose: 'grade' },
        ...{ sections: [{ part: 'grader', text: system }], from: { length: 0, begun: message } },
        conversation: requested.messages,
      },
      { signal, onDelta: () => {} },
    );
    throwIfAborted(signal);
    const { outcome, usage } = turn;
    if (outcome.kind === 'failed')
      return outcome.over || outcome.retryable
        ? { kind: 'ungraded', result: toTurnResult(outcome, budget) }
        : { kind: 'broken', reason: outcome.message };
    if (outcome.kind === 'cancelled' || !usage) return { kind: 'broken', reason: 'The grader was cut off.' };
    await runWriter.write(usage);
    const verdict = verdictIn(turn.message);
    if (verdict) return { kind: 'graded', ...verdict };
    if (outcome.stop === 'refused') return { kind: 'broken', reason: 'The model declined to grade.' };
  }
  return { kind: 'broken', reason: `${model.name} gave no verdict in two attempts.` };
}

function verdictIn({
  calls,
  text,
}: AssistantMessage): (Pick<GoalCheckData, 'result' | 'score'> & { reason: string }) | undefined {
  const parsedJson = parseJson(text.slice(Math.max(0, text.indexOf('{')), text.lastIndexOf('}') + 1), written);
  for (const input of [...calls.map(({ args }) => args), ...(parsedJson.ok ? [parsedJson.value] : [])]) {
    const { data } = Verdict.safeParse(input);
    if (!data) continue;
    const { verdict, reason, score } = data;
    const measure = score !== undefined && verdict !== 'cannot_judge' && { score };
    return { result: results[verdict], reason: truncateEnd(reason.trim(), maxChars.reason), ...measure };
  }
  return undefined;
}

async function materialFor(work: RunContext, { rubric, checked }: GradingInput, signal: AbortSignal): Promise<string> {
  const { task, runWriter, model } = work;
  const { runId, transcript } = runWriter;
  const reply = transcript.entries.findLast(
    ({ runId: of, message }) => of === runId && message.role === 'assistant' && message.text.trim() !== '',
  );
  const most = Math.min(maxChars.changes, Math.floor(model.abilities.window * 1.5)); // about half of the context window
  return [
    framed('rubric', rubric),
    framed('task', cut(task, maxChars.task)),
    framed('last-words', cut(reply?.message.role === 'assistant' ? reply.message.text : '', maxChars.words)),
    framed('passed-checks', checked.map(({ command }) => command ?? '').join('\n') || 'none'),
    framed('changed-files', await changesFor(work, { runId, most }, signal)),
  ].join('\n\n');
}

async function changesFor(
  { sandbox }: RunContext,
  requested: { readonly runId: string; readonly most: number },
  signal: AbortSignal,
): Promise<string> {
  try {
    await using used = await sandbox.use(signal);
    return (await listChangedFiles(used.client, requested, signal)) ?? unknownChanges;
  } catch (thrown) {
    throwIfAborted(signal);
    return `${unknownChanges} ${toAppError(thrown).publicMessage}`;
  }
}
const unknownChanges = 'Not known.';

const cut = (text: string, most: number): string =>
  text.length <= most ? text : `${truncateEnd(text, most)}\n[The rest is left out.]`;

/** Escapes tags, so that the text cannot close the enclosing element. */
const framed = (tag: string, text: string): string =>
  `<${tag}>\n${text.replaceAll(/<(?=\/?(rubric|task|last-words|passed-checks|changed-files)>)/gi, '‹')}\n</${tag}>`;
