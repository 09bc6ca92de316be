import type { Clock } from '../../core/contracts/clock.ts';
import type { SealedValue } from '../../core/contracts/vault.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { IdSource } from '../../core/model/ids.ts';
import { Secret } from '../../core/text/secret.ts';
import type {
  Webhook,
  WebhookDelivery,
  WebhookService,
  WebhookSpec,
  WebhookWithSecret,
} from '../../sessions/api/server/webhooks.ts';
import { type OwnerAccessCheck, resolveOwnerOnResume } from '../records.ts';
import {
  maxDeliveryAttemptsOf,
  type StoredWebhook,
  type StoredWebhookDelivery,
  toWebhook,
  type WebhookRecords,
} from './records.ts';
import { createPendingDelivery } from './router.ts';
import { formatSigningSecret } from './signature.ts';

interface Deps {
  readonly records: WebhookRecords;
  readonly seal: (id: string, secret: Secret) => SealedValue;
  readonly ids: Pick<IdSource, 'short' | 'token'>;
  readonly clock: Clock;
  /** Rejects with invalid_request (an address that webhooks cannot use) or not_found (no such project). */
  readonly check: (spec: Pick<WebhookSpec, 'url' | 'projectId'>) => Promise<void>;
  readonly isOwned: OwnerAccessCheck;
  readonly learn: (secret: Secret) => void;
  readonly wake: () => void;
  readonly opened: () => void;
}

export function createWebhookService(deps: Deps): WebhookService {
  const { records, seal, ids, clock, check, isOwned, learn, wake, opened } = deps;

  function createSecret(id: string): { readonly secret: string; readonly sealed: SealedValue } {
    const text = formatSigningSecret(Buffer.from(ids.token(), 'base64url'));
    const secret = new Secret(text);
    learn(secret);
    return { secret: text, sealed: seal(id, secret) };
  }
  const changed = async (id: string, change: (now: StoredWebhook) => StoredWebhook): Promise<Webhook> =>
    toWebhook(await records.change(id, (now) => ({ ...change(now), updatedAt: clock.now() })));

  async function running(id: string): Promise<StoredWebhook> {
    const doc = await records.get(id);
    if (doc.paused) throw new AppError('conflict', 'The webhook is paused. Resume it first.');
    return doc;
  }

  const service: WebhookService = {
    list: async (owner, projects) => (await records.list(owner, projects)).map(toWebhook),
    async create({ owner, ...spec }): Promise<WebhookWithSecret> {
      await check(spec);
      const id = ids.short();
      const { secret, sealed } = createSecret(id);
      const now = clock.now();
      const webhook: StoredWebhook = {
        ...spec,
        events: [...spec.events],
        ...(owner !== undefined && { owner }),
        id,
        paused: null,
        failures: 0,
        createdAt: now,
        updatedAt: now,
        sealed,
      };
      await records.create(webhook);
      opened();
      return { ...toWebhook(webhook), secret };
    },
    get: async (id) => toWebhook(await records.get(id)),
    async update(id, { events, ...change }) {
      await check({ ...(await records.get(id)), ...change });
      return await changed(id, (now) => ({ ...now, ...change, ...(events && { events: [...events] }) }));
    },
    delete: (id) => records.delete(id),
    pause: (id) =>
      changed(id, (now) => ({ ...now, paused: { by: 'person', text: 'Somebody paused it.', at: clock.now() } })),
    resume: (id, by) =>
      changed(id, (now) => ({ ...now, ...resolveOwnerOnResume(now, { by, isOwned }), paused: null, failures: 0 })),
    async rotate(id): Promise<WebhookWithSecret> {
      const { secret, sealed } = createSecret(id);
      return { ...(await changed(id, (now) => ({ ...now, sealed }))), secret };
    },
    async test(id) {
      const webhook = await running(id);
      const now = clock.now();
      const messageId = `msg_${ids.short()}${ids.short()}`;
      const data = { text: 'This is a test event from Corral.' };
      const delivery = createPendingDelivery(webhook, { messageId, type: 'webhook.test', at: now, data, now });
      await records.add(delivery);
      wake();
      return shown(delivery);
    },
    async deliveries(id) {
      await records.get(id);
      return (await records.deliveries(id)).map(shown);
    },
    async resend(id, messageId) {
      await running(id);
      const found = await records.findDelivery(`${id}:${messageId}`);
      if (!found) throw new AppError('not_found', 'There is no such delivery, or it is older than the last 200.');
      const now = clock.now();
      const { type } = found;
      const again: StoredWebhookDelivery = {
        ...found,
        state: 'pending',
        triesLeft: maxDeliveryAttemptsOf(type),
        nextAt: now,
        endedAt: null,
      };
      if (found.state === 'pending' || !(await records.reopen(again)))
        throw new AppError(
          'conflict',
          'The delivery is already in progress. The list of deliveries shows its next attempt.',
        );
      wake();
      return shown(again);
    },
  };
  return service;
}

const shown = ({
  id: _,
  messageId,
  webhookId: __,
  body: ___,
  triesLeft: ____,
  ...rest
}: StoredWebhookDelivery): WebhookDelivery => ({
  ...rest,
  id: messageId,
});
