import { z } from 'zod';
import { procedure, router } from './procedure/procedure.ts';
import { Done, done } from './procedure/schemas.ts';
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
} from './views/webhooks.ts';

const byId = z.strictObject({ id: WebhookId });

/** Webhooks tell other programs of runs, automations and sessions. */
export const webhooksRouter = router({
  list: procedure
    .output(z.array(Webhook))
    .query(async ({ ctx }) => (await ctx.services.webhooks.list()).map(toWebhook)),
  /** The answer has the secret, which is shown this once. */
  create: procedure
    .input(NewWebhook)
    .output(WebhookWithSecret)
    .mutation(async ({ ctx, input }) => toWebhookWithSecret(await ctx.services.webhooks.create(input))),
  get: procedure
    .input(byId)
    .output(Webhook)
    .query(async ({ ctx, input }) => toWebhook(await ctx.services.webhooks.get(input.id))),
  update: procedure
    .input(WebhookChange.extend(byId.shape))
    .output(Webhook)
    .mutation(async ({ ctx, input: { id, ...change } }) =>
      toWebhook(await ctx.services.webhooks.update(id, changeOf(change))),
    ),
  delete: procedure
    .input(byId)
    .output(Done)
    .mutation(async ({ ctx, input }) => {
      await ctx.services.webhooks.delete(input.id);
      return done;
    }),
  /** Nothing is sent to it, and events that come meanwhile are left out. */
  pause: procedure
    .input(byId)
    .output(Webhook)
    .mutation(async ({ ctx, input }) => toWebhook(await ctx.services.webhooks.pause(input.id))),
  resume: procedure
    .input(byId)
    .output(Webhook)
    .mutation(async ({ ctx, input }) => toWebhook(await ctx.services.webhooks.resume(input.id))),
  /** Makes a new secret, which counts at once. */
  rotate: procedure
    .input(byId)
    .output(WebhookWithSecret)
    .mutation(async ({ ctx, input }) => toWebhookWithSecret(await ctx.services.webhooks.rotate(input.id))),
  /** Sends a test event, once. */
  test: procedure
    .input(byId)
    .output(WebhookDelivery)
    .mutation(async ({ ctx, input }) => toDelivery(await ctx.services.webhooks.test(input.id))),
  /** The last 200, the newest first. */
  deliveries: procedure
    .input(byId)
    .output(z.array(WebhookDelivery))
    .query(async ({ ctx, input }) => (await ctx.services.webhooks.deliveries(input.id)).map(toDelivery)),
  /** Sends a delivery again, under the same id. */
  resend: procedure
    .input(byId.extend({ delivery: DeliveryId }))
    .output(WebhookDelivery)
    .mutation(async ({ ctx, input: { id, delivery } }) => toDelivery(await ctx.services.webhooks.resend(id, delivery))),
});
