import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { CallError, type InputOf, type Path, toErrorText } from '../../data/server.ts';
import forms from '../../forms.json' with { type: 'json' };
import { isText, serverText, t } from '../../text/text.ts';
import { Button } from './button.tsx';
import { ChoiceField, LongTextField, ManyField, SecretField, TextField } from './field.tsx';
import { type Draft, type FieldSchema, type FormSchema, findMistake, fromDraft, toDraft } from './schema.ts';
import { Trouble } from './trouble.tsx';

/** Options of a field that are not in the schema. */
interface FieldOptions {
  /** In the place of the text of the field. */
  readonly label?: string;
  readonly as?: 'secret' | 'long';
  readonly placeholder?: string;
  /** In the place of the values of the schema. */
  readonly choices?: readonly (readonly [value: string, words: string])[];
  /** The values of the schema in groups, whose legends are texts such as `webhooks.group.runs`. */
  readonly groups?: Readonly<Record<string, readonly string[]>>;
  /** Folded away, for few people. */
  readonly isAdvanced?: boolean;
  /** The server takes an empty text. */
  readonly canBeEmpty?: boolean;
}
type FormName = Path & keyof typeof forms;

interface Props<Name extends FormName> {
  /** The operation whose input the form has. */
  readonly of: Name;
  /** Begins the names of its texts: `webhooks` has `webhooks.url`, `webhooks.url.help` and `webhooks.format.json`. */
  readonly words: string;
  readonly title: string;
  /** The fields that it shows, in their order. */
  readonly fields: Partial<Record<keyof InputOf<Name>, FieldOptions>>;
  /** The values at first, and again after a Save. */
  readonly value?: object | undefined;
  /** Fields by hand, with the errors of a {@link FieldErrors} that `send` throws. */
  readonly children?: (errors: Readonly<Record<string, string>>) => ComponentChildren;
  /** Without a change there is nothing to save. */
  readonly needsChange?: boolean;
  readonly note?: string;
  readonly save?: string;
  readonly failure?: string;
  readonly cancel?: () => void;
  /** A second button. It checks the entries as Save does. */
  readonly second?: { readonly label: string; readonly send: (input: InputOf<Name>) => Promise<unknown> };
  readonly send: (input: InputOf<Name>) => Promise<unknown>;
}

/** Errors of fields by hand. */
export class FieldErrors extends Error {
  readonly fields: Readonly<Record<string, string>>;

  constructor(fields: Readonly<Record<string, string>>) {
    super(Object.values(fields).join(' '));
    this.fields = fields;
  }
}

/** A form that is drawn from the input of an operation of the server, with each error at its field. */
export function SchemaForm<Name extends FormName>(props: Props<Name>) {
  const { of, words, title, fields, value, children, note, cancel, second, send } = props;
  const { save = t('files.save'), failure = t('notSaved'), needsChange = false } = props;
  const schemas = forms[of] as unknown as FormSchema;
  const shown = Object.entries(fields as Readonly<Record<string, FieldOptions>>).map(([name, options]) => {
    const schema = schemas[name] as FieldSchema;
    return { name, options, schema: options.canBeEmpty ? { ...schema, isRequired: false } : schema };
  });
  const initial = (): Readonly<Record<string, Draft>> =>
    Object.fromEntries(
      shown.map(({ name, schema }) => [name, toDraft(schema, (value as Record<string, unknown> | undefined)?.[name])]),
    );
  const [drafts, setDrafts] = useState(initial);
  const [errors, setErrors] = useState<Readonly<Record<string, string>>>({});
  const [trouble, setTrouble] = useState('');
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus(), [errors]);
  const all = shown.map((one) => ({ ...one, draft: drafts[one.name] ?? toDraft(one.schema, undefined) }));
  const textOf = (key: string) => {
    const name = `${words}.${key}`;
    return isText(name) ? t(name) : undefined;
  };
  const submit = async (deliver: Props<Name>['send'], isSave: boolean) => {
    setTrouble('');
    const mistakes = all.flatMap(({ name, schema, draft }) => {
      const [text, values] = findMistake(schema, draft) ?? [];
      if (text === undefined) return [];
      return [[name, (text === 'form.badForm' && textOf(`${name}.form`)) || t(text, values)] as const];
    });
    setErrors(Object.fromEntries(mistakes));
    if (mistakes.length > 0) return;
    try {
      await deliver(
        Object.fromEntries(
          all.flatMap(({ name, schema, draft, options }) => {
            const entered = fromDraft(schema, draft) ?? (options.canBeEmpty ? '' : undefined);
            return entered === undefined ? [] : [[name, entered]];
          }),
        ) as InputOf<Name>,
      );
      if (isSave) setDrafts(initial());
    } catch (thrown) {
      const named = thrown instanceof CallError || thrown instanceof FieldErrors ? Object.entries(thrown.fields) : [];
      const atField = named.filter(([name]) => thrown instanceof FieldErrors || fields[name as keyof typeof fields]);
      setErrors(Object.fromEntries(atField.map(([name, text]) => [name, sentence(serverText(text))])));
      if (atField.length === 0) setTrouble(t('notDone', { what: failure, why: toErrorText(thrown) }));
    }
  };
  const isUnchanged = needsChange && JSON.stringify(drafts) === JSON.stringify(initial());
  const draw = (isAdvanced: boolean) =>
    all
      .filter(({ options }) => (options.isAdvanced ?? false) === isAdvanced)
      .map(({ name, options, schema, draft }) => (
        <OneField
          key={name}
          label={options.label ?? textOf(name) ?? name}
          help={textOf(`${name}.${draft}.help`) ?? textOf(`${name}.help`)}
          error={errors[name] ?? ''}
          options={options}
          schema={schema}
          draft={draft}
          textOf={(key) => textOf(`${name}.${key}`) ?? textOf(key) ?? key}
          onChange={(next) => {
            setDrafts((now) => ({ ...now, [name]: next }));
            setErrors(({ [name]: _, ...others }) => others);
          }}
        />
      ));
  return (
    <form
      ref={form}
      class="form"
      aria-label={title}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        const isSecond = (event.submitter as HTMLButtonElement | null)?.value === 'second';
        void submit(isSecond && second ? second.send : send, !isSecond);
      }}
    >
      <h3>{title}</h3>
      <div class="fields">
        {draw(false)}
        {children?.(errors)}
      </div>
      {all.some(({ options }) => options.isAdvanced) && (
        <details class="advanced" open={all.some(({ name, options }) => options.isAdvanced && errors[name])}>
          <summary>{t('form.more')}</summary>
          <div class="fields">{draw(true)}</div>
        </details>
      )}
      {note !== undefined && (
        <p class="quiet" role="status">
          {note}
        </p>
      )}
      <Trouble text={trouble} />
      <div class="choices">
        {cancel && <Button label={t('cancel')} onClick={cancel} />}
        {second && <Button type="submit" label={second.label} value="second" />}
        <Button kind="primary" type="submit" label={save} disabled={isUnchanged} />
      </div>
    </form>
  );
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

interface OneFieldProps {
  readonly label: string;
  readonly help: string | undefined;
  readonly error: string;
  readonly options: FieldOptions;
  readonly schema: FieldSchema;
  readonly draft: Draft;
  readonly textOf: (key: string) => string;
  readonly onChange: (draft: Draft) => void;
}

function OneField({ options, schema, draft, textOf, ...shared }: OneFieldProps) {
  const { as, placeholder = '', groups } = options;
  const wordsOf = (values: readonly string[]) => values.map((one) => [one, textOf(one)] as const);
  if (typeof draft !== 'string') {
    const parts = groups ? Object.entries(groups) : [[shared.label, schema.values ?? []] as const];
    return parts.map(([name, values], at) => (
      <ManyField
        key={name}
        legend={groups ? textOf(`group.${name}`) : name}
        choices={wordsOf(values)}
        chosen={draft}
        error={at === 0 ? shared.error : ''}
        onChange={shared.onChange}
      />
    ));
  }
  const choices = options.choices ?? (schema.values && wordsOf(schema.values));
  const all = { ...shared, value: draft, required: schema.isRequired ?? false };
  if (choices) {
    const isKnown = choices.some(([value]) => value === draft);
    const named = draft === '' ? t('form.default') : draft;
    return <ChoiceField {...all} choices={isKnown ? choices : [[draft, named], ...choices]} />;
  }
  if (as === 'secret') return <SecretField {...all} placeholder={placeholder} />;
  if (as === 'long') return <LongTextField {...all} rows={Math.min(16, Math.max(5, draft.split('\n').length + 1))} />;
  return (
    <TextField
      {...all}
      placeholder={placeholder}
      {...(schema.kind === 'number' && !schema.words && { inputMode: 'decimal' as const })}
    />
  );
}
