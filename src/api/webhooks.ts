import { z } from 'zod';
import { AppError } from '../core/errors/errors.ts';
import { limitAuditorToViewer, type Principal } from '../core/model/principal.ts';
import {
  authorize,
  ownerFilterOf,
  permitsAction,
  projectFilterOf,
  toOwnedResource,
  toOwnerField,
} from '../sessions/access/authorize.ts';
import * as stored from '../sessions/api/server/webhooks.ts';
import type { TrpcContext } from './procedure/context.ts';
import { defineOperations, router } from './procedure/procedure.ts';
import { awaitOkResult, IsoTime, okOperationFields, omitUndefined } from './procedure/schemas.ts';

const named = (what: string, form: RegExp) =>
  z.string().transform((value): string => {
    if (form.test(value)) return value;
    throw new AppError('not_found', `There is no such ${what}.`);
  });
const byId = z.strictObject({ id: named('webhook', /^[0-9a-f]{12}$/) });
const delivery = named('delivery', /^msg_[0-9a-f]{24}$/);

function isAddress(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
}
const Event = z.enum(stored.webhookEventTypes);
const Format = z.enum(['json', 'slack', 'managed-agents']);
const fields = {
  name: z
    .string()
    .max(255)
    .refine((text) => text.trim() !== '', 'must not be empty'),
  url: z
    .string()
    .max(2_000)
    .refine(isAddress, 'must begin with https:// or http://, without a user or password')
    .describe('the address that receives the events'),
  events: z
    .array(Event)
    .min(1)
    .max(stored.webhookEventTypes.length)
    .transform((all) => [...new Set(all)])
    .describe('the events to send, such as run.waiting,run.failed; default: all'),
  format: Format.describe(
    'json (Standard Webhooks), slack (one line of text) or managed-agents (for the SDKs of Anthropic); default: json',
  ),
  projectId: z
    .uuid()
    .nullable()
    .describe('only the sessions and automations of this project; default: all of the owner'),
};
const NewWebhook = z.strictObject({
  ...fields,
  events: fields.events.default([...stored.webhookEventTypes]),
  format: fields.format.default('json'),
  projectId: fields.projectId.default(null),
});
const WebhookChange = z.strictObject({ ...byId.shape, ...z.object(fields).partial().shape });

const Webhook = stored.Webhook.omit({ owner: true }).extend({
  paused: z.object({ ...stored.Webhook.shape.paused.unwrap().shape, at: IsoTime }).nullable(),
  createdAt: IsoTime,
  updatedAt: IsoTime,
});
const WebhookWithSecret = Webhook.extend({ secret: z.string() });
const Delivery = stored.WebhookDelivery.extend({
  createdAt: IsoTime,
  nextAt: IsoTime.nullable(),
  endedAt: IsoTime.nullable(),
});

/** The full address is often a secret. Callers without write access see only its origin. */
const shown = <Doc extends stored.Webhook>(principal: Principal, doc: Doc): Doc => ({
  ...doc,
  url: permitsAction(principal, 'work', doc) ? doc.url : `${new URL(doc.url).origin}/…`,
});

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
const { name, url, events } = example;
const exampleWithSecret = { ...example, secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' };
const exampleDelivery: z.output<typeof Delivery> = {
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

const columns = ['{id}', '{name}', '{url}', 'paused: {paused.text} | {events}'];
const deliveryColumns = ['{createdAt}', '{id}', '{type}', '{state}', 'tries {tries}', '{statusCode}', '{error}'];
const operation = defineOperations({
  tag: 'Webhooks',
  prefix: 'webhooks',
  noun: 'webhook',
  find: ({ unchecked }, id) => unchecked.webhooks.get(id),
  command: {
    name: 'webhook',
    about: 'sends events to other programs: creates, lists, tests and removes webhooks',
    examples: [
      'corral webhook create dashboard --url https://example.com/hooks --events run.waiting,run.failed',
      'corral webhook test dashboard',
      'corral webhook deliveries dashboard',
    ],
    columns,
    hasNames: true,
  },
});
const base = '/api/v1/webhooks';
const one = { in: byId, out: Webhook, answer: example };
const oneDelivery = { out: Delivery, answer: exampleDelivery, fails: [403, 404, 409] };

export const webhooksRouter = router({
  list: operation({
    rest: `GET ${base}`,
    summary: 'List your webhooks, the newest first',
    verb: { name: 'ls' },
    may: 'any',
    out: Webhook.array(),
    answer: [example],
  }).query(async ({ ctx: { principal, unchecked } }) => {
    const all = await unchecked.webhooks.list(
      ownerFilterOf(limitAuditorToViewer(principal)),
      projectFilterOf(principal),
    );
    return all.map((doc) => shown(principal, doc));
  }),
  create: operation({
    rest: `POST ${base}`,
    summary: 'Create a webhook; the response has its secret, which is shown only once',
    verb: {
      name: 'create',
      words: ['name'],
      columns: [...columns, '{secret}'],
      note: 'The last column is its secret. It is shown only once.',
    },
    may: 'create',
    audit: 'webhook.create',
    in: NewWebhook,
    out: WebhookWithSecret,
    example: { name, url, events },
    answer: exampleWithSecret,
    fails: [400, 403, 404, 422, 429],
  }).mutation(async ({ ctx, input }) => {
    await authorizeProject(ctx, input.projectId);
    const { principal, unchecked } = ctx;
    return shown(principal, await unchecked.webhooks.create({ ...input, ...toOwnerField(principal) }));
  }),
  get: operation({
    ...one,
    rest: `GET ${base}/:id`,
    summary: 'Get a webhook',
    may: 'see',
  }).query(async ({ ctx, input }) => shown(ctx.principal, await ctx.unchecked.webhooks.get(input.id))),
  update: operation({
    ...one,
    rest: `PATCH ${base}/:id`,
    id: 'Change',
    summary: 'Change some fields',
    may: 'work',
    audit: 'webhook.change',
    in: WebhookChange,
    example: { events },
    fails: [400, 403, 404, 422],
  }).mutation(async ({ ctx, input: { id, ...change } }) => {
    const before = await ctx.unchecked.webhooks.get(id);
    const isMoved = change.projectId !== undefined && change.projectId !== before.projectId;
    if (isMoved) authorize(ctx.principal, 'manage', before);
    await authorizeProject(ctx, change.projectId);
    return shown(ctx.principal, await ctx.unchecked.webhooks.update(id, omitUndefined(change)));
  }),
  delete: operation({
    rest: `DELETE ${base}/:id`,
    summary: 'Delete a webhook and its deliveries',
    verb: { name: 'delete' },
    may: 'stop',
    audit: 'webhook.delete',
    in: byId,
    ...okOperationFields,
  }).mutation(({ ctx, input }) => awaitOkResult(ctx.unchecked.webhooks.delete(input.id))),
  pause: operation({
    ...one,
    rest: `POST ${base}/:id/pause`,
    summary: 'Pause its deliveries; events in the meantime are not sent later',
    verb: { name: 'pause' },
    may: 'stop',
    audit: 'webhook.pause',
  }).mutation(async ({ ctx, input }) => shown(ctx.principal, await ctx.unchecked.webhooks.pause(input.id))),
  resume: operation({
    ...one,
    rest: `POST ${base}/:id/resume`,
    summary: 'Resume its deliveries, from now on',
    verb: { name: 'resume' },
    may: 'work',
    audit: 'webhook.resume',
  }).mutation(async ({ ctx, input }) =>
    shown(ctx.principal, await ctx.unchecked.webhooks.resume(input.id, ctx.principal.owner)),
  ),
  rotate: operation({
    rest: `POST ${base}/:id/rotate`,
    summary: 'Create a new secret, which is valid immediately',
    verb: {
      name: 'rotate',
      columns: ['{secret}'],
      note: 'This is its new secret. It is valid from now on, and shown only once.',
    },
    may: 'work',
    audit: 'webhook.rotate',
    in: byId,
    out: WebhookWithSecret,
    answer: exampleWithSecret,
  }).mutation(async ({ ctx, input }) => shown(ctx.principal, await ctx.unchecked.webhooks.rotate(input.id))),
  test: operation({
    ...oneDelivery,
    rest: `POST ${base}/:id/test`,
    summary: 'Send a test event, once',
    verb: { name: 'test', columns: deliveryColumns, note: 'It is being sent. See: corral webhook deliveries' },
    may: 'work',
    audit: 'webhook.test',
    in: byId,
  }).mutation(async ({ ctx, input }) => await ctx.unchecked.webhooks.test(input.id)),
  deliveries: operation({
    rest: `GET ${base}/:id/deliveries`,
    summary: 'Its last 200 deliveries, the newest first',
    verb: { name: 'deliveries', columns: deliveryColumns },
    may: 'read',
    in: byId,
    out: Delivery.array().readonly(),
    answer: [exampleDelivery],
  }).query(async ({ ctx, input }) => await ctx.unchecked.webhooks.deliveries(input.id)),
  resend: operation({
    ...oneDelivery,
    rest: `POST ${base}/:id/deliveries/:delivery/resend`,
    summary: 'Send a delivery again, under the same id',
    verb: { name: 'resend', columns: deliveryColumns, note: 'It is being sent. See: corral webhook deliveries' },
    may: 'work',
    audit: 'webhook.resend',
    in: byId.extend({ delivery }),
  }).mutation(async ({ ctx, input }) => await ctx.unchecked.webhooks.resend(input.id, input.delivery)),
});

async function authorizeProject({ principal, services }: TrpcContext, id: string | null | undefined): Promise<void> {
  if (!id || principal.role === 'admin') return;
  const gone = () => new AppError('not_found', 'There is no such project.');
  authorize(principal, 'work', toOwnedResource(await services.projects.get(id)), gone);
}
