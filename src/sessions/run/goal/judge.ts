import type { JudgeInput, TurnResult } from '../../../../machines/run.ts';
import { type GoalResult, maxReasonChars } from '../../../core/model/runs/goal.ts';
import { truncateEnd } from '../../../core/text/text.ts';
import type { GoalChecked } from '../log/run-writer.ts';
import type { RunContext } from '../run-context.ts';
import { runChecks } from './checks.ts';
import { gradeAgainstRubric } from './grader.ts';

type Judgement = Extract<TurnResult, { kind: 'judged' }>;
interface Finding {
  readonly result: GoalResult;
  readonly reason: string;
}

export async function judgeGoal(work: RunContext, input: JudgeInput, signal: AbortSignal): Promise<TurnResult> {
  const { goal, round } = input;
  const { rubric, checks } = goal;
  const checked = await runChecks(work, { checks, round }, signal);
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

/** A request over budget waits for a person; a failed request is retried until the last try. */
const givesUp = ({ kind }: TurnResult, { isLastTry }: JudgeInput): boolean => kind !== 'unaffordable' && isLastTry;
const messageOf = (result: TurnResult): string => (result.kind === 'failed' ? result.message : 'The grader failed.');

function findingOf(checked: readonly GoalChecked[]): Finding | undefined {
  const missed = checked.filter(({ result }) => result === 'missed');
  if (missed.length > 0) return { result: 'not_satisfied', reason: missed.map(reasonOf).join('\n\n') };
  const unknown = checked.find(({ result }) => result === 'unknown');
  return unknown && { result: 'could_not_be_judged', reason: reasonOf(unknown) };
}

function reasonOf({ command = '', exitCode, detail, result }: GoalChecked): string {
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
  const short = truncateEnd(reason, maxReasonChars);
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
