import { parseBodyFields } from '../server/body-fields.ts';
import { type Route, rejectWithoutUpgrade } from '../server/route.ts';

export const watchRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/watches',
    async handle({ daemon, json }) {
      const watch = parseBodyFields(await json(), { path: 'name', recursive: 'flag?', entries: 'flag?' });
      return { json: await daemon.openWatch(watch) };
    },
  },
  {
    method: 'GET',
    path: '/watches/{id}/changes',
    handle: async ({ daemon, params }) => ({ json: await daemon.watchChanges(params.id ?? '') }),
  },
  {
    method: 'GET',
    path: '/watches/{id}/stream',
    stream: (daemon, params) => daemon.attachWatch(params.id ?? ''),
    handle: rejectWithoutUpgrade,
  },
  {
    method: 'DELETE',
    path: '/watches/{id}',
    handle: async ({ daemon, params }) => void (await daemon.closeWatch(params.id ?? '')),
  },
];
