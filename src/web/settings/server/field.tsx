import { useEffect } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { toolLabelsByName } from '../../data/system.ts';
import { SegmentedControl } from '../../parts/kit/choice.tsx';
import { ChoiceField, TextAreaField } from '../../parts/kit/field.tsx';
import { listTemplateChoices, loadTemplates } from '../../sessions/templates.ts';
import { isTextKey, t } from '../../text/text.ts';
import type { TextKey } from '../../text/texts.ts';
import { ApprovalRuleFields, type ApprovalRuleInput } from './rules.tsx';

export type ServerSetting = Outputs['settings']['list']['settings'][number];

/** Unsaved input: text, or the approval rules of a setting that consists of rules. */
export type SettingDraft = string | readonly ApprovalRuleInput[];

export function toSettingDraft({ form, value }: ServerSetting): SettingDraft {
  if (form.kind === 'rules') return value as unknown as readonly ApprovalRuleInput[];
  if (Array.isArray(value)) return value.join('\n');
  return value === null ? '' : String(value);
}

/** Undefined: no value is stored, so the default applies. */
export function parseSettingDraft({ form: { kind } }: ServerSetting, draft: SettingDraft) {
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
  return kind === 'amount' ? Number(draft) : draft;
}

const wordOf = (key: string, usual: string): string => (isTextKey(key) ? t(key) : usual);

interface Props {
  readonly setting: ServerSetting;
  readonly label: string;
  readonly draft: SettingDraft;
  readonly onChange: (draft: SettingDraft) => void;
}

export function SettingField({ setting, label, draft, onChange }: Props) {
  const { kind, options = [], unit } = setting.form;
  useEffect(() => {
    // Without the list, only the current template is shown.
    if (kind === 'template') void loadTemplates().catch(() => {});
  }, []);
  if (typeof draft !== 'string') return <ApprovalRuleFields rules={draft} onChange={onChange} />;
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
    return <ChoiceField label={label} value={draft} choices={listTemplateChoices(draft)} onChange={onChange} />;
  if (kind === 'amount') {
    const name = unit === undefined || unit === 'count' ? '' : t(`server.unit.${unit}` as TextKey);
    return (
      <label class="amount row">
        <input
          class="field"
          type="number"
          min="0"
          step={unit === 'cost' ? 'any' : '1'}
          aria-label={label}
          placeholder={setting.fallback === null ? t('server.noLimit') : String(setting.fallback)}
          value={draft}
          onInput={(event) => onChange(event.currentTarget.value)}
        />
        <span class="quiet">{name}</span>
      </label>
    );
  }
  return (
    <>
      <TextAreaField
        label={label}
        help={t(kind === 'hosts' ? 'server.oneHost' : 'server.oneTool')}
        rows={Math.min(8, Math.max(2, draft.split('\n').length + 1))}
        placeholder={kind === 'hosts' ? 'example.org' : 'shell_exec'}
        value={draft}
        onChange={onChange}
      />
      {kind === 'tools' && (
        <details>
          <summary>{t('server.knownTools')}</summary>
          <p class="quiet breaks">{[...toolLabelsByName.value.keys()].join(', ')}</p>
        </details>
      )}
    </>
  );
}
