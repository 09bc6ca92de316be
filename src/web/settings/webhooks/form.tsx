import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { once } from '../../data/server.ts';
import { ChoiceField, Form, ManyField, TextField } from '../../parts/kit/field.tsx';
import { projects, readProjects } from '../../sessions/filters.ts';
import { t } from '../../text/text.ts';

type Webhook = Outputs['webhooks']['get'];
type EventName = Webhook['events'][number];
/** The choices of a person: single events, and events that belong together. */
const groups: Readonly<Record<'runs' | 'automations' | 'sessions' | 'resources', readonly EventName[]>> = {
  runs: ['run.ended', 'run.failed', 'run.waiting', 'run.started', 'run.resumed', 'run.retrying', 'goal.judged'],
  automations: ['automation.started', 'automation.not_started', 'automation.paused', 'automation.changed'],
  sessions: ['session.created', 'session.changed', 'session.archived', 'session.deleted'],
  resources: ['resource.changed'],
};

interface Props {
  /** Undefined: a new one. */
  readonly webhook?: Webhook;
  readonly back: () => void;
  readonly onSaved: (webhook: Webhook & { readonly secret?: string }) => void;
}

/** Name, address, events, format and project of a webhook. */
export function WebhookForm({ webhook, back, onSaved }: Props) {
  const [name, setName] = useState(webhook?.name ?? '');
  const [url, setUrl] = useState(webhook?.url ?? '');
  const [chosen, setChosen] = useState<Webhook['events']>(webhook?.events ?? []);
  const [format, setFormat] = useState(webhook?.format ?? 'json');
  const [projectId, setProject] = useState(webhook?.projectId ?? '');
  useEffect(() => void readProjects().catch(() => {}), []); // without them the webhook receives events of all projects
  const isKnown = projectId === '' || projects.value.some(({ id }) => id === projectId);
  const save = async () => {
    if (chosen.length === 0) throw new Error(t('webhooks.noEvents'));
    const spec = { name, url, events: [...chosen], format, projectId: projectId || null };
    onSaved(webhook ? await once('webhooks.update', { ...spec, id: webhook.id }) : await once('webhooks.create', spec));
  };
  return (
    <section aria-label={t(webhook ? 'webhooks.change' : 'webhooks.new')}>
      <h3>{t(webhook ? 'webhooks.change' : 'webhooks.new')}</h3>
      <Form failure={t('notSaved')} save={t('files.save')} cancel={t('cancel')} onCancel={back} onSave={save}>
        <TextField label={t('webhooks.name')} required maxLength={255} value={name} onChange={setName} />
        <TextField
          label={t('webhooks.url')}
          required
          maxLength={2_000}
          placeholder="https://example.com/hooks/corral"
          error={url === '' || /^https?:\/\/[^/]/.test(url) ? '' : t('webhooks.badUrl')}
          value={url}
          onChange={setUrl}
        />
        {(['runs', 'automations', 'sessions', 'resources'] as const).map((group) => (
          <ManyField
            key={group}
            legend={t(`webhooks.group.${group}`)}
            choices={groups[group].map((event) => [event, t(`webhooks.event.${event}`)])}
            chosen={chosen}
            onChange={(now) => setChosen(now as EventName[])}
          />
        ))}
        <div class="fields">
          <ChoiceField
            label={t('webhooks.format')}
            value={format}
            choices={(['json', 'slack', 'managed-agents'] as const).map((one) => [one, t(`webhooks.${one}`)])}
            onChange={setFormat}
          />
          <ChoiceField
            label={t('webhooks.project')}
            value={projectId}
            choices={[
              ['', t('webhooks.allProjects')],
              ...(isKnown ? [] : [[projectId, projectId] as const]),
              ...projects.value.map((project) => [project.id, project.name] as const),
            ]}
            onChange={setProject}
          />
        </div>
      </Form>
    </section>
  );
}
