import { signal } from '@preact/signals';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { toolGlobPattern } from '../../../core/text/glob.ts';
import { CallError, mutate, query, toErrorText } from '../../data/server.ts';
import { focusFirstInvalidField, focusWhenRendered } from '../../parts/focus.ts';
import { findLocale } from '../../parts/format.ts';
import { Button } from '../../parts/kit/button.tsx';
import { SegmentedControl } from '../../parts/kit/choice.tsx';
import { ChoiceField, TextAreaField, TextField } from '../../parts/kit/field.tsx';
import { parseNumber, toNumberText } from '../../parts/kit/schema.ts';
import { FormError, LoadPlaceholder, sentence, useActionError, useLoadAction } from '../../parts/kit/trouble.tsx';
import { notify } from '../../parts/notice.tsx';
import { listTemplateChoices, loadTemplates } from '../../sessions/templates.ts';
import { isTextKey, t } from '../../text/text.ts';
import type { TextKey } from '../../text/texts.ts';

/** `isForAll` hides the error from users who cannot read the settings. */
export function ServerSettings({ parts, isForAll = false }: { parts: readonly string[]; isForAll?: boolean }) {
  const [all, setAll] = useState<readonly ServerSetting[]>();
  const read = async () => setAll((await query('settings.list', undefined)).settings);
  const [trouble, , again] = useLoadAction(t('server.unread'), read);
  if (!all && isForAll) return null;
  if (!all) return <LoadPlaceholder problem={trouble} again={again} />;
  const changed = (next: ServerSetting) => setAll((now) => now?.map((one) => (one.key === next.key ? next : one)));
  return (
    <>
      {parts.map((part) => (
        <Part key={part} part={part} settings={all.filter(({ section }) => section === part)} changed={changed} />
      ))}
    </>
  );
}

/** Escape closes the settings, which must not discard them. */
const unsavedDrafts = signal<Readonly<Record<string, SettingDraft>>>({});

interface Props {
  readonly part: string;
  readonly settings: readonly ServerSetting[];
  readonly changed: (setting: ServerSetting) => void;
}

function Part({ part, settings, changed }: Props) {
  const drafts = unsavedDrafts.value;
  const [notice, setNotice] = useState('');
  const [trouble, tryIt] = useActionError();
  const [wrong, setWrong] = useState<WrongSetting>();
  const form = useRef<HTMLFormElement>(null);
  const isChanged = (one: ServerSetting) =>
    drafts[one.key] !== undefined && JSON.stringify(drafts[one.key]) !== JSON.stringify(toSettingDraft(one));
  const edited = settings.filter(isChanged);
  const isUnsaved = useRef(false);
  isUnsaved.current = edited.length > 0;
  useEffect(() => () => isUnsaved.current && notify(t('server.unsaved'), 'wait'), []);
  const write = async (
    some: readonly ServerSetting[],
    words: string,
    toValue: (one: ServerSetting) => SettingValue,
  ) => {
    setNotice('');
    setWrong(undefined);
    for (const one of some) {
      const { key } = one;
      const value = toValue(one);
      const send = () =>
        value === undefined ? mutate('settings.reset', { key }) : mutate('settings.change', { key, value });
      let isRefused = false;
      const isDone = await tryIt(t('server.notSaved', { name: t(`setting.${key}` as TextKey) }), async () => {
        try {
          changed(await send());
        } catch (thrown) {
          if (!isAboutValue(thrown, one)) throw thrown;
          isRefused = true;
          setWrong({ key, text: withoutKey(toErrorText(thrown), key), entry: entryOf(thrown) });
          focusFirstInvalidField(form.current);
        }
      });
      if (!isDone || isRefused) return;
      const { [key]: _, ...others } = unsavedDrafts.value;
      unsavedDrafts.value = others;
    }
    setNotice(words);
  };
  return (
    <form
      ref={form}
      class="stack server-part roomy"
      aria-label={t(`server.part.${part}` as TextKey)}
      onSubmit={(event) => {
        event.preventDefault();
        if (edited.length === 0) return;
        void write(edited, t('server.saved'), (one) => parseSettingDraft(one, drafts[one.key] ?? ''));
      }}
    >
      <h3>{t(`server.part.${part}` as TextKey)}</h3>
      <p class="quiet">{t(`server.effect.${part}` as TextKey)}</p>
      {settings.map((one) => {
        const { setBy, from, variable, key } = one;
        const label = t(`setting.${key}` as TextKey);
        const isDefault = JSON.stringify(one.value) === JSON.stringify(one.fallback);
        return (
          <div key={key} class="stack server-setting" title={t('server.fromDefault', { variable, key })}>
            <fieldset class="stack" disabled={setBy !== null}>
              <legend>{label}</legend>
              <SettingField
                setting={one}
                label={label}
                draft={drafts[key] ?? toSettingDraft(one)}
                wrong={wrong?.key === key ? wrong : undefined}
                onChange={(draft) => {
                  unsavedDrafts.value = { ...unsavedDrafts.value, [key]: draft };
                  setNotice('');
                  if (wrong?.key === key) setWrong(undefined);
                }}
              />
            </fieldset>
            {setBy !== null && <p class="quiet breaks">{t('server.setBy', { by: setBy })}</p>}
            {setBy === null && from === 'page' && !isDefault && (
              <div>
                <Button
                  kind="quiet"
                  class="small"
                  label={t('server.reset')}
                  onClick={() => write([one], t('server.isReset'), () => undefined)}
                  aria-label={t('server.resetOne', { name: label })}
                />
              </div>
            )}
          </div>
        );
      })}
      <FormError text={trouble} />
      <div class="choices">
        {notice !== '' && <span role="status">{notice}</span>}
        <Button type="submit" kind="primary" label={t('files.save')} aria-disabled={edited.length === 0} />
      </div>
    </form>
  );
}
type SettingValue = ReturnType<typeof parseSettingDraft>;

interface WrongSetting {
  readonly key: string;
  readonly text: string;
  /** Index of the wrong entry in a list. */
  readonly entry: number | undefined;
}
const isAboutValue = (thrown: unknown, { form }: ServerSetting): thrown is CallError =>
  thrown instanceof CallError &&
  thrown.code === 'BAD_REQUEST' &&
  form.kind !== 'choice' &&
  (form.kind !== 'rules' || entryOf(thrown) !== undefined);
/** The field already shows the setting's name. */
const withoutKey = (text: string, key: string): string =>
  text.startsWith(key) ? sentence(text.slice(key.length).replace(/^:? /, '')) : text;
function entryOf({ fields }: CallError): number | undefined {
  const [, entry] = /^value[.](\d+)/.exec(Object.keys(fields)[0] ?? '') ?? [];
  return entry === undefined ? undefined : Number(entry);
}

type ServerSetting = Outputs['settings']['list']['settings'][number];

type SettingDraft = string | readonly ApprovalRuleInput[];

function toSettingDraft({ form, value }: ServerSetting): SettingDraft {
  if (form.kind === 'rules') return value as unknown as readonly ApprovalRuleInput[];
  if (Array.isArray(value)) return value.join('\n');
  if (typeof value === 'number') return toNumberText(value, findLocale());
  return value === null ? '' : String(value);
}

function parseSettingDraft({ form: { kind } }: ServerSetting, draft: SettingDraft) {
  if (typeof draft !== 'string') {
    return draft.map(({ action, tool, pattern }) => ({
      action,
      tool: tool.trim(),
      ...(pattern !== undefined && pattern.trim() !== '' && { pattern: pattern.trim() }),
    }));
  }
  if (kind === 'tools' || kind === 'hosts')
    return draft
      .split(/[\n,]/)
      .map((line) => line.trim())
      .filter(Boolean);
  if (draft.trim() === '') return undefined;
  return kind === 'amount' ? parseNumber(draft, findLocale()) : draft;
}

const wordOf = (key: string, usual: string): string => (isTextKey(key) ? t(key) : usual);

interface FieldProps {
  readonly setting: ServerSetting;
  readonly label: string;
  readonly draft: SettingDraft;
  readonly wrong: WrongSetting | undefined;
  readonly onChange: (draft: SettingDraft) => void;
}

function SettingField({ setting, label, draft, wrong, onChange }: FieldProps) {
  const id = useId();
  const refusal = wrong?.text ?? '';
  const { kind, options = [], unit } = setting.form;
  useEffect(() => {
    if (kind === 'template') void loadTemplates().catch(() => {});
  }, []);
  if (typeof draft !== 'string')
    return <ApprovalRuleFields rules={draft} tools={options} wrong={wrong} onChange={onChange} />;
  if (kind === 'choice') {
    return (
      <SegmentedControl
        label={label}
        value={draft}
        options={options.map((value) => ({ value, label: wordOf(`setting.${setting.key}.${value}`, value) }))}
        onChange={onChange}
      />
    );
  }
  if (kind === 'template')
    return (
      <ChoiceField
        label={label}
        value={draft}
        error={refusal}
        choices={listTemplateChoices(draft)}
        onChange={onChange}
      />
    );
  if (kind === 'amount') {
    const value = parseNumber(draft, findLocale());
    const isRight = draft.trim() === '' || (value >= 0 && (unit === 'cost' || Number.isSafeInteger(value)));
    const error = isRight ? refusal : t(unit === 'cost' ? 'form.noNumber' : 'form.atLeast', { min: 0 });
    const name = unit === undefined || unit === 'count' ? '' : t(`server.unit.${unit}` as TextKey);
    return (
      <label class="amount row">
        <input
          class="field"
          inputMode={unit === 'cost' ? 'decimal' : 'numeric'}
          aria-label={label}
          aria-invalid={error !== ''}
          aria-describedby={id}
          ref={(field) => field?.setCustomValidity(error)}
          placeholder={
            setting.fallback === null ? t('server.noLimit') : toNumberText(Number(setting.fallback), findLocale())
          }
          value={draft}
          onInput={(event) => onChange(event.currentTarget.value)}
        />
        {error !== '' ? (
          <span id={id} class="bad-text" role="status">
            {error}
          </span>
        ) : (
          <span id={id} class="quiet">
            {name}
          </span>
        )}
      </label>
    );
  }
  return (
    <>
      <TextAreaField
        label={label}
        help={t(kind === 'hosts' ? 'server.oneHost' : 'server.oneTool')}
        rows={Math.min(8, Math.max(2, draft.split('\n').length + 1))}
        error={refusal}
        value={draft}
        onChange={onChange}
      />
      {kind === 'tools' && (
        <details>
          <summary>{t('server.knownTools')}</summary>
          <p class="quiet breaks">{options.join(', ')}</p>
        </details>
      )}
    </>
  );
}

const actions = ['allow', 'ask', 'deny'] as const;
interface ApprovalRuleInput {
  readonly action: (typeof actions)[number];
  readonly tool: string;
  readonly pattern?: string;
}
interface RulesProps {
  readonly rules: readonly ApprovalRuleInput[];
  readonly tools: readonly string[];
  readonly wrong: WrongSetting | undefined;
  readonly onChange: (rules: readonly ApprovalRuleInput[]) => void;
}

function ApprovalRuleFields({ rules, tools, wrong, onChange }: RulesProps) {
  const change = (at: number, more: Partial<ApprovalRuleInput>) =>
    onChange(rules.map((rule, index) => (index === at ? { ...rule, ...more } : rule)));
  const swap = (at: number) => {
    const next = [...rules];
    next.splice(at - 1, 0, ...next.splice(at, 1));
    onChange(next);
  };
  const mistakeIn = ({ tool }: ApprovalRuleInput, at: number) => {
    if (tool !== '' && !toolGlobPattern.test(tool)) return t('rules.badTool');
    return wrong?.entry === at ? wrong.text : '';
  };
  const list = useRef<HTMLOListElement>(null);
  const add = () => {
    onChange([...rules, { action: 'ask', tool: '' }]);
    focusWhenRendered(() => list.current?.querySelector(`li:nth-child(${rules.length + 1}) select`) ?? null);
  };
  return (
    <>
      <p class="quiet">{t(rules.length === 0 ? 'rules.none' : 'rules.about')}</p>
      <ol class="rules stack" ref={list}>
        {rules.map((rule, at) => (
          <li key={at} class="grid">
            <ChoiceField
              label={t('rules.action', { n: at + 1 })}
              value={rule.action}
              choices={actions.map((action) => [action, t(`rules.${action}`)] as const)}
              onChange={(action) => change(at, { action })}
            />
            <TextField
              label={t('rules.tool', { n: at + 1 })}
              required
              offers={['*', ...tools]}
              error={mistakeIn(rule, at)}
              value={rule.tool}
              onChange={(tool) => change(at, { tool: tool.toLowerCase() })}
            />
            <TextField
              label={t('rules.pattern', { n: at + 1 })}
              maxLength={500}
              value={rule.pattern ?? ''}
              onChange={(pattern) => change(at, { pattern })}
            />
            <span class="row">
              <Button
                class="small"
                disabled={at === 0}
                aria-label={t('rules.up', { n: at + 1 })}
                label="↑"
                onClick={() => swap(at)}
              />
              <Button
                class="small"
                kind="danger"
                label={t('models.remove')}
                aria-label={t('rules.remove', { n: at + 1 })}
                onClick={() => onChange(rules.filter((_, index) => index !== at))}
              />
            </span>
          </li>
        ))}
      </ol>
      <div>
        <Button class="small" label={t('rules.add')} onClick={add} />
      </div>
    </>
  );
}
