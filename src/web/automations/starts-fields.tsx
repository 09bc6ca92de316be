import { useEffect } from 'preact/hooks';
import { projects } from '../sessions/filters.ts';
import { t } from '../text/text.ts';
import { type Automation, automations, readAutomations } from './state.ts';

type Hook = NonNullable<Automation['hook']>;
type RunTrigger = NonNullable<Automation['after']>;
const sources = ['github', 'gitlab', 'gitea', 'json'] as const;
const events = ['issue.labelled', 'issue.assigned', 'comment.mention', 'review', 'check.failed'] as const;

/** The triggers of an automation beside its schedule, as the fields of the form have them. */
export interface StartsChoice {
  readonly source: Hook['source'] | 'none';
  readonly events: readonly Hook['events'][number][];
  readonly label: string;
  readonly account: string;
  readonly senders: string;
  readonly repositories: string;
  readonly template: string;
  readonly after: RunTrigger['of'] | 'none';
  readonly afterId: string;
  readonly outcome: RunTrigger['outcome'];
}

export const startsOf = (automation?: Pick<Automation, 'hook' | 'after'>): StartsChoice => ({
  source: automation?.hook?.source ?? 'none',
  events: automation?.hook?.events ?? ['issue.labelled'],
  label: automation?.hook?.label ?? '',
  account: automation?.hook?.account ?? '',
  senders: automation?.hook?.senders.join(', ') ?? '',
  repositories: automation?.hook?.repositories.join(', ') ?? '',
  template: automation?.hook?.template ?? '',
  after: automation?.after?.of ?? 'none',
  afterId: automation?.after?.id ?? '',
  outcome: automation?.after?.outcome ?? 'done',
});

const listOf = (text: string) =>
  text
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean);
const orNull = (text: string) => (text.trim() === '' ? null : text.trim());

export function hookOf({ source, ...choice }: StartsChoice) {
  if (source === 'none') return null;
  const isJson = source === 'json';
  return {
    source,
    events: isJson ? [] : [...choice.events],
    label: isJson ? null : orNull(choice.label),
    account: isJson ? null : orNull(choice.account.replace(/^@/, '')),
    senders: isJson ? [] : listOf(choice.senders),
    repositories: isJson ? [] : listOf(choice.repositories),
    template: isJson ? orNull(choice.template) : null,
  };
}
export const afterOf = ({ after, afterId, outcome }: StartsChoice) =>
  after === 'none' ? null : { of: after, id: afterId.trim(), outcome };

interface Props {
  readonly choice: StartsChoice;
  readonly onChange: (choice: StartsChoice) => void;
}

/** Which deliveries from outside start it. */
export function HookFields({ choice, onChange }: Props) {
  const { source } = choice;
  const has = (event: (typeof events)[number]) => choice.events.includes(event);
  const toggle = (event: (typeof events)[number]) =>
    onChange({
      ...choice,
      events: has(event) ? choice.events.filter((one) => one !== event) : [...choice.events, event],
    });
  const field = (name: 'label' | 'account' | 'senders' | 'repositories', isRequired = false) => (
    <label class="labelled">
      <span>{t(`automations.hook.${name}`)}</span>
      <input
        class="field"
        required={isRequired}
        value={choice[name]}
        onInput={(event) => onChange({ ...choice, [name]: event.currentTarget.value })}
      />
    </label>
  );
  return (
    <>
      <label class="labelled">
        <span>{t('automations.hook')}</span>
        <select
          class="field"
          value={source}
          onChange={(event) => onChange({ ...choice, source: event.currentTarget.value as StartsChoice['source'] })}
        >
          {(['none', ...sources] as const).map((one) => (
            <option key={one} value={one}>
              {t(`automations.hook.${one}`)}
            </option>
          ))}
        </select>
      </label>
      {source !== 'none' && source !== 'json' && (
        <>
          <fieldset class="hook-events">
            <legend>{t('automations.hook.events')}</legend>
            {events.map((event) => (
              <label key={event}>
                <input type="checkbox" checked={has(event)} onChange={() => toggle(event)} />{' '}
                {t(`automations.hook.${event}`)}
              </label>
            ))}
          </fieldset>
          <div class="automation-times">
            {has('issue.labelled') && field('label')}
            {(has('issue.assigned') || has('comment.mention')) && field('account', has('comment.mention'))}
            {field('senders')}
            {field('repositories')}
          </div>
        </>
      )}
      {source === 'json' && (
        <label class="labelled">
          <span>{t('automations.hook.template')}</span>
          <textarea
            class="field"
            rows={3}
            value={choice.template}
            onInput={(event) => onChange({ ...choice, template: event.currentTarget.value })}
          />
        </label>
      )}
    </>
  );
}

/** The runs whose end starts it. `own`: the automation that is changed, which cannot follow itself. */
export function AfterFields({ choice, onChange, own }: Props & { readonly own: string | undefined }) {
  const { after, afterId, outcome } = choice;
  useEffect(() => {
    if (after === 'automation' && automations.value === undefined) void readAutomations();
  }, [after]);
  const others = automations.value?.filter(({ id }) => id !== own) ?? [];
  const setId = (id: string) => onChange({ ...choice, afterId: id });
  return (
    <div class="automation-times">
      <label class="labelled">
        <span>{t('automations.after')}</span>
        <select
          class="field"
          value={after}
          onChange={(event) =>
            onChange({ ...choice, after: event.currentTarget.value as StartsChoice['after'], afterId: '' })
          }
        >
          {(['none', 'automation', 'project', 'session'] as const).map((one) => (
            <option key={one} value={one}>
              {t(`automations.after.${one}`)}
            </option>
          ))}
        </select>
      </label>
      {after !== 'none' && (
        <>
          {after === 'session' ? (
            <label class="labelled">
              <span>{t('automations.after.sessionId')}</span>
              <input
                class="field mono"
                required
                value={afterId}
                onInput={(event) => setId(event.currentTarget.value)}
              />
            </label>
          ) : (
            <label class="labelled">
              <span>{t('automations.after.which')}</span>
              <select class="field" required value={afterId} onChange={(event) => setId(event.currentTarget.value)}>
                <option value="" />
                {(after === 'automation' ? others : projects.value).map(({ id, name }) => (
                  <option key={id} value={id}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
          )}
          <label class="labelled">
            <span>{t('automations.after.outcome')}</span>
            <select
              class="field"
              value={outcome}
              onChange={(event) => onChange({ ...choice, outcome: event.currentTarget.value as RunTrigger['outcome'] })}
            >
              {(['done', 'failed', 'any'] as const).map((one) => (
                <option key={one} value={one}>
                  {t(`automations.after.${one}`)}
                </option>
              ))}
            </select>
          </label>
        </>
      )}
    </div>
  );
}
