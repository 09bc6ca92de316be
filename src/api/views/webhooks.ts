import { z } from 'zod';
import { AppError } from '../../core/errors/errors.ts';
import type {
  WebhookDelivery as DeliveryDoc,
  Webhook as WebhookDoc,
  WebhookSpec,
  WebhookWithSecret as WithSecretDoc,
} from '../../sessions/api/server/webhooks.ts';
import { webhookEvents } from '../../sessions/api/server/webhooks.ts';

// Webhooks as clients see and change them. Times are ISO 8601 in UTC.

const missing = (what: string) => new AppError('not_found', `There is no such ${what}.`);
export const WebhookId = z.string().transform((given): string => {
  if (/^[0-9a-f]{12}$/.test(given)) return given;
  throw missing('webhook');
});
export const DeliveryId = z.string().transform((given): string => {
  if (/^msg_[0-9a-f]{24}$/.test(given)) return given;
  throw missing('delivery');
});
function isAddress(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
}
const fields = {
  name: z
    .string()
    .max(255)
    .refine((text) => text.trim() !== '', 'must not be empty'),
  url: z.string().max(2_000).refine(isAddress, 'must begin with https:// or http://, without a user or password'),
  events: z
    .array(z.enum(webhookEvents))
    .min(1)
    .max(webhookEvents.length)
    .transform((all) => [...new Set(all)]),
  /** `slack`: one line of text, as Slack's incoming webhooks take it; `managed-agents`: as Anthropic's SDKs read it. */
  format: z.enum(['json', 'slack', 'managed-agents']),
  /** Only the sessions and automations of this project; null: all of the owner. */
  projectId: z.uuid().nullable(),
};
export const NewWebhook = z.strictObject({
  ...fields,
  events: fields.events.default([...webhookEvents]),
  format: fields.format.default('json'),
  projectId: fields.projectId.default(null),
});
export const WebhookChange = z.strictObject(z.object(fields).partial().shape);
/** Without the fields that were not given. */
export const changeOf = (input: z.output<typeof WebhookChange>): Partial<WebhookSpec> =>
  Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));

const time = z.iso.datetime();
export const Webhook = z.object({
  id: z.string(),
  name: z.string(),
  /** Only its owner and administrators see more than the host. */
  url: z.string(),
  events: z.array(z.enum(webhookEvents)),
  format: z.enum(['json', 'slack', 'managed-agents']),
  projectId: z.string().nullable(),
  /** Why nothing is sent to it; null: it is not paused. */
  paused: z.object({ by: z.enum(['person', 'failures', 'gone', 'owner']), text: z.string(), at: time }).nullable(),
  /** The deliveries in a row that failed. */
  failures: z.int(),
  createdAt: time,
  updatedAt: time,
});
/** The secret is shown this once. */
export const WebhookWithSecret = Webhook.extend({ secret: z.string() });
export const WebhookDelivery = z.object({
  /** The header `webhook-id`. */
  id: z.string(),
  type: z.enum([...webhookEvents, 'webhook.test']),
  state: z.enum(['pending', 'delivered', 'failed']),
  tries: z.int(),
  /** The status code of the last answer; null: there was none. */
  statusCode: z.int().nullable(),
  /** The problem of the last try; empty: there was none. */
  error: z.string(),
  createdAt: time,
  nextAt: time.nullable(),
  endedAt: time.nullable(),
});

const iso = (ms: number): string => new Date(ms).toISOString();
const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));

export const toWebhook = ({ owner: _, ...doc }: WebhookDoc): z.output<typeof Webhook> => ({
  ...doc,
  events: [...doc.events],
  paused: doc.paused && { ...doc.paused, at: iso(doc.paused.at) },
  createdAt: iso(doc.createdAt),
  updatedAt: iso(doc.updatedAt),
});
export const toWebhookWithSecret = ({ secret, ...doc }: WithSecretDoc): z.output<typeof WebhookWithSecret> => ({
  ...toWebhook(doc),
  secret,
});
export const toDelivery = (doc: DeliveryDoc): z.output<typeof WebhookDelivery> => ({
  ...doc,
  createdAt: iso(doc.createdAt),
  nextAt: isoOrNull(doc.nextAt),
  endedAt: isoOrNull(doc.endedAt),
});
