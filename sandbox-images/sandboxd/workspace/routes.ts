import { parseBodyFields } from '../server/body-fields.ts';
import type { Route } from '../server/route.ts';

export const workspaceRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/workspace/kept',
    async handle({ daemon, json }) {
      return { json: await daemon.keepForRun(parseBodyFields(await json(), { run: 'name', at: 'count' })) };
    },
  },
  {
    method: 'GET',
    path: '/workspace/print',
    handle: async ({ daemon }) => ({ json: await daemon.printWorkspace() }),
  },
];
