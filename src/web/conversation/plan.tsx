import { useState } from 'preact/hooks';
import type { ConversationState } from '../data/model.ts';
import { Icon } from '../parts/kit/icon.tsx';
import { StatusIcon } from '../parts/kit/status.tsx';
import { t } from '../text/text.ts';

const short = 4; // steps; a longer plan collapses

export function PlanPanel({ model }: { model: ConversationState }) {
  const steps = model.plan.value;
  const [chosen, setChosen] = useState<boolean>();
  if (steps.length < 2) return null; // a single step only repeats the task
  const done = steps.filter(({ status }) => status === 'completed').length;
  const isOver = done === steps.length || model.run.value.kind === 'ended';
  const isOpen = chosen ?? (steps.length <= short && !isOver);
  const now = steps.find(({ status }) => status === 'running') ?? steps.find(({ status }) => status === 'pending');
  return (
    <section class="plan raised box" aria-label={t('plan')}>
      <button
        type="button"
        class="row plan-head full small-text padded"
        aria-expanded={isOpen}
        aria-controls="plan"
        onClick={() => setChosen(!isOpen)}
      >
        <Icon name="plan" size={16} />
        <strong>{t('plan')}</strong>
        <span class="quiet">{t('planDone', { done, all: steps.length })}</span>
        <span class="cut fill">{isOpen ? '' : now?.description}</span>
        <progress value={done} max={steps.length} aria-label={t('planDone', { done, all: steps.length })} />
        <Icon name="chevron" size={14} />
      </button>
      <ol id="plan" hidden={!isOpen}>
        {steps.map(({ id, description, status }) => (
          <li key={id} class="row" data-status={status} aria-current={status === 'running' ? 'step' : undefined}>
            <StatusIcon status={status} /> <span>{description}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
