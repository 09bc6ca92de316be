import { useId, useState } from 'preact/hooks';
import { mutate } from '../data/server.ts';
import { findLocale } from '../parts/format.ts';
import { Button } from '../parts/kit/button.tsx';
import { closeDialog, Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { EmptyState } from '../parts/kit/empty.tsx';
import { Form } from '../parts/kit/field.tsx';
import { Icon } from '../parts/kit/icon.tsx';
import { FormError, useLoadAction } from '../parts/kit/trouble.tsx';
import { pressedKeyOf } from '../parts/pressed-key.ts';
import { createWordMatcher } from '../parts/word-search.ts';
import { t } from '../text/text.ts';
import {
  type AvailableProvider,
  applyModels,
  availableProviders,
  effectiveModels,
  formatModelLabel,
  type ListedModel,
  loadAvailableProviders,
  loadEffectiveModels,
  modelRefOf,
  toModelName,
} from './state.ts';

interface ChoiceOptions {
  readonly title: string;
  /** Empty: the default model. */
  readonly value: string;
  /** Whether the default model is offered too. */
  readonly withUsual?: boolean;
  readonly withDemo?: boolean;
  /** Leads to the form for a provider, if there is none. */
  readonly addProvider?: () => void;
  readonly act: (ref: string) => void | Promise<void>;
  /** Called after the model is taken or the dialog is canceled, to show the dialog that this one replaced. */
  readonly back?: (() => void) | undefined;
}

export const openModelPicker = (wish: ChoiceOptions): void => showDialog(<ChooseModel {...wish} />);

/** Requires an administrator. `onSet` is called once the dialog is closed. */
export const openDefaultModelPicker = ({ back, onSet }: { back?: () => void; onSet?: () => void }): void =>
  openModelPicker({
    title: t('models.chooseUsual'),
    value: effectiveModels.value?.model ?? '',
    withDemo: true,
    back,
    async act(ref) {
      const [provider = '', ...model] = ref.split('/');
      applyModels(await mutate('models.use', { provider, model: model.join('/') || provider }));
      if (onSet) setTimeout(onSet);
    },
  });

function ChooseModel(options: ChoiceOptions) {
  const { title, value, withUsual = false, withDemo = false, addProvider, act, back } = options;
  const read = () => Promise.all([loadEffectiveModels(), loadAvailableProviders()]);
  const [trouble] = useLoadAction(t('models.listsUnread'), read);
  const groups = availableProviders.value;
  const usual = effectiveModels.value?.model ?? '';
  const rows = [
    ...(withUsual ? [{ ref: '', label: t('models.usual', { model: formatModelLabel(usual) }) }] : []),
    ...(withDemo && (usual !== 'demo' || !withUsual) ? [{ ref: 'demo', label: t('models.demo') }] : []),
  ];
  const choice = useModelChoice({ groups: groups ?? [], value, rows, other: true });
  const { name, chosen } = choice;
  const isShown = groups?.length !== 0 || rows.some(({ ref }) => ref === chosen);
  const take = async () => {
    if (chosen === undefined) return;
    await act(chosen);
    (back ?? closeDialog)();
  };
  return (
    <Dialog title={title} {...(back && { onClose: back })}>
      <Form
        failure={t('notSaved')}
        save={t('models.take')}
        isOff={!isShown || chosen === undefined || (!withUsual && chosen === '')}
        onSave={take}
        {...(back && { onCancel: back })}
      >
        {rows.length > 0 && (
          <fieldset class="model-usual" aria-label={t('form.default')}>
            {rows.map(({ ref, label }) => (
              <label key={ref} class="model-row round grid">
                <input type="radio" name={name} checked={ref === chosen} onChange={() => choice.choose(ref)} />
                <span class="breaks">{label}</span>
              </label>
            ))}
          </fieldset>
        )}
        {groups === undefined && trouble === '' && <p class="quiet">{t('models.asking')}</p>}
        {groups?.length === 0 && (
          <EmptyState text={t('models.noProvider')}>
            {addProvider && effectiveModels.value?.canChange && (
              <Button icon="plus" label={t('models.addOne')} onClick={addProvider} />
            )}
          </EmptyState>
        )}
        {groups !== undefined && groups.length > 0 && <ModelPicker groups={groups} choice={choice} />}
        <FormError text={trouble} />
      </Form>
    </Dialog>
  );
}

interface ChoiceFrom {
  readonly groups: readonly AvailableProvider[];
  /** `provider/model`, or empty. */
  readonly value: string;
  /** Choices outside the list, which the search finds too. */
  readonly rows?: readonly { readonly ref: string; readonly label: string }[];
  /** Whether the user can keep, or type the name of, an unlisted model. */
  readonly other?: boolean;
}

/** `chosen` is undefined while the search excludes the choice, so that a model out of view is not taken. */
export function useModelChoice({ groups, value, rows = [], other = false }: ChoiceFrom) {
  const [selected, setSelected] = useState(value);
  const [text, setText] = useState('');
  const name = useId();
  const all = groups.flatMap((group) => group.models.map((model) => ({ group, model, ref: modelRefOf(group, model) })));
  const typed = text.trim();
  const fits = createWordMatcher(typed);
  const found = all.filter(({ group, model, ref }) => fits(`${group.name} ${model.name} ${ref}`));
  const named = typed || value;
  const unlisted = other && isReference(named) && !all.some(({ ref }) => ref === named) ? named : undefined;
  const refs = [
    ...found.map(({ ref }) => ref),
    ...(unlisted === undefined ? [] : [unlisted]),
    ...rows.filter(({ ref, label }) => fits(`${label} ${ref}`)).map(({ ref }) => ref),
  ];
  const isInView = typed === '' || refs.includes(selected);
  const only = refs.length === 1 ? refs[0] : undefined;
  const best = refs.includes(typed) ? typed : refs[0];
  return {
    name,
    text,
    all,
    found,
    unlisted,
    /** Undefined if nothing matches the search. */
    best: typed === '' ? selected : best,
    chosen: isInView ? selected : only,
    choose(ref: string) {
      setSelected(ref);
      if (!refs.includes(ref)) setText('');
    },
    search(next: string) {
      setText(next);
      const exact = [...all, ...rows].find(({ ref }) => ref !== '' && ref === next.trim());
      if (exact) setSelected(exact.ref);
    },
  };
}

const mostShown = 200;

/** Provider names are shown only if there are several. */
export function ModelPicker({
  groups,
  choice,
}: {
  groups: readonly AvailableProvider[];
  choice: ReturnType<typeof useModelChoice>;
}) {
  const { name, text, all, found, unlisted, chosen, choose } = choice;
  const shown = found.slice(0, mostShown);
  const isMixed = groups.length > 1;
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
          onInput={(event) => choice.search(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (pressedKeyOf(event) !== 'Enter') return;
            event.preventDefault(); // Enter must not submit the surrounding form
            if (choice.best !== undefined) choose(choice.best);
          }}
        />
      </label>
      <fieldset class="model-list scrolls grid box" aria-label={t('model')}>
        {shown.map(({ group, model, ref }) => (
          <label key={ref} class="model-row round grid" title={ref}>
            <input type="radio" name={name} checked={ref === chosen} onChange={() => choose(ref)} />
            <span class="breaks">
              {model.name === model.id ? toModelName(ref) : model.name}
              <span class="quiet">
                {isMixed && group.name !== model.name ? ` ${group.name}` : ''}
                {model.name === model.id ? '' : ` ${model.id}`}
              </span>
            </span>
            <span class="model-facts small-text quiet">{describeModel(model)}</span>
          </label>
        ))}
        {unlisted !== undefined && (
          <label class="model-row round grid">
            <input type="radio" name={name} checked={unlisted === chosen} onChange={() => choose(unlisted)} />
            <span class="breaks">{t('models.unlisted', { ref: unlisted })}</span>
          </label>
        )}
        {choice.best === undefined && <p class="quiet model-none">{t('models.nothingFound')}</p>}
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
