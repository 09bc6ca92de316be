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
export type WebhookEvent = (typeof webhookEvents)[number];
/** `webhook.test` is sent by hand only. */
export type SentEvent = WebhookEvent | 'webhook.test';

/** The fields that people choose. */
export interface WebhookSpec {
  readonly name: string;
  readonly url: string;
  readonly events: readonly WebhookEvent[];
  /** `json`: signed as Standard Webhooks say. `slack`: one line of text, as incoming webhooks of Slack take it. */
  readonly format: 'json' | 'slack' | 'managed-agents';
  /** Only the sessions and automations of this project; null: all of the owner. */
  readonly projectId: string | null;
}
/** Why nothing is sent to an endpoint any more, until somebody resumes it. */
export interface WebhookPause {
  /** `gone`: the endpoint answered 410. `owner`: nobody with a valid key owns it any more. */
  readonly by: 'person' | 'failures' | 'gone' | 'owner';
  readonly text: string;
  readonly at: number; // epoch ms
}
/** An external endpoint that receives events. */
export interface Webhook extends WebhookSpec {
  readonly id: string; // 12 hex digits
  /** The owner of the sessions whose events it receives; absent: all. */
  readonly owner?: string | undefined;
  readonly paused: WebhookPause | null;
  /** Consecutive deliveries that failed permanently. */
  readonly failures: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}
/** The answer to a creation and a rotation, the only places that show the secret. */
export interface WebhookWithSecret extends Webhook {
  readonly secret: string; // whsec_…
}
/** `pending`: it is tried at `nextAt`. `failed`: it is not tried again, unless somebody sends it again. */
export type DeliveryState = 'pending' | 'delivered' | 'failed';
/** One event for one endpoint. */
export interface WebhookDelivery {
  /** The header `webhook-id`: the same at each try, and unique within its webhook. */
  readonly id: string;
  readonly type: SentEvent;
  readonly state: DeliveryState;
  readonly tries: number;
  /** The status code of the last answer; null: there was none. */
  readonly statusCode: number | null;
  /** The error of the last attempt; empty: none. */
  readonly error: string;
  readonly createdAt: number;
  readonly nextAt: number | null;
  readonly endedAt: number | null;
}

/** Every method that takes an id rejects with not_found for an unknown webhook. */
export interface WebhookService {
  /** Newest first; only that owner's if `owner` is set. */
  list(owner?: string): Promise<readonly Webhook[]>;
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
