import { t } from '../text/text.ts';
import { ModelSetup } from './setup.tsx';
import { inForce, isDemo } from './state.ts';

/** On the start page: what answers here, and without a model the way to one. */
export function ModelBanner({ onUsed }: { onUsed: () => void }) {
  const now = inForce.value;
  if (!now || !isDemo(now.model)) return null;
  return (
    <section class="model-banner" aria-label={t('models.none')}>
      <h3>{t('models.none')}</h3>
      <p>{t('models.demoTells')}</p>
      {now.refusal !== null && <p class="note wait">{now.refusal}</p>}
      {now.refusal === null && now.setBy !== null && <p class="note wait">{t('models.setBy', { by: now.setBy })}</p>}
      {now.refusal === null && now.setBy === null && !now.canChange && <p class="note wait">{t('models.askAdmin')}</p>}
      {now.refusal === null && now.setBy === null && now.canChange && <ModelSetup onUsed={onUsed} />}
    </section>
  );
}
