import { useEffect, useRef } from 'preact/hooks';
import { IconButton } from '../../parts/kit/button.tsx';
import { GuideLink } from '../../parts/notice.tsx';
import { t } from '../../text/text.ts';
import { exampleCheck, findProblem, type GoalDraft, maxRevisions } from './goal-draft.ts';

interface Props {
  readonly goal: GoalDraft;
  readonly onChange: (to: GoalDraft) => void;
  readonly onClose: () => void;
}

/** The measure of the work that the message asks for: commands that have to succeed, a text for the grader, or both. */
export function GoalFields({ goal, onChange, onClose }: Props) {
  const first = useRef<HTMLTextAreaElement>(null);
  useEffect(() => first.current?.focus(), []);
  const problem = findProblem(goal);
  return (
    <fieldset class="goal-fields">
      <legend>{t('goal.of')}</legend>
      <IconButton icon="close" label={t('goal.remove')} onClick={onClose} />
      <p class="quiet">
        {t('goal.tells')}
        <GuideLink docs="/guide/goals" />
      </p>
      <label class="labelled">
        <span>{t('goal.rubric')}</span>
        <textarea
          ref={first}
          class="field"
          rows={2}
          maxLength={200_000}
          value={goal.rubric}
          onInput={({ currentTarget }) => onChange({ ...goal, rubric: currentTarget.value })}
        />
      </label>
      <label class="labelled">
        <span>{t('goal.checks')}</span>
        <textarea
          class="field"
          rows={2}
          spellcheck={false}
          placeholder={exampleCheck}
          value={goal.checks}
          onInput={({ currentTarget }) => onChange({ ...goal, checks: currentTarget.value })}
        />
      </label>
      <label class="row goal-revisions">
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
