import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { once } from '../../data/server.ts';
import { Button } from '../../parts/button.tsx';
import { Trouble, useTrouble } from '../../parts/trouble.tsx';
import { projects, readProjects } from '../../sessions/filters.ts';
import { t } from '../../text/text.ts';

type Webhook = Outputs['webhooks']['get'];
const events = [
  'run.started',
  'run.waiting',
  'run.resumed',
  'run.retrying',
  'run.ended',
  'run.failed',
  'goal.judged',
  'automation.changed',
  'automation.paused',
  'automation.started',
  'automation.not_started',
  'session.created',
  'session.changed',
  'session.archived',
  'session.deleted',
  'resource.changed',
] as const satisfies Webhook['events'];

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
  const [chosen, setChosen] = useState<Webhook['events']>(webhook?.events ?? [...events]);
  const [format, setFormat] = useState(webhook?.format ?? 'json');
  const [projectId, setProject] = useState(webhook?.projectId ?? null);
  const [trouble, tryIt] = useTrouble();
  useEffect(() => void readProjects().catch(() => {}), []); // without them the webhook hears of all projects
  const isKnown = projectId === null || projects.value.some(({ id }) => id === projectId);
  const save = () =>
    tryIt(t('notSaved'), async () => {
      const spec = { name, url, events: chosen, format, projectId };
      onSaved(
        webhook ? await once('webhooks.update', { ...spec, id: webhook.id }) : await once('webhooks.create', spec),
      );
    });
  return (
    <form
      class="form"
      aria-label={t(webhook ? 'webhooks.change' : 'webhooks.new')}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <h3>{t(webhook ? 'webhooks.change' : 'webhooks.new')}</h3>
      <label class="labelled">
        <span>{t('webhooks.name')}</span>
        <input
          class="field"
          required
          maxLength={255}
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <label class="labelled">
        <span>{t('webhooks.url')}</span>
        <input
          class="field"
          type="url"
          required
          maxLength={2_000}
          placeholder="https://example.com/hooks/corral"
          value={url}
          onInput={(event) => setUrl(event.currentTarget.value)}
        />
      </label>
      <fieldset class="checks">
        <legend>{t('webhooks.events')}</legend>
        {events.map((event) => (
          <label class="check" key={event}>
            <input
              type="checkbox"
              checked={chosen.includes(event)}
              onChange={() =>
                setChosen(chosen.includes(event) ? chosen.filter((one) => one !== event) : [...chosen, event])
              }
            />
            <span>
              {t(`webhooks.event.${event}`)} <code>{event}</code>
            </span>
          </label>
        ))}
      </fieldset>
      <div class="fields">
        <label class="labelled">
          <span>{t('webhooks.format')}</span>
          <select
            class="field"
            value={format}
            onChange={(event) => setFormat(event.currentTarget.value as Webhook['format'])}
          >
            <option value="json">{t('webhooks.json')}</option>
            <option value="slack">{t('webhooks.slack')}</option>
            <option value="managed-agents">{t('webhooks.managed-agents')}</option>
          </select>
        </label>
        <label class="labelled">
          <span>{t('webhooks.project')}</span>
          <select
            class="field"
            value={projectId ?? ''}
            onChange={(event) => setProject(event.currentTarget.value === '' ? null : event.currentTarget.value)}
          >
            <option value="">{t('webhooks.allProjects')}</option>
            {!isKnown && <option value={projectId ?? ''}>{projectId}</option>}
            {projects.value.map((project) => (
              <option key={project.id} value={project.id}>
                {project.name}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Trouble text={trouble} />
      <div class="choices">
        <Button onClick={back}>{t('cancel')}</Button>
        <Button type="submit" kind="primary" disabled={chosen.length === 0}>
          {t('files.save')}
        </Button>
      </div>
    </form>
  );
}
