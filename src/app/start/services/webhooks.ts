import { AutomationRecords } from '../../../automations/records.ts';
import { Deliverer } from '../../../automations/webhooks/deliverer.ts';
import { type Outbox, outboxKind } from '../../../automations/webhooks/outbox.ts';
import { WebhookRecords } from '../../../automations/webhooks/records.ts';
import { Router, type RouterDeps } from '../../../automations/webhooks/router.ts';
import { webhookService } from '../../../automations/webhooks/service.ts';
import type { EventLog, Store } from '../../../core/contracts/ports.ts';
import { AppError, toAppError, unlessNotFound } from '../../../core/errors/errors.ts';
import { canonicalAddress } from '../../../core/text/address-range.ts';
import { addressCheck } from '../../../sandboxes/egress/fetch/addresses.ts';
import { guardedFetch } from '../../../sandboxes/egress/fetch/guarded-fetch.ts';
import type { WebhookService } from '../../../sessions/api/server/webhooks.ts';
import type { WebhookSecrets } from '../../../sessions/projects/webhook-secrets.ts';
import type { Replica } from '../../parts/replica.ts';
import { isLoopback } from '../../settings/contradictions.ts';
import { runInBackground, type Startup } from '../startup.ts';

interface WebhookDeps extends Pick<RouterDeps, 'costOf' | 'isOwned'> {
  readonly store: Store;
  readonly log: Pick<EventLog, 'onAppend'>;
  readonly outbox: Outbox;
  readonly replica: Pick<Replica, 'mayDeliverWebhooks'>;
  readonly secrets: WebhookSecrets;
  readonly projectExists: (id: string) => Promise<unknown>;
}
type RunningWebhooks = AsyncDisposable & { readonly service: WebhookService };

const loopback = ['127.0.0.0/8', '::1/128'];
const refusal = (host: string) =>
  `${host} is at a private address, which webhooks do not reach. An operator can allow its network in webhooks.allow-ranges (CORRAL_WEBHOOKS_ALLOW_RANGES), and start the server again.`;

/** The webhooks of the store, and the worker that delivers them. */
export function openWebhooks(startup: Startup, parts: WebhookDeps): RunningWebhooks {
  const { closing, clock, ids, logger, learn, config, metrics } = startup;
  const { store, log, outbox, replica, secrets, projectExists, costOf, isOwned } = parts;
  const isLocal = isLoopback(config.host);
  // Users of a server on loopback work on its machine, so webhooks can reach its local addresses: the users can, too.
  const allowRanges = isLocal ? [...loopback, ...config.webhooks.allowRanges] : config.webhooks.allowRanges;
  const own = isLocal && config.port > 0 ? `http://127.0.0.1:${config.port}` : undefined;
  const { pageUrl = own } = config.webhooks;
  const records = new WebhookRecords(store.records);
  const automations = new AutomationRecords(store.records);
  const fetchGuarded = guardedFetch({ addresses: { allowRanges } });
  const mayReach = addressCheck({ allowRanges });
  const router = new Router({
    records,
    outbox,
    costOf,
    isOwned,
    pageUrl,
    clock,
    startOf: (id) => automations.findStart(id),
    automationOf: (id) => automations.get(id).catch(unlessNotFound),
  });
  const deliverer = new Deliverer({
    records,
    outbox,
    router,
    secretOf: secrets.open,
    leads: replica.mayDeliverWebhooks,
    shared: store.shared,
    clock,
    random: Math.random,
    count: metrics.webhookTry,
    warn: (about, text) => logger.warn(about, text),
    send: (url, init) =>
      fetchGuarded(url, init).catch((thrown: unknown) => {
        if (toAppError(thrown).code !== 'forbidden') throw thrown;
        throw new AppError('forbidden', refusal(new URL(url).host), { cause: thrown });
      }),
  });
  const isNews = ({ kind }: { readonly kind: string }) => kind === outboxKind;
  log.onAppend(({ puts = [] }) => {
    if (puts.some(isNews)) deliverer.wake();
  });
  outbox.onAdd(deliverer.wake);
  const running = runInBackground(closing, (signal) => deliverer.run(signal));
  const service = webhookService({
    records,
    seal: secrets.seal,
    ids,
    clock,
    learn,
    wake: deliverer.wake,
    opened: () => outbox.open(true),
    isOwned,
    async check({ url, projectId }) {
      const { hostname, host } = new URL(url);
      const address = canonicalAddress(hostname.replace(/^\[(.*)\]$/, '$1'));
      if (address !== undefined && !mayReach(address)) throw new AppError('invalid_request', refusal(host));
      if (projectId !== null) await projectExists(projectId);
    },
  });
  return { service, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}
