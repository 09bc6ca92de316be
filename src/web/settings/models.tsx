import { useState } from 'preact/hooks';
import { mutate } from '../data/server.ts';
import { openDefaultModelPicker } from '../models/choose.tsx';
import { ModelSetup } from '../models/setup.tsx';
import {
  applyModels,
  effectiveModels,
  formatModelLabel,
  isDefaultReady,
  isDemoModel,
  loadEffectiveModels,
} from '../models/state.ts';
import { Button } from '../parts/kit/button.tsx';
import { confirmAction } from '../parts/kit/dialog.tsx';
import { List } from '../parts/kit/list.tsx';
import { FormError, LoadPlaceholder, useLoadAction } from '../parts/kit/trouble.tsx';
import { t } from '../text/text.ts';

/** Only administrators can change the models and add providers. */
export function ModelsPage({ reopenSettings }: { reopenSettings: () => void }) {
  const [notice, setNotice] = useState('');
  const [trouble, , again] = useLoadAction(t('models.listsUnread'), loadEffectiveModels);
  const now = effectiveModels.value;
  if (!now) return <LoadPlaceholder problem={trouble} again={again} />;
  const remove = (id: string, name: string) =>
    confirmAction({
      title: t('models.removeAsk', { provider: name }),
      text: t('models.removedTells'),
      yes: t('models.remove'),
      back: reopenSettings,
      act: () => void mutate('models.forget', { provider: id }).then(applyModels).finally(reopenSettings),
    });
  const canUse = now.canChange && now.setBy === null && (now.refusal === null || !isDemoModel(now.model));
  return (
    <>
      <div class="stack">
        <p>{t('models.inUse', { model: formatModelLabel(now.model) })}</p>
        {!isDefaultReady(now) && <p class="note wait">{t('models.defaultNotReadyTells')}</p>}
        {now.refusal !== null && <p class="note wait">{now.refusal}</p>}
        {now.setBy !== null && <p class="note wait">{t('models.setBy', { by: now.setBy })}</p>}
        {!now.canChange && <p class="quiet">{t('models.adminsOnly')}</p>}
        {canUse && (
          <div>
            <Button
              class="small"
              label={t('models.change')}
              onClick={() => openDefaultModelPicker({ back: reopenSettings })}
            />
          </div>
        )}
      </div>
      <div>
        <h3>{t('models.providers')}</h3>
        <List
          items={now.providers.map(({ id, name, isReady, from, setBy, address }) => ({
            key: id,
            title: name,
            lines: [
              [
                t(isReady ? 'models.ready' : 'models.notReady'),
                ...(setBy === null ? [] : [t('models.fromSettings', { by: setBy })]),
                ...(address === null ? [] : [address]),
              ].join(' · '),
            ],
            action: now.canChange && from === 'page' && (
              <Button
                class="small"
                kind="danger"
                label={t('models.remove')}
                aria-label={t('members.removeOne', { name })}
                onClick={() => remove(id, name)}
              />
            ),
          }))}
        />
      </div>
      <FormError text={trouble} />
      {now.canChange && (
        <div onInput={() => setNotice('')}>
          <h3>{t('models.add')}</h3>
          <ModelSetup
            onUsed={(model) => setNotice(t('models.done', { model: formatModelLabel(model) }))}
            onStored={() => setNotice(t('models.saved'))}
          />
        </div>
      )}
      {notice !== '' && (
        <p class="note good" role="status">
          {notice}
        </p>
      )}
    </>
  );
}
