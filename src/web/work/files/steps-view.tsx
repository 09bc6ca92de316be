import { useMemo } from 'preact/hooks';
import { sessionEventCount, sessionEvents } from '../../data/log.ts';
import { truncateLine } from '../../parts/bounded-text.ts';
import { t } from '../../text/text.ts';
import { type FileStep, listFileSteps } from './editor/steps.ts';
import type { FileStore } from './store.ts';

export function useFileSteps(): readonly FileStep[] {
  const count = sessionEventCount.value;
  return useMemo(() => listFileSteps(sessionEvents), [count]);
}

export function StepsView({ store }: { store: FileStore }) {
  const steps = useFileSteps();
  if (steps.length === 0) return <p class="quiet empty">{t('files.noSteps')}</p>;
  const { value: step } = store.step;
  return (
    <ol class="tree scrolls fill steps" aria-label={t('files.steps')}>
      {steps.toReversed().map(({ seq, description, files }) => (
        <li key={seq}>
          <p class="work-note step-name bold">{truncateLine(description, 200) || t('files.noPlan')}</p>
          <ul>
            {[...files.keys()].map((path) => (
              <li key={path}>
                <button
                  type="button"
                  class="row tree-row full"
                  aria-current={path === store.shown.value && step === seq}
                  onClick={() => store.showStep(seq, path)}
                >
                  <span class="cut fill">{path}</span>
                </button>
              </li>
            ))}
          </ul>
        </li>
      ))}
    </ol>
  );
}
