import { expect } from 'vitest';
import { createSecretSealer } from '../../../src/auth/vault.ts';
import { AutomationRecords } from '../../../src/automations/records.ts';
import { WebhookDeliverer, type WebhookFetch } from '../../../src/automations/webhooks/deliverer.ts';
import { WebhookOutbox } from '../../../src/automations/webhooks/outbox.ts';
import { WebhookRecords } from '../../../src/automations/webhooks/records.ts';
import { WebhookOutboxRouter } from '../../../src/automations/webhooks/router.ts';
import { createWebhookService } from '../../../src/automations/webhooks/service.ts';
import type { SessionFact } from '../../../src/core/model/events.ts';
import { createIdSource } from '../../../src/core/model/ids.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { type WebhookSpec, webhookEventTypes } from '../../../src/sessions/api/server/webhooks.ts';
import { createWebhookSecretStore } from '../../../src/sessions/projects/sealed-records.ts';
import type { StoredSession } from '../../../src/sessions/run/log/projection.ts';
import { createEventLog } from '../../../src/storage/log/log.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';
import { manualClock } from '../machines/manual-clock.ts';
import { stored } from '../machines/session-parts.ts';

export const never = new AbortController().signal;
export const begin = Date.parse('2026-11-24T12:00:00Z');
export const ids = createIdSource();
export const spec: WebhookSpec = {
  name: 'Hook',
  url: 'https://hooks.example.com/in',
  events: [...webhookEventTypes],
  format: 'json',
  projectId: null,
};
export const startFact = {
  type: 'run.started',
  runId: ids.runId(),
  data: { task: 'a secret task', messageId: ids.messageId() },
};
export const endOf = (status: 'completed' | 'failed') =>
  ({ type: 'run.end', runId: ids.runId(), data: { status, reason: status, task: 'a secret task' } }) as const;

export interface ReceivedRequest {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** A server without its sessions. A second one over the same store is that server after a restart. */
export async function webhookWorld({
  store = createInMemoryStore(),
  clock = manualClock(begin),
  isOwned = (): boolean => true,
} = {}) {
  const received: ReceivedRequest[] = [];
  let answer: WebhookFetch = async () => new Response('thanks');
  const send: WebhookFetch = async (url, init) => {
    received.push({ url, headers: init.headers as Record<string, string>, body: `${init.body}` });
    return await answer(url, init);
  };
  const records = new WebhookRecords(store);
  const secrets = createWebhookSecretStore(store.records, createSecretSealer([new Secret('ab'.repeat(32))]));
  const outbox = new WebhookOutbox(store);
  outbox.open(await records.areAny());
  const automations = new AutomationRecords({
    records: store.records,
    async beforePause({ id, paused }) {
      if (paused) await outbox.addPause({ automationId: id, by: paused.by, at: paused.at });
    },
  });
  const router = new WebhookOutboxRouter({
    records,
    outbox,
    automationOf: async (id) => await automations.get(id),
    startOf: (id) => automations.findStart(id),
    readCost: async () => 0.5,
    isOwned,
    pageUrl: 'https://corral.example.com/',
    clock,
  });
  const deliverer = new WebhookDeliverer({
    records,
    outbox,
    router,
    send,
    secretOf: secrets.open,
    leads: async () => true,
    shared: false,
    clock,
    random: () => 0,
    warn: (about) => expect.unreachable(JSON.stringify(about)),
  });
  const service = createWebhookService({
    records,
    seal: secrets.seal,
    ids,
    clock,
    check: async () => {},
    isOwned,
    learn: () => {},
    wake: () => {},
    opened: () => outbox.open(true),
  });
  const log = outbox.around(createEventLog(store.events, { maxLag: 100, pageSize: 100 }));
  async function append(
    fact: object,
    about: Partial<
      Pick<StoredSession, 'owner' | 'projectId' | 'deleting' | 'parent' | 'spending' | 'status' | 'title'>
    > = {},
  ) {
    const id = ids.sessionId();
    const puts = [{ kind: 'session', id, doc: stored({ id, title: 'Report', ...about }) }];
    await log.append({ sessionId: id, after: 0, at: clock.now(), facts: [fact as SessionFact], puts });
    return id;
  }
  async function startAttempts(): Promise<void> {
    while ((await deliverer.round(never)) === 0); // the next round attempts the deliveries that this one created
  }
  return {
    store,
    clock,
    received,
    records,
    automations,
    service,
    append,
    deliverer,
    answers: (next: typeof answer) => {
      answer = next;
    },
    startAttempts,
    async round() {
      await startAttempts();
      await deliverer.settled();
    },
    types: () => received.map(({ body }) => JSON.parse(body).type as string),
  };
}

export async function endpointWorld(more: Partial<WebhookSpec> = {}) {
  const it = await webhookWorld();
  const { id, secret } = await it.service.create({ ...spec, ...more });
  return { ...it, id, secret };
}
