import { z } from 'zod';
import { ModelRef } from '../../agents/models/model-ref.ts';
import { omitUndefined } from '../../api/procedure/schemas.ts';
import { BoxName, boxOptionFields, toSessionOptions } from '../../api/views/session-options.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import { describeDetailFailures } from '../../http/errors/failure-docs.ts';
import { createRouteDescriber, okReply } from '../../http/routes/route-docs.ts';
import type { FacadeRoutes } from '../../http/routes/routes.ts';
import type { FacadeParts } from '../shared/facade.ts';

const one = z.object({ name: BoxName });
const NewBox = z.strictObject({
  title: z.string().max(255).optional(),
  template: z.string().max(80).optional(),
  model: ModelRef.optional(),
  snapshot: z.string().max(130).optional().describe('the id or name of a snapshot, with whose files it begins'),
  ...boxOptionFields,
});
const Box = z.object({
  name: z.string(),
  sessionId: z.string(),
  template: z.string(),
  createdAt: z.iso.datetime(),
});
const Opened = Box.extend({ isNew: z.boolean().describe('this call made it') });
const example = {
  name: 'build-cache',
  sessionId: '0123456789abcdef',
  template: 'default',
  createdAt: '2026-11-24T12:00:00.000Z',
};
// Routes outside of sessions reply without the `code`, `msg` and `data` envelope, so failures are `{detail}`.
const about = createRouteDescriber({ tag: 'Sandboxes', prefix: 'boxes', failures: describeDetailFailures });
const boxView = ({ id, template, createdAt }: SessionRecord, name: string): z.input<typeof Box> => ({
  name,
  sessionId: id,
  template,
  createdAt: new Date(createdAt).toISOString(),
});
const path = '/api/v1/boxes/:name';

export const createBoxRoutes = ({ acting }: Pick<FacadeParts, 'acting'>): FacadeRoutes => ({
  mount(app) {
    app.get(
      path,
      about('Get', 'The session of this name; starts nothing', {
        schema: { params: one, response: { 200: okReply(Box, example) } },
        fails: [400, 404],
      }),
      async ({ params: { name }, principal }) => boxView(await acting(principal).services.sessions.byName(name), name),
    );
    app.put(
      path,
      about('Open', 'Resume the session of this name, or make it', {
        schema: { params: one, body: NewBox, response: { 200: okReply(Opened, { ...example, isNew: false }) } },
        description:
          'Its sandbox starts or resumes in the background. The body counts only where there is no session of this name yet. ' +
          'Two calls at the same time get the same session.',
        bodyExample: { template: 'default' },
        fails: [400, 404, 409, 503],
      }),
      async ({ params: { name }, body, principal }) => {
        const { title, template, model, snapshot, ...options } = body;
        const { session, isNew } = await acting(principal).services.sessions.named({
          name,
          origin: 'sandboxes',
          ...omitUndefined({ title, template, model, snapshot }),
          ...toSessionOptions(options),
        });
        return { ...boxView(session, name), isNew };
      },
    );
    app.patch(
      path,
      about('Rename', 'Give the session of this name another one', {
        schema: {
          params: one,
          body: z.strictObject({ name: BoxName.describe('the new name, free among those of its owner') }),
          response: { 200: okReply(Box, { ...example, name: 'old-cache' }) },
        },
        bodyExample: { name: 'old-cache' },
        fails: [400, 404, 409],
      }),
      async ({ params, body: { name }, principal }) => {
        const { sessions } = acting(principal).services;
        const { id } = await sessions.byName(params.name);
        return boxView(await sessions.update(id, { name }), name);
      },
    );
    app.delete(
      path,
      about('Free', 'Take the name from its session, which stays', {
        schema: {
          params: one,
          response: { 200: okReply(z.object({ sessionId: z.string() }), { sessionId: example.sessionId }) },
        },
        fails: [400, 404],
      }),
      async ({ params: { name }, principal }) => {
        const { sessions } = acting(principal).services;
        const { id } = await sessions.byName(name);
        await sessions.update(id, { name: null });
        return { sessionId: id };
      },
    );
  },
});
