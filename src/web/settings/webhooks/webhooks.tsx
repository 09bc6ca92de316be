import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { mutate, query } from '../../data/server.ts';
import { formatDateTime } from '../../parts/format.ts';
import { RelativeTime } from '../../parts/kit/ago.tsx';
import { Button } from '../../parts/kit/button.tsx';
import { Menu } from '../../parts/kit/menu.tsx';
import {
  InlineConfirmation,
  OneTimeSecret,
  ResourceList,
  upsertItem,
  useResourceList,
} from '../../parts/kit/resource-list.tsx';
import { SchemaForm } from '../../parts/kit/schema-form.tsx';
import { FormError, useActionError } from '../../parts/kit/trouble.tsx';
import { loadProjects, projects } from '../../sessions/filters.ts';
import { isTextKey, t, translateServerText } from '../../text/text.ts';

const groups: Readonly<Record<string, readonly Webhook['events'][number][]>> = {
  runs: ['run.ended', 'run.failed', 'run.waiting', 'run.started', 'run.resumed', 'run.retrying', 'goal.judged'],
  automations: ['automation.started', 'automation.not_started', 'automation.paused', 'automation.changed'],
  sessions: ['session.created', 'session.changed', 'session.archived', 'session.deleted'],
  resources: ['resource.changed'],
};

type View = 'list' | 'new' | { readonly id: string; readonly isChanging?: boolean };

export function WebhooksPage() {
  const webhooks = useResourceList<Webhook>(t('webhooks.unread'), () => query('webhooks.list', undefined));
  const [view, setView] = useState<View>('list');
  const [secret, setSecret] = useState('');
  useEffect(() => void loadProjects().catch(() => {}), []);
  const changed = (one: Webhook) => webhooks.setAll((now) => upsertItem(now, one));
  const toList = () => {
    setSecret('');
    setView('list');
  };
  const chosen = typeof view === 'object' ? webhooks.all?.find(({ id }) => id === view.id) : undefined;
  if (chosen && typeof view === 'object' && !view.isChanging)
    return (
      <WebhookView
        key={chosen.id}
        webhook={chosen}
        secret={secret}
        onSecret={setSecret}
        changed={changed}
        change={() => setView({ id: chosen.id, isChanging: true })}
        back={toList}
        gone={() => {
          webhooks.setAll((now) => now.filter(({ id }) => id !== chosen.id));
          toList();
        }}
      />
    );
  if (view !== 'list')
    return (
      <SchemaForm
        of="webhooks.create"
        words="webhooks"
        title={t(chosen ? 'webhooks.change' : 'webhooks.new')}
        value={chosen}
        needsChange={chosen !== undefined}
        draftKey={chosen?.id ?? ''}
        fields={{
          name: {},
          url: { placeholder: 'https://example.com/hooks/corral' },
          events: { groups },
          format: {},
          projectId: {
            choices: [['', t('allProjects')], ...projects.value.map(({ id, name }) => [id, name] as const)],
          },
        }}
        cancel={() => (chosen ? setView({ id: chosen.id }) : toList())}
        send={async (input) => {
          const saved = chosen
            ? await mutate('webhooks.update', { ...input, id: chosen.id })
            : await mutate('webhooks.create', input);
          changed(saved);
          if ('secret' in saved) setSecret(String(saved.secret));
          setView({ id: saved.id });
        }}
      />
    );
  return (
    <ResourceList
      of={webhooks}
      about={t('webhooks.about')}
      none={t('webhooks.none')}
      head={
        <div>
          <Button kind="primary" icon="plus" label={t('webhooks.new')} onClick={() => setView('new')} />
        </div>
      }
      toItem={(webhook) => ({
        key: webhook.id,
        title: webhook.name,
        lines: [
          webhook.url,
          [t('webhooks.hears', { n: webhook.events.length }), describeTrouble(webhook)].filter(Boolean).join(' · '),
        ],
        waits: webhook.paused !== null,
        open: () => setView({ id: webhook.id }),
      })}
    />
  );
}

type Webhook = Outputs['webhooks']['get'];
type Delivery = Outputs['webhooks']['deliveries'][number];
const lookMs = 2_000;

/** Empty: the webhook works. */
function describeTrouble({ paused, failures }: Webhook): string {
  if (paused)
    return paused.text === '' ? t('webhooks.paused') : `${t('webhooks.paused')}: ${translateServerText(paused.text)}`;
  return failures === 0 ? '' : t('webhooks.failures', { n: failures });
}

interface Props {
  readonly webhook: Webhook;
  /** Empty: the secret is no longer shown. */
  readonly secret: string;
  readonly onSecret: (secret: string) => void;
  readonly changed: (webhook: Webhook) => void;
  readonly change: () => void;
  readonly back: () => void;
  readonly gone: () => void;
}

function WebhookView({ webhook, secret, onSecret, changed, change, back, gone }: Props) {
  const { id, name, url, events, format, paused } = webhook;
  const [deliveries, setDeliveries] = useState<readonly Delivery[]>();
  const [asking, setAsking] = useState<'rotate' | 'delete'>();
  const [problem, tryIt] = useActionError();
  const trouble = describeTrouble(webhook);
  const silent = deliveries?.find(({ state, error }) => state === 'pending' && error !== '');
  const read = () =>
    tryIt(t('webhooks.deliveriesUnread'), async () => {
      setDeliveries(await query('webhooks.deliveries', { id }));
      changed(await query('webhooks.get', { id }));
    });
  useEffect(() => void read(), [id]);
  const isOpen = deliveries?.some(({ state }) => state === 'pending') ?? false;
  useEffect(() => {
    if (!isOpen) return;
    const timer = setInterval(() => void read(), lookMs);
    return () => clearInterval(timer);
  }, [isOpen]);
  const act = (what: string, work: () => Promise<unknown>) => tryIt(what, work).then((done) => done && read());
  const toggle = () =>
    act(t(paused ? 'notResumed' : 'notPaused'), async () =>
      changed(await mutate(paused ? 'webhooks.resume' : 'webhooks.pause', { id })),
    );
  const rotate = () =>
    tryIt(t('notRotated'), async () => {
      const { secret: fresh, ...now } = await mutate('webhooks.rotate', { id });
      changed(now);
      onSecret(fresh);
    });
  const remove = () => tryIt(t('notDeleted'), () => mutate('webhooks.delete', { id }).then(gone));
  const [rotateName, deleteName] = [t('webhooks.rotate'), t('webhooks.delete', { name })];
  const questions = {
    rotate: { label: rotateName, name: rotateName, ask: t('webhooks.rotateAsk'), act: rotate },
    delete: {
      label: t('automations.deleteYes'),
      name: deleteName,
      ask: t('webhooks.deleteAsk', { name }),
      act: remove,
    },
  };
  return (
    <>
      <div>
        <Button class="small" icon="back" label={t('webhooks.all')} onClick={back} />
      </div>
      <h3>{name}</h3>
      {secret !== '' && <OneTimeSecret label={t('webhooks.secret')} text={secret} />}
      {silent && paused === null && (
        <p class="note wait">{t('webhooks.silent', { why: translateServerText(silent.error) })}</p>
      )}
      {trouble !== '' && <p class={paused ? 'note wait' : 'quiet'}>{trouble}</p>}
      <dl class="facts grid">
        <dt>{t('webhooks.url')}</dt>
        <dd>{url}</dd>
        <dt>{t('events')}</dt>
        <dd>
          <details>
            <summary>{t('webhooks.hears', { n: events.length })}</summary>
            <ul class="names wrap row">
              {events.map((event) => (
                <li key={event}>{t(`webhooks.events.${event}`)}</li>
              ))}
            </ul>
          </details>
        </dd>
        <dt>{t('webhooks.format')}</dt>
        <dd>{t(`webhooks.format.${format}`)}</dd>
      </dl>
      <div class="choices start">
        <Button
          icon="send"
          label={t('webhooks.test')}
          disabled={paused !== null}
          onClick={() => act(t('webhooks.notSent'), () => mutate('webhooks.test', { id }))}
        />
        <Button
          icon={paused ? 'play' : 'pause'}
          label={t(paused ? 'automations.resume' : 'automations.pause')}
          onClick={toggle}
        />
        <Button icon="edit" label={t('automations.change')} onClick={change} />
        <Menu
          items={[
            { id: 'rotate', label: rotateName, icon: 'retry', run: () => setAsking('rotate') },
            { id: 'delete', label: deleteName, icon: 'trash', run: () => setAsking('delete') },
          ]}
        />
      </div>
      {asking && <InlineConfirmation {...questions[asking]} end={() => setAsking(undefined)} />}
      <FormError text={problem} />
      <h3>{t('webhooks.deliveries')}</h3>
      {deliveries?.length === 0 && <p class="quiet">{t('webhooks.noDeliveries')}</p>}
      <ul class="automation-starts grid">
        {deliveries?.map(({ id: delivery, type, state, tries, statusCode, error, createdAt, nextAt }) => {
          const failure = error && `${translateServerText(error)} ${t('webhooks.unreachable')}`;
          const event = `webhooks.events.${type}`;
          const answer = statusCode === null ? failure : t('webhooks.answered', { status: statusCode });
          return (
            <li key={delivery} class="row wrap border-bottom">
              <RelativeTime at={createdAt} />
              <span>{isTextKey(event) ? t(event) : <code>{type}</code>}</span>
              <strong>{t(`webhooks.state.${state}`)}</strong>
              <span class="quiet">
                {silent && tries === 0 ? t('webhooks.waits') : t('webhooks.tries', { n: tries })}
              </span>
              {answer !== '' && <span class="quiet">{answer}</span>}
              {nextAt !== null && tries > 0 && (
                <span class="quiet">{t('webhooks.nextAt', { at: formatDateTime(nextAt) })}</span>
              )}
              {state !== 'pending' && paused === null && (
                <Button
                  class="small"
                  label={t('webhooks.resend')}
                  aria-label={t('webhooks.resendOne', { id: delivery })}
                  onClick={() => act(t('webhooks.notSent'), () => mutate('webhooks.resend', { id, delivery }))}
                />
              )}
            </li>
          );
        })}
      </ul>
    </>
  );
}
