import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { mutate } from '../data/server.ts';
import { focusFirstInvalidField } from '../parts/focus.ts';
import { Button } from '../parts/kit/button.tsx';
import { SegmentedControl } from '../parts/kit/choice.tsx';
import { SecretField, TextField } from '../parts/kit/field.tsx';
import { FormError, findFieldErrors, InvalidFieldsError, useActionError } from '../parts/kit/trouble.tsx';
import { t } from '../text/text.ts';
import { ModelPicker, openDefaultModelPicker, useModelChoice } from './choose.tsx';
import {
  type AvailableProvider,
  applyModels,
  effectiveModels,
  isDefaultReady,
  isDemoModel,
  modelRefOf,
  type ProviderPreset,
  providerPresets,
  slugifyProviderName,
  toProviderName,
} from './state.ts';

/** `onStored`: called after storing a provider without changing the default model. */
export function ModelSetup({ onUsed, onStored }: { onUsed?: (model: string) => void; onStored?: () => void }) {
  const [preset, setPreset] = useState<ProviderPreset>(providerPresets[0] as ProviderPreset);
  const [address, setAddress] = useState('');
  const [name, setName] = useState('');
  const [key, setKey] = useState('');
  const [found, setFound] = useState<AvailableProvider | undefined>();
  const choice = useModelChoice({ groups: found ? [found] : [], value: '' });
  const model = choice.chosen ?? '';
  const [isBusy, setBusy] = useState(false);
  const [trouble, tryIt] = useActionError();
  const [errors, setErrors] = useState<Readonly<Record<string, string>>>({});
  const form = useRef<HTMLFormElement>(null);
  const wasChosen = useRef(false);
  const isOwn = preset.baseUrl !== undefined;
  const held = effectiveModels.value?.providers.find(({ id }) => id === preset.id);
  const isNameTaken =
    preset.baseUrl === '' && effectiveModels.value?.providers.some(({ id }) => id === found?.provider) === true;
  const fields = [
    ...(isOwn ? ['baseUrl'] : []),
    ...(preset.baseUrl === '' ? ['provider'] : []),
    ...(preset.key === 'none' ? [] : ['key']),
  ];
  const hasKey = held?.isReady === true && held.kind === 'known';
  useLayoutEffect(() => {
    if (document.activeElement?.matches('[type="radio"]:focus-visible')) return; // arrow keys can still move to the next provider
    const fields = [...(form.current?.querySelectorAll<HTMLInputElement>('.labelled input') ?? [])];
    if (wasChosen.current) (fields.find(({ value }) => value === '') ?? fields[0])?.focus();
    wasChosen.current = true;
  }, [preset]);
  // The list of models can push the buttons out of view.
  useEffect(() => {
    if (found) form.current?.querySelector('.choices')?.scrollIntoView({ block: 'nearest' });
  }, [found]);
  const choose = (id: string) => {
    const next = providerPresets.find((one) => one.id === id);
    if (!next) return;
    setPreset(next);
    setAddress(next.baseUrl ?? '');
    setKey('');
    setName('');
    void tryIt('', async () => {}); // clears the previous provider's error
    forget();
  };
  const forget = () => {
    setFound(undefined);
    setErrors({});
    choice.choose('');
  };
  const enter = (set: (text: string) => void) => (text: string) => {
    set(text);
    forget();
  };
  const access = () => ({
    provider: preset.baseUrl === '' ? slugifyProviderName(name || toProviderName(withScheme(address))) : preset.id,
    ...(isOwn && { baseUrl: withScheme(address) }),
    ...(key.trim() !== '' && { key: key.trim() }),
  });
  const busy = async (what: string, work: () => Promise<void>) => {
    setBusy(true);
    await tryIt(what, () =>
      work().catch((thrown: unknown) => {
        const found = findFieldErrors(thrown, fields);
        if (Object.keys(found).length === 0) throw thrown;
        setErrors(found);
        focusFirstInvalidField(form.current);
      }),
    );
    setBusy(false);
  };
  const test = () =>
    busy(t('models.notTested'), async () => {
      forget();
      const { provider } = access();
      const { ok, message, field, models } = await mutate('models.test', access());
      if (!ok) throw field === undefined ? new Error(message) : new InvalidFieldsError({ [field]: message });
      setFound({ provider, name: (preset.baseUrl !== '' && preset.label) || provider, models, trouble: null });
      const only = models.length === 1 ? models[0] : undefined;
      if (only) choice.choose(modelRefOf({ provider }, only));
    });
  const use = () =>
    busy(t('notSaved'), async () => {
      const { provider } = access();
      const now = await mutate('models.use', { ...access(), model: model.slice(provider.length + 1) });
      applyModels(now);
      choose(preset.id);
      onUsed?.(now.model);
    });
  const canStore = onStored !== undefined && (found !== undefined || (!isOwn && key.trim() !== ''));
  const store = () =>
    busy(t('notSaved'), async () => {
      applyModels(await mutate('models.use', access()));
      choose(preset.id);
      onStored?.();
    });
  return (
    <form
      ref={form}
      class="form roomy stack model-setup"
      aria-label={t('models.setUp')}
      onSubmit={(event) => {
        event.preventDefault();
        const isUse = (event.submitter as HTMLButtonElement | null)?.value === 'use';
        if (!isBusy) void (isUse ? use() : test());
      }}
    >
      <SegmentedControl
        label={t('models.provider')}
        value={preset.id}
        options={providerPresets.map(({ id, label }) => ({ value: id, label: label || t('models.other') }))}
        onChange={(id) => id !== preset.id && choose(id)}
      />
      <div class="model-access wrap">
        {isOwn && (
          <TextField
            label={t('models.address')}
            inputMode="url"
            required
            placeholder="http://127.0.0.1:8080/v1"
            value={address}
            error={errors.baseUrl ?? ''}
            onChange={enter(setAddress)}
          />
        )}
        {preset.baseUrl === '' && (
          <TextField
            label={t('models.name')}
            placeholder={address.trim() === '' ? '' : toProviderName(withScheme(address))}
            maxLength={31}
            value={name}
            error={errors.provider ?? ''}
            onChange={enter(setName)}
          />
        )}
        {preset.key !== 'none' && (
          <SecretField
            label={preset.key === 'needed' ? t('models.key') : t('models.keyIfAny')}
            required={preset.key === 'needed' && !hasKey}
            placeholder={hasKey ? t('models.keyHeld') : ''}
            value={key}
            error={errors.key ?? ''}
            onChange={enter(setKey)}
          />
        )}
        <Button
          type="submit"
          label={isBusy && !found ? t('models.testing') : t('models.testIt')}
          value="test"
          disabled={isBusy}
        />
      </div>
      {found && <ModelPicker groups={[found]} choice={choice} />}
      {found && (
        <p class="quiet" role="status">
          {t('models.worked', { n: found.models.length })}
        </p>
      )}
      {found && <p class="quiet">{t('models.useTells')}</p>}
      {found && isNameTaken && <p class="note wait">{t('models.replaces', { name: found.provider })}</p>}
      <FormError text={trouble} />
      {(found || canStore) && (
        <div class="choices">
          {canStore && <Button label={t('models.saveOnly')} disabled={isBusy} onClick={() => void store()} />}
          {found && (
            <Button
              type="submit"
              label={t('models.use')}
              value="use"
              kind="primary"
              disabled={isBusy || model === ''}
            />
          )}
        </div>
      )}
    </form>
  );
}

/** Adds `http://` to an address without a scheme, such as `127.0.0.1:8080` or `localhost:11434/v1`. */
const withScheme = (address: string): string =>
  /^[a-z]+:[/][/]/i.test(address.trim()) ? address.trim() : `http://${address.trim()}`;

export function ModelSetupBanner({ onUsed }: { onUsed: () => void }) {
  const now = effectiveModels.value;
  if (!now || (!isDemoModel(now.model) && isDefaultReady(now))) return null;
  const isAlone = !now.providers.some(({ isReady }) => isReady);
  const isDemo = isDemoModel(now.model);
  const ofDefault = isDemo ? 'models.demoIsDefault' : 'models.defaultNotReady';
  const title = t(isAlone ? 'models.none' : ofDefault);
  const canChoose = now.refusal === null && now.setBy === null && now.canChange;
  return (
    <section class="model-banner roomy raised grid" aria-label={title}>
      <h3>{title}</h3>
      <p>{t(isAlone && isDemo ? 'models.demoTells' : `${ofDefault}Tells`)}</p>
      {now.refusal !== null && <p class="note wait">{now.refusal}</p>}
      {now.refusal === null && now.setBy !== null && <p class="note wait">{t('models.setBy', { by: now.setBy })}</p>}
      {now.refusal === null && now.setBy === null && !now.canChange && <p class="note wait">{t('models.askAdmin')}</p>}
      {canChoose && !(isAlone && isDemo) && (
        <div>
          <Button
            kind={isAlone ? 'plain' : 'primary'}
            label={t('models.chooseDefault')}
            onClick={() => openDefaultModelPicker({ onSet: onUsed })}
          />
        </div>
      )}
      {canChoose && <ModelSetup onUsed={onUsed} />}
    </section>
  );
}
