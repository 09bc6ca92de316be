import { useEffect, useId, useState } from 'preact/hooks';
import { mutateWithRetry } from '../data/server.ts';
import type { Session } from '../data/sessions.ts';
import { closeDialog, Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { Form } from '../parts/kit/field.tsx';
import { FormError, useActionError } from '../parts/kit/trouble.tsx';
import { notify } from '../parts/notice.tsx';
import { t } from '../text/text.ts';
import { ModelPicker } from './model-picker.tsx';
import {
  availableProviders,
  chosenModel,
  effectiveModels,
  formatModelLabel,
  loadAvailableProviders,
  loadEffectiveModels,
} from './state.ts';

interface ChoiceOptions {
  readonly title: string;
  /** Empty: the default model. */
  readonly value: string;
  /** Also offers the default model. */
  readonly withUsual?: boolean;
  readonly withDemo?: boolean;
  /** Errors are shown in the dialog. */
  readonly act: (ref: string) => void | Promise<void>;
}

export const openModelPicker = (wish: ChoiceOptions): void => showDialog(<ChooseModel {...wish} />);

/** Changes the session's model from its next turn on. `undefined`: chooses the model of the next new session. */
export const openSessionModelPicker = (session: Session | undefined): void =>
  openModelPicker({
    title: t(session ? 'model' : 'models.choose'),
    value: session ? (session.model ?? effectiveModels.value?.model ?? '') : chosenModel.value,
    withUsual: !session,
    withDemo: true,
    async act(ref) {
      if (!session) {
        chosenModel.value = ref;
        return;
      }
      await mutateWithRetry('sessions.update', { id: session.id, model: ref });
      notify(t('models.changed', { model: formatModelLabel(ref) }));
    },
  });

function ChooseModel({ title, value, withUsual = false, withDemo = false, act }: ChoiceOptions) {
  const [chosen, setChosen] = useState(value);
  const [trouble, tryIt] = useActionError();
  useEffect(
    () => void tryIt(t('models.listsUnread'), () => Promise.all([loadEffectiveModels(), loadAvailableProviders()])),
    [],
  );
  const name = useId();
  const groups = availableProviders.value;
  const usual = effectiveModels.value?.model ?? '';
  const take = async () => {
    await act(chosen);
    closeDialog();
  };
  return (
    <Dialog title={title}>
      <Form failure={t('notSaved')} save={t('models.take')} isOff={!withUsual && chosen === ''} onSave={take}>
        {(withUsual || withDemo) && (
          <fieldset class="model-usual" aria-label={t('form.default')}>
            {withUsual && (
              <Row
                name={name}
                label={t('models.usual', { model: formatModelLabel(usual) })}
                isOn={chosen === ''}
                choose={() => setChosen('')}
              />
            )}
            {withDemo && (usual !== 'demo' || !withUsual) && (
              <Row name={name} label={t('models.demo')} isOn={chosen === 'demo'} choose={() => setChosen('demo')} />
            )}
          </fieldset>
        )}
        {groups === undefined && trouble === '' && <p class="quiet">{t('models.asking')}</p>}
        {groups?.length === 0 && <p class="quiet">{t('models.noProvider')}</p>}
        {groups !== undefined && groups.length > 0 && (
          <ModelPicker groups={groups} value={chosen} onChange={setChosen} other name={name} />
        )}
        <FormError text={trouble} />
      </Form>
    </Dialog>
  );
}

const Row = ({ name, label, isOn, choose }: { name: string; label: string; isOn: boolean; choose: () => void }) => (
  <label class="model-row round grid">
    <input type="radio" name={name} checked={isOn} onChange={choose} />
    <span class="breaks">{label}</span>
  </label>
);
