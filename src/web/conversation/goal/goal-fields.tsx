import { useLayoutEffect, useRef } from 'preact/hooks';
import { IconButton } from '../../parts/kit/button.tsx';
import { TextAreaField } from '../../parts/kit/field.tsx';
import { GuideLink } from '../../parts/notice.tsx';
import { t } from '../../text/text.ts';
import { exampleCheck, findGoalProblem, type GoalDraft, maxGoalRevisions } from './goal-draft.ts';

interface Props {
  readonly goal: GoalDraft;
  readonly onChange: (to: GoalDraft) => void;
  readonly onClose: () => void;
}

export function GoalFields({ goal, onChange, onClose }: Props) {
  const form = useRef<HTMLFieldSetElement>(null);
  useLayoutEffect(() => {
    form.current?.querySelector('textarea')?.focus({ preventScroll: true });
    form.current?.scrollIntoView({ block: 'nearest' }); // shows the whole form, including its title and close button
  }, []);
  const problem = findGoalProblem(goal);
  return (
    <fieldset ref={form} class="goal-fields grid box">
      <legend>{t('goal.of')}</legend>
      <IconButton icon="close" label={t('goal.remove')} onClick={onClose} />
      <p class="quiet">
        {t('goal.tells')}
        <GuideLink docs="/guide/goals" />
      </p>
      <TextAreaField
        label={t('goal.rubric')}
        rows={2}
        maxLength={200_000}
        value={goal.rubric}
        onChange={(rubric) => onChange({ ...goal, rubric })}
      />
      <TextAreaField
        label={t('goal.checks')}
        isCode
        rows={2}
        placeholder={exampleCheck}
        value={goal.checks}
        onChange={(checks) => onChange({ ...goal, checks })}
      />
      <label class="row goal-revisions bold wrap">
        <span>{t('goal.revisions')}</span>
        <input
          class="field"
          type="number"
          min={0}
          max={maxGoalRevisions}
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
