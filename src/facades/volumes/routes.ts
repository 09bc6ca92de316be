import { z } from 'zod';
import { NewVolume, Volume, VolumeChange, volumeIdOf, volumeView } from '../../api/views/volumes.ts';
import { ok } from '../../http/routes/route-docs.ts';
import type { FacadeRoutes } from '../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import type { FacadeParts } from '../shared/facade.ts';
import { about, base, byVolume, example } from './about.ts';
import { mountContent } from './content.ts';

const one = ok(Volume, example);
const Deleted = z.object({ id: z.string() });

/** Storage that outlives sessions: the volumes, and their content. */
export const volumeRoutes = (acting: FacadeParts['acting']): FacadeRoutes => ({
  mount(app) {
    app.get(
      base,
      {
        schema: { response: { 200: ok(Volume.array(), [example]) } },
        config: { doc: about('List', 'List your volumes, by name') },
      },
      async ({ principal }) => (await acting(principal).services.volumes.list()).map(volumeView),
    );
    app.post(
      base,
      {
        schema: { body: NewVolume, response: { 200: one } },
        config: {
          doc: about('Create', 'Make an empty volume', {
            bodyExample: { name: 'build-cache', quota: '2GiB' },
            fails: [400, 403, 409, 501, 503],
          }),
        },
      },
      async ({ body: { name, quota }, principal }, reply) => {
        const wish = { name, quotaBytes: quota, signal: abortOnDisconnect(reply) };
        return volumeView(await acting(principal).services.volumes.create(wish));
      },
    );
    app.get(
      `${base}/:volume`,
      {
        schema: { params: byVolume, response: { 200: one } },
        config: { doc: about('Get', 'One volume, and the sessions that have it', { fails: [404] }) },
      },
      async ({ params, principal }) => {
        const { volumes } = acting(principal).services;
        return volumeView(await volumes.get(await volumeIdOf(volumes, params.volume)));
      },
    );
    app.patch(
      `${base}/:volume`,
      {
        schema: { params: byVolume, body: VolumeChange, response: { 200: one } },
        config: {
          doc: about('Change', 'Give a volume another name or quota', {
            description: 'Sandboxes that run keep the quota that they began with.',
            bodyExample: { quota: '4GiB' },
            fails: [400, 403, 404, 409, 503],
          }),
        },
      },
      async ({ params, body: { name, quota }, principal }) => {
        const { volumes } = acting(principal).services;
        const id = await volumeIdOf(volumes, params.volume);
        return volumeView(await volumes.change(id, { name, quotaBytes: quota }));
      },
    );
    app.delete(
      `${base}/:volume`,
      {
        schema: { params: byVolume, response: { 200: ok(Deleted, { id: example.id }) } },
        config: {
          doc: about('Delete', 'Delete a volume with its content', {
            description: 'A volume that a session has is not deleted: 409 names the session.',
            fails: [403, 404, 409],
          }),
        },
      },
      async ({ params, principal }, reply) => {
        const { volumes } = acting(principal).services;
        const id = await volumeIdOf(volumes, params.volume);
        await volumes.remove(id, abortOnDisconnect(reply));
        return { id };
      },
    );
    mountContent(app, acting);
  },
});
