import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { Button } from './button.tsx';
import { Trouble, useTrouble } from './trouble.tsx';

// The fields of a form: a label, the field, a help text, and the error at its field.

interface Shared<Value extends string> {
  readonly label: string;
  readonly value: Value;
  readonly onChange: (value: Value) => void;
  readonly help?: string;
  readonly required?: boolean;
}

interface TextProps extends Shared<string> {
  readonly type?: 'text' | 'time';
  readonly isCode?: boolean;
  readonly placeholder?: string;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly inputMode?: 'decimal' | 'numeric' | 'url';
  /** Entries that the browser offers while the person types. */
  readonly offers?: readonly string[];
  /** The error of the value, shown at the field; the form cannot be sent with it. Empty: none. */
  readonly error?: string;
  readonly onLeave?: () => void;
}

interface LabelledProps {
  readonly id: string;
  readonly label: string;
  readonly help: string | undefined;
  readonly children: ComponentChildren;
}
const Labelled = ({ id, label, help, children }: LabelledProps) => (
  <label class="labelled" for={id}>
    <span>{label}</span>
    {children}
    {help && <small class="quiet">{help}</small>}
  </label>
);

export function TextField({ label, help, value, onChange, isCode, offers, error = '', onLeave, ...rest }: TextProps) {
  const ref = useRef<HTMLInputElement>(null);
  const id = useId();
  useEffect(() => ref.current?.setCustomValidity(error), [error]);
  return (
    <Labelled id={id} label={label} help={help}>
      <input
        {...rest}
        id={id}
        ref={ref}
        class={isCode ? 'field mono' : 'field'}
        value={value}
        {...(offers && { list: `${id}-offers` })}
        aria-invalid={error !== ''}
        aria-describedby={error === '' ? undefined : `${id}-error`}
        onInput={({ currentTarget }) => onChange(currentTarget.value)}
        onBlur={onLeave}
      />
      {offers && (
        <datalist id={`${id}-offers`}>
          {offers.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
      {error !== '' && (
        <small id={`${id}-error`} class="bad-text" role="status">
          {error}
        </small>
      )}
    </Labelled>
  );
}

/** A secret, which is never shown. */
export function SecretField({ label, help, onChange, ...rest }: Shared<string> & { readonly placeholder?: string }) {
  const id = useId();
  return (
    <Labelled id={id} label={label} help={help}>
      <input
        {...rest}
        id={id}
        class="field"
        type="password"
        autocomplete="off"
        onInput={({ currentTarget }) => onChange(currentTarget.value)}
      />
    </Labelled>
  );
}

interface LongTextProps extends Shared<string> {
  readonly rows: number;
  readonly isCode?: boolean;
  readonly placeholder?: string;
}
export function LongTextField({ label, help, value, onChange, isCode, ...rest }: LongTextProps) {
  const id = useId();
  return (
    <Labelled id={id} label={label} help={help}>
      <textarea
        {...rest}
        id={id}
        class={isCode ? 'field mono' : 'field'}
        value={value}
        onInput={({ currentTarget }) => onChange(currentTarget.value)}
      />
    </Labelled>
  );
}

interface ChoiceProps<Value extends string> extends Shared<Value> {
  readonly choices: readonly (readonly [value: Value, words: string])[];
}
export function ChoiceField<Value extends string>({ label, help, choices, onChange, ...rest }: ChoiceProps<Value>) {
  const id = useId();
  return (
    <Labelled id={id} label={label} help={help}>
      <select {...rest} id={id} class="field" onChange={({ currentTarget }) => onChange(currentTarget.value as Value)}>
        {choices.map(([one, words]) => (
          <option key={one} value={one}>
            {words}
          </option>
        ))}
      </select>
    </Labelled>
  );
}

interface ManyProps {
  readonly legend: string;
  readonly choices: readonly (readonly [value: string, words: string, about?: string])[];
  readonly chosen: readonly string[];
  readonly onChange: (chosen: string[]) => void;
}
/** Boxes to tick. */
export const ManyField = ({ legend, choices, chosen, onChange }: ManyProps) => (
  <fieldset class="many">
    <legend>{legend}</legend>
    {choices.map(([one, words, about]) => (
      <label key={one}>
        <input
          type="checkbox"
          checked={chosen.includes(one)}
          onChange={() => onChange(chosen.includes(one) ? chosen.filter((other) => other !== one) : [...chosen, one])}
        />{' '}
        {words}
        {about && <small class="quiet">{about}</small>}
      </label>
    ))}
  </fieldset>
);

interface FormProps {
  readonly children: ComponentChildren;
  /** The beginning of a failure's text. */
  readonly failure: string;
  readonly save: string;
  readonly cancel: string;
  readonly onCancel: () => void;
  readonly onSave: () => Promise<unknown>;
}
/** Fields with one Save, and next to it why it failed. */
export function Form({ children, failure, save, cancel, onCancel, onSave }: FormProps) {
  const [trouble, tryIt] = useTrouble();
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void tryIt(failure, onSave);
      }}
    >
      {children}
      <Trouble text={trouble} />
      <div class="choices">
        <Button type="button" onClick={onCancel}>
          {cancel}
        </Button>
        <Button kind="primary" type="submit">
          {save}
        </Button>
      </div>
    </form>
  );
}
