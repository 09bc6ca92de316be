import { signal } from '@preact/signals';
import type { GoalInput } from '../../data/actions.ts';
import type { TextKey } from '../../text/texts.ts';

/** Not translated. */
export const exampleCheck = 'npm test';

export interface GoalDraft {
  readonly rubric: string;
  /** One command per line. */
  readonly checks: string;
  readonly revisions: number;
}
export const maxGoalRevisions = 20;
const maxChecks = 20;
const maxCommand = 4_000; // characters
export const emptyGoalDraft: GoalDraft = { rubric: '', checks: '', revisions: 3 };

const drafts = signal<ReadonlyMap<string, GoalDraft | undefined>>(new Map());
const keyOf = (sessionId: string | undefined) => sessionId ?? 'new';

/** Undefined: the form is closed. */
export const goalDraftOf = (sessionId: string | undefined): GoalDraft | undefined => drafts.value.get(keyOf(sessionId));

export function setGoalDraft(sessionId: string | undefined, draft: GoalDraft | undefined): void {
  drafts.value = new Map([...drafts.peek(), [keyOf(sessionId), draft]]);
}

export const splitLines = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

export function findGoalProblem({ rubric, checks: lines, revisions }: GoalDraft): TextKey | undefined {
  const checks = splitLines(lines);
  if (checks.length > maxChecks) return 'goal.tooMany';
  if (checks.some((command) => command.length > maxCommand)) return 'goal.tooLong';
  if (!Number.isInteger(revisions) || revisions < 0 || revisions > maxGoalRevisions) return 'goal.badRevisions';
  return checks.length === 0 && rubric.trim() === '' ? 'goal.empty' : undefined;
}

export function toGoalInput(draft: GoalDraft): GoalInput {
  const rubric = draft.rubric.trim();
  const checks = splitLines(draft.checks).map((command) => ({ command }));
  return { ...(rubric !== '' && { rubric }), checks, maxRevisions: draft.revisions };
}
