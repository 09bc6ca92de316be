import { z } from 'zod';

export const webhookEvents = [
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
/** `webhook.test` is sent by hand only. */
const SentEvent = z.enum([...webhookEvents, 'webhook.test']);
export type SentEvent = z.infer<typeof SentEvent>;

/** An external endpoint that receives events. */
export const Webhook = z.object({
  id: z.string(), // 12 hex digits
  /** The owner of the sessions whose events it receives; absent: all. */
  owner: z.string().optional(),
  name: z.string(),
  url: z.string(),
  events: z.array(z.enum(webhookEvents)).readonly(),
  /** `json`: signed as Standard Webhooks say. `slack`: one line of text, as incoming webhooks of Slack take it. */
  format: z.enum(['json', 'slack', 'managed-agents']),
  /** Only the sessions and automations of this project; null: all of the owner. */
  projectId: z.string().nullable(),
  /** Why nothing is sent to it; null: it is not paused. `gone`: it answered 410. `owner`: nobody with a valid key owns it. */
  paused: z
    .object({ by: z.enum(['person', 'failures', 'gone', 'owner']), text: z.string(), at: z.number() })
    .nullable(),
  /** Consecutive deliveries that failed permanently. */
  failures: z.int(),
  createdAt: z.number(),
  updatedAt: z.number(),
});
export type Webhook = z.infer<typeof Webhook>;
export type WebhookPause = NonNullable<Webhook['paused']>;
/** The fields that people choose. */
export type WebhookSpec = Pick<Webhook, 'name' | 'url' | 'events' | 'format' | 'projectId'>;
/** The answer to a creation and a rotation, the only places that show the secret. */
export interface WebhookWithSecret extends Webhook {
  readonly secret: string; // whsec_…
}
/** One event for one endpoint. */
export const WebhookDelivery = z.object({
  /** The header `webhook-id`: the same at each try, and unique within its webhook. */
  id: z.string(),
  type: SentEvent,
  /** `pending`: it is tried at `nextAt`. `failed`: it is not tried again, unless somebody sends it again. */
  state: z.enum(['pending', 'delivered', 'failed']),
  tries: z.int(),
  /** The status code of the last answer; null: there was none. */
  statusCode: z.int().nullable(),
  /** The error of the last attempt; empty: none. */
  error: z.string(),
  createdAt: z.number(),
  nextAt: z.number().nullable(),
  endedAt: z.number().nullable(),
});
export type WebhookDelivery = z.infer<typeof WebhookDelivery>;

/** Every method that takes an id rejects with not_found for an unknown webhook. */
export interface WebhookService {
  /** Newest first; only that owner's if `owner` is set. */
  list(owner?: string, projects?: readonly string[]): Promise<readonly Webhook[]>;
  /** Rejects: invalid_request (the URL, the project), quota (20 of one owner). */
  create(spec: WebhookSpec & { readonly owner?: string }): Promise<WebhookWithSecret>;
  get(id: string): Promise<Webhook>;
  /** Changes only the fields that are set. Rejects as `create` does. */
  update(id: string, change: Partial<WebhookSpec>): Promise<Webhook>;
  /** The webhook's deliveries end with it. */
  delete(id: string): Promise<void>;
  /** Nothing is sent to it, and events that come in the meantime are left out. */
  pause(id: string): Promise<Webhook>;
  resume(id: string): Promise<Webhook>;
  /** Makes a new secret, which counts at once. */
  rotate(id: string): Promise<WebhookWithSecret>;
  /** Sends a test event, once. Rejects: conflict (it is paused). */
  test(id: string): Promise<WebhookDelivery>;
  /** The newest first, at most 200. */
  deliveries(id: string): Promise<readonly WebhookDelivery[]>;
  /** Sends a delivery again, under the same message id. Rejects: not_found, conflict (it is paused, or under way). */
  resend(id: string, delivery: string): Promise<WebhookDelivery>;
}
