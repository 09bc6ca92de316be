import { AutomationRecords } from '../../../automations/records.ts';
import { WebhookDeliverer } from '../../../automations/webhooks/deliverer.ts';
import { webhookOutboxKind } from '../../../automations/webhooks/outbox.ts';
import { WebhookRecords } from '../../../automations/webhooks/records.ts';
import { WebhookOutboxRouter, type WebhookOutboxRouterDeps } from '../../../automations/webhooks/router.ts';
import { createWebhookService } from '../../../automations/webhooks/service.ts';
import { AppError, ignoreNotFound, toAppError } from '../../../core/errors/errors.ts';
import { toCanonicalAddress } from '../../../core/text/address-range.ts';
import { createAddressCheck } from '../../../sandboxes/egress/fetch/addresses.ts';
import { createGuardedFetch } from '../../../sandboxes/egress/fetch/guarded-fetch.ts';
import { isLoopback } from '../../settings/contradictions.ts';
import type { ServerWithEngine } from '../engine.ts';
import { runInBackground } from '../startup.ts';

interface WebhookDeps extends Pick<WebhookOutboxRouterDeps, 'readCost' | 'isOwned'> {
  readonly projectExists: (id: string) => Promise<unknown>;
}

const loopback = ['127.0.0.0/8', '::1/128'];
const refusal = (host: string) =>
  `${host} is at a private address, which webhooks cannot reach. An operator can allow its network in webhooks.allow-ranges (CORRAL_WEBHOOKS_ALLOW_RANGES) and restart the server.`;

export function openWebhooks(server: ServerWithEngine, { projectExists, readCost, isOwned }: WebhookDeps) {
  const { closing, config, metrics, log, outbox, replica } = server;
  const { webhookSecrets: secrets } = server.projects;
  const isLocal = isLoopback(config.host);
  // Users of a loopback server can reach local addresses anyway, so webhooks may, too.
  const allowRanges = isLocal ? [...loopback, ...config.webhooks.allowRanges] : config.webhooks.allowRanges;
  const own = isLocal && config.port > 0 ? `http://127.0.0.1:${config.port}` : undefined;
  const { pageUrl = own } = config.webhooks;
  const records = new WebhookRecords(server);
  const automations = new AutomationRecords(server);
  const fetchGuarded = createGuardedFetch({ addresses: { allowRanges } });
  const mayReach = createAddressCheck({ allowRanges });
  const router = new WebhookOutboxRouter({
    ...server,
    records,
    readCost,
    isOwned,
    pageUrl,
    startOf: (id) => automations.findStart(id),
    automationOf: (id) => automations.get(id).catch(ignoreNotFound),
  });
  const deliverer = new WebhookDeliverer({
    ...server,
    records,
    router,
    secretOf: secrets.open,
    leads: replica.mayDeliverWebhooks,
    random: Math.random,
    count: metrics.webhookTry,
    send: (url, init) =>
      fetchGuarded(url, init).catch((thrown: unknown) => {
        if (toAppError(thrown).code !== 'forbidden') throw thrown;
        throw new AppError('forbidden', refusal(new URL(url).host), { cause: thrown });
      }),
  });
  const isNews = ({ kind }: { readonly kind: string }) => kind === webhookOutboxKind;
  log.onAppend(({ puts = [] }) => {
    if (puts.some(isNews)) deliverer.wake();
  });
  outbox.onAdd(deliverer.wake);
  const service = createWebhookService({
    ...server,
    records,
    seal: secrets.seal,
    wake: deliverer.wake,
    opened: () => outbox.open(true),
    isOwned,
    async check({ url, projectId }) {
      const { hostname, host } = new URL(url);
      const address = toCanonicalAddress(hostname.replace(/^\[(.*)\]$/, '$1'));
      if (address !== undefined && !mayReach(address))
        throw new AppError('invalid_request', refusal(host), { field: 'url' });
      if (projectId !== null) await projectExists(projectId);
    },
  });
  return { service, ...runInBackground(closing, (signal) => deliverer.run(signal)) };
}
