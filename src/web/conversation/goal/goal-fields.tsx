import { useEffect, useRef } from 'preact/hooks';
import { IconButton } from '../../parts/kit/button.tsx';
import { LongTextField } from '../../parts/kit/field.tsx';
import { GuideLink } from '../../parts/notice.tsx';
import { t } from '../../text/text.ts';
import { exampleCheck, findProblem, type GoalDraft, maxRevisions } from './goal-draft.ts';

/** The rubric, and a command on each line. */
type GoalTexts = Pick<GoalDraft, 'rubric' | 'checks'>;
interface TextsProps {
  readonly texts: GoalTexts;
  readonly onChange: (texts: GoalTexts) => void;
}

/** The measure of work: a text for the grader, commands that have to succeed, or both. */
export const GoalTextFields = ({ texts: { rubric, checks }, onChange }: TextsProps) => (
  <>
    <LongTextField
      label={t('goal.rubric')}
      rows={2}
      maxLength={200_000}
      value={rubric}
      onChange={(to) => onChange({ rubric: to, checks })}
    />
    <LongTextField
      label={t('goal.checks')}
      isCode
      rows={2}
      placeholder={exampleCheck}
      value={checks}
      onChange={(to) => onChange({ rubric, checks: to })}
    />
  </>
);

interface Props {
  readonly goal: GoalDraft;
  readonly onChange: (to: GoalDraft) => void;
  readonly onClose: () => void;
}

/** The goal of the message. */
export function GoalFields({ goal, onChange, onClose }: Props) {
  const form = useRef<HTMLFieldSetElement>(null);
  useEffect(() => form.current?.querySelector('textarea')?.focus(), []);
  const problem = findProblem(goal);
  return (
    <fieldset ref={form} class="goal-fields grid box">
      <legend>{t('goal.of')}</legend>
      <IconButton icon="close" label={t('goal.remove')} onClick={onClose} />
      <p class="quiet">
        {t('goal.tells')}
        <GuideLink docs="/guide/goals" />
      </p>
      <GoalTextFields texts={goal} onChange={(texts) => onChange({ ...goal, ...texts })} />
      <label class="row goal-revisions wrap">
        <span>{t('goal.revisions')}</span>
        <input
          class="field"
          type="number"
          min={0}
          max={maxRevisions}
          value={Number.isNaN(goal.revisions) ? '' : goal.revisions}
          onInput={({ currentTarget }) => onChange({ ...goal, revisions: currentTarget.valueAsNumber })}
        />
      </label>
      {problem && (
        <p class="quiet" role="status">
          {t(problem)}
        </p>
      )}
    </fieldset>
  );
}
