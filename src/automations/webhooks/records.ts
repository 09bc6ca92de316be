import { z } from 'zod';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { SealedValue } from '../../core/contracts/vault.ts';
import { AppError, ignoreConflict } from '../../core/errors/errors.ts';
import { webhookKind } from '../../core/model/records.ts';
import { Webhook, WebhookDelivery, type WebhookEventType } from '../../sessions/api/server/webhooks.ts';
import { Collection, type VersionedDocument } from '../../storage/collection.ts';

// Pending deliveries are sorted by next attempt. A delivery that has ended is moved to its endpoint's history.

const kinds = { endpoint: webhookKind, pending: 'webhook-pending', ended: 'webhook-delivery' } as const;
const maxWebhooks = 20; // per owner
const keptDeliveries = 200; // per endpoint; older deliveries are deleted

const Stored = Webhook.extend({ sealed: SealedValue });
const StoredDelivery = WebhookDelivery.extend({
  /** The webhook's id, a colon and the message's id. */
  id: z.string(),
  webhookId: z.string(),
  messageId: z.string(),
  body: z.string(),
  triesLeft: z.int(),
});
export type StoredWebhook = z.output<typeof Stored>;
export type StoredWebhookDelivery = z.output<typeof StoredDelivery>;
const Pending = StoredDelivery.pick({ id: true, webhookId: true, type: true }).extend({ nextAt: z.number() });
export type PendingDelivery = z.output<typeof Pending>;

const missing = () => new AppError('not_found', 'There is no such webhook.');
export const toWebhook = ({ sealed: _, ...webhook }: StoredWebhook): Webhook => webhook;

export class WebhookRecords extends ServerComponent<Pick<ServerDependencies, 'records'>> {
  readonly #endpoints = new Collection<StoredWebhook>(this.deps.records, {
    kind: kinds.endpoint,
    schema: Stored,
    missing,
  });

  /** Rejects with not_found. */
  get(id: string): Promise<StoredWebhook> {
    return this.#endpoints.get(id);
  }
  async find(id: string): Promise<StoredWebhook | undefined> {
    return (await this.#endpoints.find(id))?.doc;
  }
  /** Rejects with quota. */
  async create(doc: StoredWebhook): Promise<void> {
    const text = `There are already ${maxWebhooks} webhooks, the maximum. Delete some first.`;
    await this.#endpoints.create(doc, { most: maxWebhooks, text, now: doc.createdAt });
  }
  /** Rejects with not_found. */
  change(id: string, change: (now: StoredWebhook) => StoredWebhook | undefined): Promise<StoredWebhook> {
    return this.#endpoints.change(id, change);
  }
  async delete(id: string): Promise<void> {
    await this.get(id);
    await this.#endpoints.deleteWith(id, async () => {
      for (const kind of [kinds.pending, kinds.ended])
        for (const { id: delivery } of await this.deps.records.list(kind, { idPrefix: `${id}:` }))
          await this.deps.records.delete(kind, delivery);
    });
  }
  async list(owner?: string, projects: readonly string[] = []): Promise<StoredWebhook[]> {
    const found = await this.#endpoints.listFor(owner, { parents: projects });
    return found.sort((a, b) => b.createdAt - a.createdAt);
  }
  async areAny(): Promise<boolean> {
    return (await this.deps.records.list(kinds.endpoint, { limit: 1 })).length > 0;
  }

  /** False if this delivery already exists. */
  async add(delivery: StoredWebhookDelivery): Promise<boolean> {
    if (await this.deps.records.get(kinds.ended, delivery.id)) return false;
    return (await this.putPending(delivery, 0)) !== undefined;
  }
  async putPending(doc: StoredWebhookDelivery, expect: number): Promise<number | undefined> {
    const put = { kind: kinds.pending, id: doc.id, doc, sort: -(doc.nextAt ?? 0), expect };
    return await this.deps.records.put(put).catch(ignoreConflict);
  }
  async earliest(limit: number, webhookId?: string): Promise<PendingDelivery[]> {
    const only = webhookId === undefined ? {} : { idPrefix: `${webhookId}:` };
    return (await this.deps.records.list(kinds.pending, { ...only, limit })).map(({ doc }) => Pending.parse(doc));
  }
  async findPending(id: string): Promise<VersionedDocument<StoredWebhookDelivery> | undefined> {
    const found = await this.deps.records.get(kinds.pending, id);
    return found && { doc: StoredDelivery.parse(found.doc), version: found.version };
  }
  /** A delivery that was sent again replaces its earlier entry. */
  async end(doc: StoredWebhookDelivery): Promise<void> {
    await this.deps.records.put({ kind: kinds.ended, id: doc.id, doc, sort: doc.createdAt });
    await this.deps.records.delete(kinds.pending, doc.id);
    const ended = await this.deps.records.list(kinds.ended, { idPrefix: `${doc.webhookId}:` });
    for (const { id } of ended.slice(keptDeliveries)) await this.deps.records.delete(kinds.ended, id);
  }
  async forget(id: string): Promise<void> {
    await this.deps.records.delete(kinds.pending, id);
  }
  async findDelivery(id: string): Promise<StoredWebhookDelivery | undefined> {
    const found = (await this.deps.records.get(kinds.pending, id)) ?? (await this.deps.records.get(kinds.ended, id));
    return found && StoredDelivery.parse(found.doc);
  }
  /** False if the delivery is already pending. */
  async reopen(doc: StoredWebhookDelivery): Promise<boolean> {
    if ((await this.putPending(doc, 0)) === undefined) return false;
    await this.deps.records.delete(kinds.ended, doc.id);
    return true;
  }
  /** Newest first. */
  async deliveries(webhookId: string): Promise<StoredWebhookDelivery[]> {
    const only = { idPrefix: `${webhookId}:` };
    const [pending, ended] = await Promise.all([
      this.deps.records.list(kinds.pending, only),
      this.deps.records.list(kinds.ended, only),
    ]);
    const byId = new Map([...ended, ...pending].map(({ id, doc }) => [id, StoredDelivery.parse(doc)]));
    return [...byId.values()]
      .sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? -1 : 1))
      .slice(0, keptDeliveries);
  }
}

/** Delays before the retries, in ms, from 5 s to 6 h. */
const pauses = [5_000, 30_000, 120_000, 900_000, 3_600_000, 21_600_000] as const;
/** Maximum random increase in a delay, as a fraction, to spread out simultaneous retries. */
const jitter = 0.2;

/** A test event is attempted only once, because somebody is waiting for its outcome. */
export const maxDeliveryAttemptsOf = (type: WebhookEventType): number =>
  type === 'webhook.test' ? 1 : pauses.length + 1;

/** Milliseconds. `triesLeft`: at least 1. `drawn`: a random number from 0 to 1. */
export function computeDeliveryRetryMs(triesLeft: number, drawn: number): number {
  const pause = pauses[pauses.length - triesLeft] ?? pauses[0];
  return Math.round(pause * (1 + jitter * drawn));
}
