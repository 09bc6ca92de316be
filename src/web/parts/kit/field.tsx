import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { t } from '../../text/text.ts';
import { Button } from './button.tsx';
import { closeDialog } from './dialog.tsx';
import type { IconName } from './icon.tsx';
import { FormError, useActionError } from './trouble.tsx';

interface Shared<Value extends string> {
  readonly label: string;
  readonly value: Value;
  readonly onChange: (value: Value) => void;
  readonly help?: string | undefined;
  readonly required?: boolean;
  /** Empty if there is no error. In a `TextField`, an error also blocks submission. */
  readonly error?: string;
}

interface LabelledProps {
  readonly label: string;
  readonly help: string | undefined;
  readonly error: string | undefined;
  readonly children: (state: {
    id: string;
    'aria-labelledby': string;
    'aria-invalid': boolean;
    'aria-describedby': string | undefined;
  }) => ComponentChildren;
}
function Labelled({ label, help, error = '', children }: LabelledProps) {
  const id = useId();
  const describedBy = [help && `${id}-help`, error !== '' && `${id}-error`].filter(Boolean).join(' ');
  return (
    <label class="labelled stack" for={id}>
      <span id={`${id}-label`}>{label}</span>
      {children({
        id,
        'aria-labelledby': `${id}-label`, // without the help and the error
        'aria-invalid': error !== '',
        'aria-describedby': describedBy || undefined,
      })}
      {help && (
        <small id={`${id}-help`} class="quiet">
          {help}
        </small>
      )}
      {error !== '' && <FieldError id={`${id}-error`} text={error} />}
    </label>
  );
}
const FieldError = ({ id, text }: { id: string; text: string }) => (
  <small id={id} class="bad-text" role="status">
    {text}
  </small>
);

interface TextProps extends Shared<string> {
  readonly type?: 'text' | 'time';
  readonly placeholder?: string;
  readonly maxLength?: number;
  readonly inputMode?: 'decimal' | 'numeric' | 'url';
  readonly offers?: readonly string[];
  readonly onLeave?: () => void;
}
export function TextField({ label, help, value, onChange, offers, error = '', onLeave, ...rest }: TextProps) {
  const ref = useRef<HTMLInputElement>(null);
  useEffect(() => ref.current?.setCustomValidity(error), [error]);
  return (
    <Labelled label={label} help={help} error={error}>
      {(state) => (
        <>
          <input
            {...rest}
            {...state}
            ref={ref}
            class="field"
            spellcheck={false}
            value={value}
            {...(offers && { list: `${state.id}-offers` })}
            onInput={({ currentTarget }) => onChange(currentTarget.value)}
            onBlur={onLeave}
            onInvalid={(event) => {
              if (error === '') return;
              event.preventDefault(); // the browser's message would cover this one
              event.currentTarget.form?.querySelector<HTMLElement>('input:invalid')?.focus();
            }}
          />
          {offers && (
            <datalist id={`${state.id}-offers`}>
              {offers.map((one) => (
                <option key={one} value={one} />
              ))}
            </datalist>
          )}
        </>
      )}
    </Labelled>
  );
}

export const SecretField = ({ label, help, error, onChange, ...rest }: Shared<string> & { placeholder?: string }) => (
  <Labelled label={label} help={help} error={error}>
    {(state) => (
      <input
        {...rest}
        {...state}
        class="field"
        type="password"
        autocomplete="off"
        onInput={({ currentTarget }) => onChange(currentTarget.value)}
      />
    )}
  </Labelled>
);

interface LongTextProps extends Shared<string> {
  readonly rows: number;
  readonly isCode?: boolean;
  readonly placeholder?: string;
  readonly maxLength?: number;
  readonly onFocus?: (event: { readonly currentTarget: HTMLTextAreaElement }) => void;
}
export const TextAreaField = ({ label, help, error, onChange, isCode, ...rest }: LongTextProps) => (
  <Labelled label={label} help={help} error={error}>
    {(state) => (
      <textarea
        {...rest}
        {...state}
        class={isCode ? 'field mono' : 'field'}
        onInput={({ currentTarget }) => onChange(currentTarget.value)}
      />
    )}
  </Labelled>
);

export const ChoiceField = <Value extends string>({
  label,
  help,
  error,
  choices,
  onChange,
  ...rest
}: Shared<Value> & { readonly choices: readonly (readonly [value: Value, words: string])[] }) => (
  <Labelled label={label} help={help} error={error}>
    {(state) => (
      <select
        {...rest}
        {...state}
        class="field"
        onChange={({ currentTarget }) => onChange(currentTarget.value as Value)}
      >
        {choices.map(([one, words]) => (
          <option key={one} value={one}>
            {words}
          </option>
        ))}
      </select>
    )}
  </Labelled>
);

interface ManyProps {
  readonly legend: string;
  readonly choices: readonly (readonly [value: string, words: string, about?: string])[];
  readonly chosen: readonly string[];
  readonly error?: string;
  readonly onChange: (chosen: string[]) => void;
}
export function MultiChoiceField({ legend, choices, chosen, error = '', onChange }: ManyProps) {
  const id = useId();
  return (
    <fieldset class="many padded grid box" aria-describedby={error === '' ? undefined : id}>
      <legend>{legend}</legend>
      {choices.map(([one, words, about], at) => (
        <label key={one} class="row">
          <input
            type="checkbox"
            aria-invalid={error !== '' && at === 0}
            checked={chosen.includes(one)}
            onChange={() => onChange(chosen.includes(one) ? chosen.filter((other) => other !== one) : [...chosen, one])}
          />
          <span>
            {words} {about && <small class="quiet">{about}</small>}
          </span>
        </label>
      ))}
      {error !== '' && <FieldError id={id} text={error} />}
    </fieldset>
  );
}

interface CheckProps {
  readonly label: string;
  readonly isOn: boolean;
  readonly onChange: (isOn: boolean) => void;
}
export const CheckboxField = ({ label, isOn, onChange }: CheckProps) => (
  <label class="check row">
    <input type="checkbox" checked={isOn} onChange={({ currentTarget }) => onChange(currentTarget.checked)} />
    <span>{label}</span>
  </label>
);

interface FormProps {
  readonly children: ComponentChildren;
  readonly failure: string;
  readonly save: string;
  readonly icon?: IconName;
  readonly isOff?: boolean;
  readonly onCancel?: () => void;
  readonly onSave: () => Promise<unknown>;
}
export function Form({ children, failure, save, icon, isOff = false, onCancel = closeDialog, onSave }: FormProps) {
  const [trouble, tryIt] = useActionError();
  const [isBusy, setBusy] = useState(false);
  const submit = async () => {
    setBusy(true);
    await tryIt(failure, onSave);
    setBusy(false);
  };
  return (
    <form
      class="form roomy stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (!isBusy && !isOff) void submit();
      }}
    >
      {children}
      <FormError text={trouble} />
      <div class="choices">
        <Button label={t('cancel')} onClick={onCancel} />
        <Button kind="primary" type="submit" label={save} disabled={isOff || isBusy} {...(icon && { icon })} />
      </div>
    </form>
  );
}
