import { useEffect, useState } from 'preact/hooks';
import { mutate, query } from '../../data/server.ts';
import { Button } from '../../parts/kit/button.tsx';
import { ResourceList, upsertItem, useResourceList } from '../../parts/kit/resource-list.tsx';
import { SchemaForm } from '../../parts/kit/schema-form.tsx';
import { loadProjects, projects } from '../../sessions/filters.ts';
import { t } from '../../text/text.ts';
import { describeWebhookState, type Webhook, WebhookView } from './one.tsx';

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
  // If the projects cannot be loaded, the form offers only the events of all projects.
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
        lines: [webhook.url, describeWebhookState(webhook)],
        waits: webhook.paused !== null,
        open: () => setView({ id: webhook.id }),
      })}
    />
  );
}
