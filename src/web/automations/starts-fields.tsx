import { useEffect } from 'preact/hooks';
import { ChoiceField, LongTextField, ManyField, TextField } from '../parts/kit/field.tsx';
import { projects } from '../sessions/filters.ts';
import { t } from '../text/text.ts';
import { type Automation, automations, readAutomations } from './state.ts';

type Hook = NonNullable<Automation['hook']>;
type RunTrigger = NonNullable<Automation['after']>;
const sources = ['github', 'gitlab', 'gitea', 'json'] as const;
const events = ['issue.labelled', 'issue.assigned', 'comment.mention', 'review', 'check.failed'] as const;

/** The triggers of an automation next to its schedule, as the fields of the form have them. */
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

export const toStartsChoice = (automation?: Pick<Automation, 'hook' | 'after'>): StartsChoice => ({
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

export function toHook({ source, ...choice }: StartsChoice) {
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
export const toAfter = ({ after, afterId, outcome }: StartsChoice) =>
  after === 'none' ? null : { of: after, id: afterId.trim(), outcome };

interface Props {
  readonly choice: StartsChoice;
  readonly onChange: (choice: StartsChoice) => void;
}

/** Which deliveries from outside start it. */
export function HookFields({ choice, onChange }: Props) {
  const { source } = choice;
  const has = (event: (typeof events)[number]) => choice.events.includes(event);
  const field = (name: 'label' | 'account' | 'senders' | 'repositories', isRequired = false) => (
    <TextField
      label={t(`automations.hook.${name}`)}
      required={isRequired}
      value={choice[name]}
      onChange={(value) => onChange({ ...choice, [name]: value })}
    />
  );
  return (
    <>
      <ChoiceField
        label={t('automations.hook')}
        value={source}
        choices={(['none', ...sources] as const).map((one) => [one, t(`automations.hook.${one}`)])}
        onChange={(now) => onChange({ ...choice, source: now })}
      />
      {source !== 'none' && source !== 'json' && (
        <>
          <ManyField
            legend={t('automations.hook.events')}
            choices={events.map((event) => [event, t(`automations.hook.${event}`)])}
            chosen={choice.events}
            onChange={(chosen) => onChange({ ...choice, events: events.filter((one) => chosen.includes(one)) })}
          />
          <div class="fields whole-row">
            {has('issue.labelled') && field('label')}
            {(has('issue.assigned') || has('comment.mention')) && field('account', has('comment.mention'))}
            {field('senders')}
            {field('repositories')}
          </div>
        </>
      )}
      {source === 'json' && (
        <LongTextField
          label={t('automations.hook.template')}
          rows={3}
          value={choice.template}
          onChange={(template) => onChange({ ...choice, template })}
        />
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
  const id = { value: afterId, required: true, onChange: (to: string) => onChange({ ...choice, afterId: to }) };
  return (
    <>
      <ChoiceField
        label={t('automations.after')}
        value={after}
        choices={(['none', 'automation', 'project', 'session'] as const).map((one) => [
          one,
          t(`automations.after.${one}`),
        ])}
        onChange={(now) => onChange({ ...choice, after: now, afterId: '' })}
      />
      {after === 'session' && <TextField label={t('automations.after.sessionId')} isCode {...id} />}
      {(after === 'automation' || after === 'project') && (
        <ChoiceField
          label={t('automations.after.which')}
          choices={[
            ['', ''],
            ...(after === 'automation' ? others : projects.value).map((one) => [one.id, one.name] as const),
          ]}
          {...id}
        />
      )}
      {after !== 'none' && (
        <ChoiceField
          label={t('automations.after.outcome')}
          value={outcome}
          choices={(['done', 'failed', 'any'] as const).map((one) => [one, t(`automations.after.${one}`)])}
          onChange={(now) => onChange({ ...choice, outcome: now })}
        />
      )}
    </>
  );
}
