import { useId, useState } from 'preact/hooks';
import { mutate, mutateWithRetry } from '../data/server.ts';
import type { Session } from '../data/sessions.ts';
import { findLocale } from '../parts/format.ts';
import { closeDialog, Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { Form } from '../parts/kit/field.tsx';
import { Icon } from '../parts/kit/icon.tsx';
import { FormError, useLoadAction } from '../parts/kit/trouble.tsx';
import { notify } from '../parts/notice.tsx';
import { pressedKeyOf } from '../parts/pressed-key.ts';
import { createWordMatcher } from '../parts/word-search.ts';
import { t } from '../text/text.ts';
import {
  type AvailableProvider,
  applyModels,
  availableProviders,
  chosenModel,
  effectiveModels,
  formatModelLabel,
  isDemoModel,
  type ListedModel,
  loadAvailableProviders,
  loadEffectiveModels,
  modelRefOf,
  toShortModelName,
} from './state.ts';

interface ChoiceOptions {
  readonly title: string;
  /** Empty: the default model. */
  readonly value: string;
  /** Whether the default model is offered too. */
  readonly withUsual?: boolean;
  readonly withDemo?: boolean;
  readonly act: (ref: string) => void | Promise<void>;
}

export const openModelPicker = (wish: ChoiceOptions): void => showDialog(<ChooseModel {...wish} />);

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

/** Requires an administrator. `onSet` is called once the dialog is closed. */
export const openDefaultModelPicker = (onSet: () => void): void => {
  const now = effectiveModels.value?.model;
  openModelPicker({
    title: t('models.chooseUsual'),
    value: now === undefined || isDemoModel(now) ? '' : now,
    async act(ref) {
      const at = ref.indexOf('/');
      applyModels(await mutate('models.use', { provider: ref.slice(0, at), model: ref.slice(at + 1) }));
      setTimeout(onSet);
    },
  });
};

function ChooseModel({ title, value, withUsual = false, withDemo = false, act }: ChoiceOptions) {
  const [chosen, setChosen] = useState(value);
  const read = () => Promise.all([loadEffectiveModels(), loadAvailableProviders()]);
  const [trouble] = useLoadAction(t('models.listsUnread'), read);
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

interface Props {
  /** Provider names are shown only if there are several. */
  readonly groups: readonly AvailableProvider[];
  /** `provider/model`, or empty. */
  readonly value: string;
  readonly onChange: (ref: string) => void;
  /** Whether the user can type the name of an unlisted model. */
  readonly other?: boolean;
  readonly name?: string;
}

const mostShown = 200;

export function ModelPicker({ groups, value, onChange, other = false, name: ownName }: Props) {
  const [text, setText] = useState('');
  const id = useId();
  const name = ownName ?? id;
  const fits = createWordMatcher(text);
  const all = groups.flatMap((group) => group.models.map((model) => ({ group, model, ref: modelRefOf(group, model) })));
  const found = all.filter(({ group, model }) => fits(`${group.name} ${model.name} ${model.id}`));
  const shown = found.slice(0, mostShown);
  const isMixed = groups.length > 1;
  const unlisted = other && found.length === 0 && isReference(text.trim()) ? text.trim() : undefined;
  return (
    <div class="grid">
      <label class="search model-search">
        <Icon name="search" size={15} />
        <input
          type="search"
          class="field"
          aria-label={t('models.search')}
          placeholder={t('models.searchHint', { n: all.length })}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (pressedKeyOf(event) !== 'Enter') return;
            event.preventDefault(); // Enter must not submit the surrounding form
            const best = shown[0]?.ref ?? unlisted;
            if (best !== undefined) onChange(best);
          }}
        />
      </label>
      <fieldset class="model-list scrolls grid box" aria-label={t('model')}>
        {shown.map(({ group, model, ref }) => (
          <label key={ref} class="model-row round grid">
            <input type="radio" name={name} checked={ref === value} onChange={() => onChange(ref)} />
            <span class="breaks">
              {nameOf(model)}
              {(isMixed || nameOf(model) !== model.id) && (
                <span class="quiet">
                  {' '}
                  {isMixed && group.name !== nameOf(model) ? group.name : ''}
                  {nameOf(model) === model.id ? '' : ` ${model.id}`}
                </span>
              )}
            </span>
            <span class="model-facts small-text quiet">{describeModel(model)}</span>
          </label>
        ))}
        {unlisted !== undefined && (
          <label class="model-row round grid">
            <input type="radio" name={name} checked={unlisted === value} onChange={() => onChange(unlisted)} />
            <span class="breaks">{t('models.unlisted', { ref: unlisted })}</span>
          </label>
        )}
        {found.length === 0 && unlisted === undefined && <p class="quiet model-none">{t('models.nothingFound')}</p>}
        {found.length > shown.length && (
          <p class="quiet model-none">{t('models.moreFound', { n: found.length - shown.length })}</p>
        )}
      </fieldset>
      {groups.map(
        ({ provider, name: label, trouble }) =>
          trouble !== null && (
            <p key={provider} class="note wait">
              {label}: {trouble}
            </p>
          ),
      )}
    </div>
  );
}

const nameOf = ({ name, id }: ListedModel): string =>
  name === id && /\.gguf$/i.test(id) ? toShortModelName(id) : name;

const isReference = (text: string): boolean => text.indexOf('/') > 0 && !text.endsWith('/') && !text.includes(' ');

function describeModel({ window, price, images, tools, reasoning }: ListedModel): string {
  const facts: string[] = [];
  if (window !== undefined) facts.push(t('models.context', { n: tokensOf(window) }));
  if (price) {
    const isFree = price.input === 0 && price.output === 0;
    facts.push(isFree ? t('models.free') : t('models.price', { in: dollars(price.input), out: dollars(price.output) }));
  }
  if (images) facts.push(t('models.images'));
  if (reasoning) facts.push(t('models.reasoning'));
  if (tools === false) facts.push(t('models.noTools'));
  return facts.join(' · ');
}

const tokensOf = (n: number): string => (n >= 1_000_000 ? `${round(n / 1_000_000)}M` : `${round(n / 1_000)}K`);
const round = (n: number): string => String(n >= 10 ? Math.round(n) : Math.round(n * 10) / 10);
const dollars = (n: number): string =>
  new Intl.NumberFormat(findLocale(), {
    style: 'currency',
    currency: 'USD',
    ...(n < 0.1 && { maximumSignificantDigits: 2 }),
  }).format(n);
