import { toolLabelsByName } from '../../data/system.ts';
import { Button } from '../../parts/kit/button.tsx';
import { t } from '../../text/text.ts';

const actions = ['allow', 'ask', 'deny'] as const;
export interface ApprovalRuleInput {
  readonly action: (typeof actions)[number];
  readonly tool: string;
  readonly pattern?: string;
}
interface Props {
  readonly rules: readonly ApprovalRuleInput[];
  readonly onChange: (rules: readonly ApprovalRuleInput[]) => void;
}

/** In the order in which the rules apply. */
export function ApprovalRuleFields({ rules, onChange }: Props) {
  const change = (at: number, more: Partial<ApprovalRuleInput>) =>
    onChange(rules.map((rule, index) => (index === at ? { ...rule, ...more } : rule)));
  const swap = (at: number) => {
    const next = [...rules];
    next.splice(at - 1, 0, ...next.splice(at, 1));
    onChange(next);
  };
  return (
    <>
      <datalist id="rule-tools">
        {['*', ...toolLabelsByName.value.keys()].map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      {rules.length === 0 && <p class="quiet">{t('rules.none')}</p>}
      <ol class="rules stack">
        {rules.map((rule, at) => (
          <li key={at} class="grid">
            <select
              class="field"
              aria-label={t('rules.action', { n: at + 1 })}
              value={rule.action}
              onChange={(event) => change(at, { action: event.currentTarget.value as ApprovalRuleInput['action'] })}
            >
              {actions.map((action) => (
                <option key={action} value={action}>
                  {t(`rules.${action}`)}
                </option>
              ))}
            </select>
            <input
              class="field"
              list="rule-tools"
              required
              placeholder="shell_exec"
              aria-label={t('rules.tool', { n: at + 1 })}
              value={rule.tool}
              onInput={(event) => change(at, { tool: event.currentTarget.value })}
            />
            <input
              class="field"
              placeholder={t('rules.anyCall')}
              aria-label={t('rules.pattern', { n: at + 1 })}
              value={rule.pattern ?? ''}
              onInput={(event) => change(at, { pattern: event.currentTarget.value })}
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
        <Button
          class="small"
          label={t('rules.add')}
          onClick={() => onChange([...rules, { action: 'ask', tool: '' }])}
        />
      </div>
    </>
  );
}
