import { z } from 'zod';
import {
  changeOf,
  DeliveryId,
  NewWebhook,
  toDelivery,
  toWebhook,
  toWebhookWithSecret,
  Webhook,
  WebhookChange,
  WebhookDelivery,
  WebhookId,
  WebhookWithSecret,
} from '../../api/views/webhooks.ts';
import { detailFailures } from '../../http/errors/failure-docs.ts';
import { describing, ok } from '../../http/routes/route-docs.ts';
import type { App, FacadeRoutes } from '../../http/routes/routes.ts';
import type { WebhookService } from '../../sessions/api/server/webhooks.ts';

const base = '/api/v1/webhooks';
const about = describing({ tag: 'Webhooks', prefix: 'webhooks', failures: detailFailures });
const byId = z.object({ id: WebhookId });
const Ended = z.object({ deleted: z.literal(true) });
const example: z.output<typeof Webhook> = {
  id: '0123456789ab',
  name: 'Our dashboard',
  url: 'https://example.com/hooks/corral',
  events: ['run.waiting', 'run.failed'],
  format: 'json',
  projectId: null,
  paused: null,
  failures: 0,
  createdAt: '2026-11-24T12:00:00.000Z',
  updatedAt: '2026-11-24T12:00:00.000Z',
};
const exampleDelivery: z.output<typeof WebhookDelivery> = {
  id: 'msg_0123456789abcdef01234567',
  type: 'run.failed',
  state: 'pending',
  tries: 1,
  statusCode: 503,
  error: 'It answered 503.',
  createdAt: '2026-11-25T08:00:00.000Z',
  nextAt: '2026-11-25T08:00:05.400Z',
  endedAt: null,
};
const { name, url: address, events } = example;
const one = ok(Webhook, example);
const withSecret = ok(WebhookWithSecret, { ...example, secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' });
const delivery = ok(WebhookDelivery, exampleDelivery);

/** The routes of webhooks, below `/api/v1/webhooks`. */
export function webhookRoutes(service: WebhookService): FacadeRoutes {
  return {
    mount(app) {
      mountWebhooks(app, service);
      mountDeliveries(app, service);
    },
  };
}

function mountWebhooks(app: App, service: WebhookService): void {
  const url = `${base}/:id`;
  app.get(
    base,
    {
      schema: { response: { 200: ok(Webhook.array(), [example]) } },
      config: { doc: about('List', 'List your webhooks, the newest first') },
    },
    async () => (await service.list()).map(toWebhook),
  );
  app.post(
    base,
    {
      schema: { body: NewWebhook, response: { 200: withSecret } },
      config: {
        doc: about('Create', 'Make a webhook; the answer has its secret, which is shown this once', {
          bodyExample: { name, url: address, events },
          fails: [400, 403, 404, 422, 429],
        }),
      },
    },
    async ({ body }) => toWebhookWithSecret(await service.create(body)),
  );
  app.get(
    url,
    {
      schema: { params: byId, response: { 200: one } },
      config: { doc: about('Get', 'Get a webhook', { fails: [404] }) },
    },
    async ({ params }) => toWebhook(await service.get(params.id)),
  );
  app.patch(
    url,
    {
      schema: { params: byId, body: WebhookChange, response: { 200: one } },
      config: {
        doc: about('Change', 'Change the given fields', {
          bodyExample: { events },
          fails: [400, 403, 404, 422],
        }),
      },
    },
    async ({ params, body }) => toWebhook(await service.update(params.id, changeOf(body))),
  );
  app.delete(
    url,
    {
      schema: { params: byId, response: { 200: ok(Ended, { deleted: true }) } },
      config: { doc: about('Delete', 'Delete a webhook and its deliveries', { fails: [403, 404] }) },
    },
    async ({ params }) => {
      await service.delete(params.id);
      return { deleted: true as const };
    },
  );
  for (const [verb, summary] of [
    ['pause', 'Send nothing to it; events that come meanwhile are left out'],
    ['resume', 'Send to it again, from now on'],
  ] as const) {
    app.post(
      `${url}/${verb}`,
      {
        schema: { params: byId, response: { 200: one } },
        config: { doc: about(verb === 'pause' ? 'Pause' : 'Resume', summary, { fails: [403, 404] }) },
      },
      async ({ params }) => toWebhook(await service[verb](params.id)),
    );
  }
  app.post(
    `${url}/rotate`,
    {
      schema: { params: byId, response: { 200: withSecret } },
      config: { doc: about('Rotate', 'Make a new secret, which counts at once', { fails: [403, 404] }) },
    },
    async ({ params }) => toWebhookWithSecret(await service.rotate(params.id)),
  );
}

function mountDeliveries(app: App, service: WebhookService): void {
  const url = `${base}/:id`;
  app.post(
    `${url}/test`,
    {
      schema: { params: byId, response: { 200: delivery } },
      config: { doc: about('Test', 'Send a test event, once', { fails: [403, 404, 409] }) },
    },
    async ({ params }) => toDelivery(await service.test(params.id)),
  );
  app.get(
    `${url}/deliveries`,
    {
      schema: { params: byId, response: { 200: ok(WebhookDelivery.array(), [exampleDelivery]) } },
      config: { doc: about('Deliveries', 'Its last 200 deliveries, the newest first', { fails: [404] }) },
    },
    async ({ params }) => (await service.deliveries(params.id)).map(toDelivery),
  );
  app.post(
    `${url}/deliveries/:delivery/resend`,
    {
      schema: { params: byId.extend({ delivery: DeliveryId }), response: { 200: delivery } },
      config: { doc: about('Resend', 'Send a delivery again, under the same id', { fails: [403, 404, 409] }) },
    },
    async ({ params }) => toDelivery(await service.resend(params.id, params.delivery)),
  );
}
