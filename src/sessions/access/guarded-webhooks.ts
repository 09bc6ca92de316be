import { AppError } from '../../core/errors/errors.ts';
import { hasRole, type Principal } from '../../core/model/principal.ts';
import type { Action } from '../api/rules.ts';
import type { Webhook, WebhookService } from '../api/server/webhooks.ts';
import { authorizeRole, checkBy, may } from './authorize.ts';

interface WebhookGuardDeps {
  readonly principalOf: () => Principal;
  /** Rejects when the principal may not work in this project. */
  readonly intoProject: (project: string) => Promise<void> | undefined;
}
const noWebhook = () => new AppError('not_found', 'There is no such webhook.');

export const webhookCheck = (webhooks: WebhookService, principalOf: () => Principal) =>
  checkBy((id: string) => webhooks.get(id), principalOf, noWebhook);

/** People see their own webhooks. Operators see the host of each, because a whole address often is a secret itself. */
export function guardedWebhooks(
  webhooks: WebhookService,
  own: WebhookService,
  { principalOf, intoProject }: WebhookGuardDeps,
): WebhookService {
  const check = (id: string, action: Action) => webhookCheck(webhooks, principalOf)(id, action);
  const seen = (webhook: Webhook): Webhook =>
    may(principalOf(), 'work', webhook) ? webhook : { ...webhook, url: `${new URL(webhook.url).origin}/…` };
  return {
    ...own,
    async list() {
      const { role, owner } = principalOf();
      const seesAll = role === 'reader' || hasRole({ role }, 'operator');
      const all = await webhooks.list(seesAll ? undefined : (owner ?? ''));
      return role === 'admin' ? all : all.map(seen);
    },
    async create(spec) {
      const principal = principalOf();
      authorizeRole(principal, 'user');
      if (spec.projectId !== null) await intoProject(spec.projectId);
      const { owner } = principal;
      return await webhooks.create({ ...spec, ...(owner !== undefined && { owner }) });
    },
    get: async (id) => seen(await own.get(id)),
    async update(id, change) {
      await check(id, 'work');
      if (change.projectId) await intoProject(change.projectId);
      return await webhooks.update(id, change);
    },
    pause: async (id) => seen(await own.pause(id)),
  };
}
