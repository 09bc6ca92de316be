import { exampleCheck } from '../conversation/goal/goal-draft.ts';
import { LongTextField } from '../parts/kit/field.tsx';
import { t } from '../text/text.ts';
import type { Automation } from './state.ts';

type Goal = NonNullable<Automation['goal']>;

/** The goal as the form has it: the rubric, and a command on each line. */
export interface GoalTexts {
  readonly rubric: string;
  readonly checks: string;
}

export const goalTextsOf = (goal: Goal | null = null): GoalTexts => ({
  rubric: goal?.rubric ?? '',
  checks: (goal?.checks ?? []).map(({ command }) => command).join('\n'),
});

/** A check that stays keeps its time limit, and the goal its revisions, which the form does not show. Null: no goal. */
export function goalOf({ rubric, checks }: GoalTexts, before: Goal | null = null) {
  if (before && goalTextsOf(before).rubric === rubric && goalTextsOf(before).checks === checks) return before;
  const commands = checks.split('\n').filter((line) => line.trim() !== '');
  if (rubric.trim() === '' && commands.length === 0) return null;
  return {
    ...(rubric.trim() !== '' && { rubric }),
    checks: commands.map((command) => before?.checks.find((one) => one.command === command) ?? { command }),
    ...(before && { maxRevisions: before.maxRevisions }),
  };
}

interface Props {
  readonly texts: GoalTexts;
  readonly onChange: (texts: GoalTexts) => void;
}

/** The measure by which the work of each start is judged. */
export const GoalFields = ({ texts, onChange }: Props) => (
  <>
    <LongTextField
      label={t('automations.goal')}
      rows={2}
      value={texts.rubric}
      onChange={(rubric) => onChange({ ...texts, rubric })}
    />
    <LongTextField
      label={t('automations.checks')}
      isCode
      rows={2}
      placeholder={exampleCheck}
      value={texts.checks}
      onChange={(checks) => onChange({ ...texts, checks })}
    />
  </>
);
