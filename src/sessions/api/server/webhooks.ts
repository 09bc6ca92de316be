import { z } from 'zod';

export const webhookEventTypes = [
  'run.started',
  'run.waiting',
  'run.resumed',
  'run.retrying',
  'run.ended',
  'run.failed',
  'goal.judged',
  'automation.changed',
  'automation.paused',
  'automation.started',
  'automation.not_started',
  'session.created',
  'session.changed',
  'session.archived',
  'session.deleted',
  'resource.changed',
] as const;
const SentEvent = z.enum([...webhookEventTypes, 'webhook.test']);
export type WebhookEventType = z.infer<typeof SentEvent>;

export const Webhook = z.object({
  id: z.string(), // 12 hex digits
  /** Sends only this owner's events. Absent: all owners' events. Ignored with `projectId`. */
  owner: z.string().optional(),
  name: z.string(),
  url: z.string(),
  events: z.array(z.enum(webhookEventTypes)).readonly(),
  /** `json`: Standard Webhooks. `slack`: one line for Slack webhooks. `managed-agents`: Managed Agents events. */
  format: z.enum(['json', 'slack', 'managed-agents']),
  /** Events of this project only, from any owner. Null: all that `owner` allows. */
  projectId: z.string().nullable(),
  /** `gone`: a 410 response. `owner`: the owner lost access to Corral or the project. */
  paused: z
    .object({ by: z.enum(['person', 'failures', 'gone', 'owner']), text: z.string(), at: z.number() })
    .nullable(),
  /** Number of consecutive deliveries that failed permanently. */
  failures: z.int(),
  createdAt: z.number(),
  updatedAt: z.number(),
});
export type Webhook = z.infer<typeof Webhook>;
export type WebhookPause = NonNullable<Webhook['paused']>;
export type WebhookSpec = Pick<Webhook, 'name' | 'url' | 'events' | 'format' | 'projectId'>;
/** Contains the secret, so it is returned only on creation and rotation. */
export interface WebhookWithSecret extends Webhook {
  readonly secret: string; // whsec_…
}
export const WebhookDelivery = z.object({
  /** The `webhook-id` header: unique per webhook, the same on every attempt. */
  id: z.string(),
  type: SentEvent,
  /** `pending`: the next attempt is at `nextAt`. `failed`: only `resend` retries the delivery. */
  state: z.enum(['pending', 'delivered', 'failed']),
  tries: z.int(),
  statusCode: z.int().nullable(),
  error: z.string(),
  createdAt: z.number(),
  nextAt: z.number().nullable(),
  endedAt: z.number().nullable(),
});
export type WebhookDelivery = z.infer<typeof WebhookDelivery>;

/** Every method that takes an id rejects with not_found for an unknown webhook. */
export interface WebhookService {
  /** Newest first. With `owner`, lists only webhooks of that owner and of `projects`. */
  list(owner?: string, projects?: readonly string[]): Promise<readonly Webhook[]>;
  /** Rejects: invalid_request (an unusable URL), not_found (the project), quota (20 per owner). */
  create(spec: WebhookSpec & { readonly owner?: string }): Promise<WebhookWithSecret>;
  get(id: string): Promise<Webhook>;
  /** Changes only the fields that are set. Rejects as `create` does. */
  update(id: string, change: Partial<WebhookSpec>): Promise<Webhook>;
  /** Also deletes the webhook's deliveries. */
  delete(id: string): Promise<void>;
  /** Events that occur while the webhook is paused are never sent. */
  pause(id: string): Promise<Webhook>;
  /** If the owner lost access and still has none, `by` becomes the owner. */
  resume(id: string, by?: string): Promise<Webhook>;
  /** The new secret is valid immediately. */
  rotate(id: string): Promise<WebhookWithSecret>;
  /** Sends a test event, without retries. Rejects: conflict (the webhook is paused). */
  test(id: string): Promise<WebhookDelivery>;
  /** Newest first, at most 200. */
  deliveries(id: string): Promise<readonly WebhookDelivery[]>;
  /** Keeps the message id. Rejects: not_found, conflict (a paused webhook, or a delivery in progress). */
  resend(id: string, delivery: string): Promise<WebhookDelivery>;
}
