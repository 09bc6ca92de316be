import { type ComponentChildren, Fragment } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { type InputOf, type ProcedurePath, toErrorText } from '../../data/server.ts';
import forms from '../../forms.json' with { type: 'json' };
import { isTextKey, t } from '../../text/text.ts';
import { findLocale } from '../format.ts';
import { Button } from './button.tsx';
import { ChoiceField, MultiChoiceField, SecretField, TextAreaField, TextField } from './field.tsx';
import {
  type FieldDraft,
  type FieldSchema,
  type FormSchema,
  findFieldProblem,
  parseFieldDraft,
  toFieldDraft,
} from './schema.ts';
import { FormError, findFieldErrors } from './trouble.tsx';

interface FieldOptions {
  readonly label?: string;
  /** `code`: long text in a monospace font. */
  readonly as?: 'secret' | 'long' | 'code' | 'time';
  readonly placeholder?: string;
  readonly rows?: number;
  /** Replaces the schema's values. */
  readonly choices?: readonly (readonly [value: string, words: string, about?: string])[];
  readonly none?: string;
  readonly offers?: readonly string[];
  readonly schema?: FieldSchema;
  readonly isRequired?: boolean;
  /** Finds errors that the schema cannot detect. */
  readonly check?: (text: string) => string | undefined;
  /** Normalizes the value when the user leaves the field. */
  readonly tidy?: (text: string) => string;
  readonly below?: ComponentChildren;
  /** Groups of the schema's values, with legends from text keys such as `webhooks.group.runs`. */
  readonly groups?: Readonly<Record<string, readonly string[]>>;
  readonly isAdvanced?: boolean;
  /** Whether the server accepts the empty string. */
  readonly canBeEmpty?: boolean;
}
type FormName = ProcedurePath & keyof typeof forms;
/** A name with a dot refers to a field of an object. */
type Fields<Name extends FormName> = Partial<Record<keyof InputOf<Name> | `${string}.${string}`, FieldOptions>>;
type Drafts = Readonly<Record<string, FieldDraft>>;

interface Props<Name extends FormName> {
  readonly of: Name;
  /** Prefix of text keys, such as `webhooks` in `webhooks.url`, `webhooks.url.help` and `webhooks.format.json`. */
  readonly words: string;
  /** Absent: the enclosing dialog has the title. */
  readonly title?: string;
  readonly fields: Fields<Name> | ((entry: (name: string) => FieldDraft) => Fields<Name>);
  /** Values of fields without a draft. The caller updates them after a save. */
  readonly value?: object | undefined;
  /** Fields outside the schema; `others` has their names. */
  readonly children?: (errors: Readonly<Record<string, string>>) => ComponentChildren;
  readonly others?: readonly string[];
  /** A form that was closed without Save or Cancel reopens with its drafts. Default: the title. */
  readonly draftKey?: string;
  readonly needsChange?: boolean;
  readonly note?: string;
  readonly save?: string;
  readonly failure?: string;
  readonly cancel?: () => void;
  /** Second button. Like Save, it first validates the form. */
  readonly second?: { readonly label: string; readonly send: (input: InputOf<Name>) => Promise<unknown> };
  readonly send: (input: InputOf<Name>) => Promise<unknown>;
}

const keptDrafts = new Map<string, Drafts>();

/** A form generated from a server operation's input. Shows each error at its field. */
export function SchemaForm<Name extends FormName>(props: Props<Name>) {
  const { of, words, title, fields, value, children, others = [], note, cancel, second, send } = props;
  const { save = t('files.save'), failure = t('notSaved'), needsChange = false, draftKey = title ?? '' } = props;
  const kept = `${of} ${draftKey}`;
  const schemas = forms[of] as unknown as FormSchema;
  const [drafts, setDrafts] = useState<Drafts>(keptDrafts.get(kept) ?? {});
  const enter = (name: string, draft: FieldDraft) =>
    setDrafts((before) => {
      // Not in an effect, because a form may close before its effects run.
      if (shown[name]?.as !== 'secret') keptDrafts.set(kept, { ...keptDrafts.get(kept), [name]: draft });
      return { ...before, [name]: draft };
    });
  const initial = (name: string, schema = schemas[name]) =>
    toFieldDraft(schema ?? { kind: 'text' }, valueAt(value, name), findLocale());
  const draftOf = (name: string, schema?: FieldSchema) => drafts[name] ?? initial(name, schema);
  const shown = (typeof fields === 'function' ? fields(draftOf) : fields) as Readonly<Record<string, FieldOptions>>;
  const all = Object.entries(shown).map(([name, options]) => {
    const { schema = schemas[name] as FieldSchema, isRequired = schema.isRequired && !options.canBeEmpty } = options;
    const draft = draftOf(name, schema);
    const own = typeof draft === 'string' ? options.check?.(draft) : undefined;
    return { name, options, schema: { ...schema, isRequired: isRequired ?? false }, draft, own };
  });
  const [errors, setErrors] = useState<Readonly<Record<string, string>>>({});
  const [refusals, setRefusals] = useState(0);
  const [trouble, setTrouble] = useState('');
  const form = useRef<HTMLFormElement>(null);
  const more = useRef<HTMLDetailsElement>(null);
  const isMoreSet = all.some(
    ({ name, options, schema }) =>
      options.isAdvanced && String(initial(name, schema)) !== String(toFieldDraft(schema, undefined, findLocale())),
  );
  useLayoutEffect(() => {
    if (more.current && isMoreSet) more.current.open = true;
  }, [isMoreSet]);
  useLayoutEffect(() => {
    // once opened, the section stays open until the user closes it
    if (more.current?.querySelector('[aria-invalid="true"]')) more.current.open = true;
    form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [refusals]); // not after each change, because fixing a field must not move the focus
  const refuse = (found: Readonly<Record<string, string>>) => {
    setErrors(found);
    setRefusals((count) => count + 1);
  };
  const textOf = (key: string) => {
    const name = `${words}.${key}`;
    return isTextKey(name) ? t(name) : undefined;
  };
  const submit = async (deliver: Props<Name>['send'], isSave: boolean) => {
    setTrouble('');
    const mistakes = all.flatMap(({ name, schema, draft, own }) => {
      const [text, values] = findFieldProblem(schema, draft, findLocale()) ?? [];
      if (text === undefined) return own === undefined ? [] : [[name, own] as const];
      return [[name, (text === 'form.badForm' && textOf(`${name}.form`)) || t(text, values)] as const];
    });
    refuse(Object.fromEntries(mistakes));
    if (mistakes.length > 0) return;
    try {
      const input = {};
      for (const { name, schema, draft, options } of all) {
        const entered = parseFieldDraft(schema, draft, findLocale()) ?? (options.canBeEmpty ? '' : undefined);
        if (entered !== undefined) putAt(input, name, entered);
      }
      await deliver(input as InputOf<Name>);
      if (!isSave) return;
      keptDrafts.delete(kept);
      setDrafts({});
    } catch (thrown) {
      const atField = findFieldErrors(thrown, [...Object.keys(shown), ...others]);
      refuse(atField);
      if (Object.keys(atField).length === 0) setTrouble(t('notDone', { what: failure, why: toErrorText(thrown) }));
    }
  };
  const isUnchanged =
    needsChange && all.every(({ name, schema, draft }) => String(draft) === String(initial(name, schema)));
  const draw = (isAdvanced: boolean) =>
    all
      .filter(({ options }) => (options.isAdvanced ?? false) === isAdvanced)
      .map(({ name, options, schema, draft, own }) => (
        <Fragment key={name}>
          <OneField
            label={options.label ?? textOf(name) ?? name}
            help={textOf(`${name}.${draft}.help`) ?? textOf(`${name}.help`)}
            error={errors[name] ?? own ?? ''}
            options={options}
            schema={schema}
            draft={draft}
            textOf={(key) => textOf(`${name}.${key}`) ?? textOf(key) ?? key}
            onChange={(next) => {
              enter(name, next);
              setErrors(({ [name]: _, ...rest }) => rest);
            }}
          />
          {options.below}
        </Fragment>
      ));
  return (
    <form
      ref={form}
      class="form roomy stack"
      aria-label={title}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        const isSecond = (event.submitter as HTMLButtonElement | null)?.value === 'second';
        if (isUnchanged && !isSecond) return;
        void submit(isSecond && second ? second.send : send, !isSecond);
      }}
    >
      {title !== undefined && <h3>{title}</h3>}
      <div class="fields roomy grid">
        {draw(false)}
        {children?.(errors)}
      </div>
      {all.some(({ options }) => options.isAdvanced) && (
        <details class="advanced" ref={more}>
          <summary>{t('form.more')}</summary>
          <div class="fields roomy grid">{draw(true)}</div>
        </details>
      )}
      {note !== undefined && (
        <p class="quiet" role="status">
          {note}
        </p>
      )}
      <FormError text={trouble} />
      <div class="choices">
        {cancel && (
          <Button
            label={t('cancel')}
            onClick={() => {
              keptDrafts.delete(kept);
              cancel();
            }}
          />
        )}
        {second && <Button type="submit" label={second.label} value="second" />}
        <Button kind="primary" type="submit" label={save} aria-disabled={isUnchanged} />
      </div>
    </form>
  );
}

const valueAt = (value: unknown, name: string): unknown =>
  name.split('.').reduce((inside, part) => (inside as Record<string, unknown> | undefined | null)?.[part], value);

function putAt(input: Record<string, unknown>, name: string, value: unknown): void {
  const [part = '', ...rest] = name.split('.');
  if (rest.length === 0) input[part] = value;
  else {
    input[part] ??= {};
    putAt(input[part] as Record<string, unknown>, rest.join('.'), value);
  }
}

interface OneFieldProps {
  readonly label: string;
  readonly help: string | undefined;
  readonly error: string;
  readonly options: FieldOptions;
  readonly schema: FieldSchema;
  readonly draft: FieldDraft;
  readonly textOf: (key: string) => string;
  readonly onChange: (draft: FieldDraft) => void;
}

function OneField({ options, schema, draft, textOf, ...shared }: OneFieldProps) {
  const { as, placeholder = '', groups, none, offers, tidy, rows = 5 } = options;
  const wordsOf = (values: readonly string[]) => values.map((one) => [one, textOf(one)] as const);
  const values = options.choices ?? (schema.values && wordsOf(schema.values));
  if (typeof draft !== 'string') {
    const parts = groups ? Object.entries(groups) : [[shared.label, undefined] as const];
    return parts.map(([name, ofGroup], at) => (
      <MultiChoiceField
        key={name}
        legend={groups ? textOf(`group.${name}`) : name}
        choices={ofGroup ? wordsOf(ofGroup) : (values ?? [])}
        chosen={draft}
        error={at === 0 ? shared.error : ''}
        onChange={shared.onChange}
      />
    ));
  }
  const choices = none !== undefined && values ? [['', none] as const, ...values] : values;
  const all = { ...shared, value: draft, required: schema.isRequired ?? false };
  if (choices) {
    const isKnown = choices.some(([value]) => value === draft);
    const named = draft === '' ? t('form.default') : draft;
    const known = choices.map(([value, words]) => [value, words] as const);
    return <ChoiceField {...all} choices={isKnown ? known : [[draft, named], ...known]} />;
  }
  if (as === 'secret') return <SecretField {...all} placeholder={placeholder} />;
  if (as === 'long' || as === 'code') {
    const height = Math.min(16, Math.max(rows, draft.split('\n').length + 1));
    return <TextAreaField {...all} rows={height} isCode={as === 'code'} placeholder={placeholder} />;
  }
  return (
    <TextField
      {...all}
      placeholder={placeholder}
      {...(as === 'time' && { type: 'time' })}
      {...(offers && { offers })}
      {...(tidy && { onLeave: () => shared.onChange(tidy(draft)) })}
      {...(schema.kind === 'number' && !schema.words && { inputMode: 'decimal' as const })}
    />
  );
}
