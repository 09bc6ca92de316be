import { useEffect, useState } from 'preact/hooks';
import { query } from '../../data/server.ts';
import { Button } from '../../parts/kit/button.tsx';
import { List } from '../../parts/kit/list.tsx';
import { Pending, useTrouble } from '../../parts/kit/trouble.tsx';
import { t } from '../../text/text.ts';
import { WebhookForm } from './form.tsx';
import { describeState, OneWebhook, type Webhook } from './one.tsx';

type WebhookView = { readonly at: 'list' } | { readonly at: 'new' } | { readonly at: 'one'; readonly id: string };

/** The webhooks that the person sees: a list, a new one, and each one with its deliveries. */
export function Webhooks() {
  const [all, setAll] = useState<readonly Webhook[]>();
  const [place, setPlace] = useState<WebhookView>({ at: 'list' });
  const [secret, setSecret] = useState('');
  const [trouble, tryIt] = useTrouble();
  useEffect(() => void tryIt(t('webhooks.unread'), async () => setAll(await query('webhooks.list', undefined))), []);
  if (!all) return <Pending trouble={trouble} />;
  const changed = (one: Webhook) =>
    setAll((now = []) =>
      now.some(({ id }) => id === one.id) ? now.map((other) => (other.id === one.id ? one : other)) : [one, ...now],
    );
  const toList = () => {
    setSecret('');
    setPlace({ at: 'list' });
  };
  if (place.at === 'new') {
    return (
      <WebhookForm
        back={toList}
        onSaved={(one) => {
          changed(one);
          setSecret(one.secret ?? '');
          setPlace({ at: 'one', id: one.id });
        }}
      />
    );
  }
  const chosen = place.at === 'one' ? all.find(({ id }) => id === place.id) : undefined;
  if (chosen) {
    return (
      <OneWebhook
        key={chosen.id}
        webhook={chosen}
        secret={secret}
        onSecret={setSecret}
        changed={changed}
        back={toList}
        gone={() => {
          setAll(all.filter(({ id }) => id !== chosen.id));
          toList();
        }}
      />
    );
  }
  return (
    <>
      <p class="quiet">{t('webhooks.about')}</p>
      <div>
        <Button kind="primary" icon="plus" onClick={() => setPlace({ at: 'new' })}>
          {t('webhooks.new')}
        </Button>
      </div>
      <List
        none={t('webhooks.none')}
        items={all.map((webhook) => ({
          key: webhook.id,
          title: webhook.name,
          lines: [webhook.url, describeState(webhook)],
          waits: webhook.paused !== null,
          open: () => setPlace({ at: 'one', id: webhook.id }),
        }))}
      />
    </>
  );
}
