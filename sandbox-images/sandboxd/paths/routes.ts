import { fields, parameter, partIn, readCount } from '../server/body-fields.ts';
import { fileReply, type Route } from '../server/route.ts';

export const pathRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/paths/entry',
    handle: async ({ daemon, query }) => ({ json: await daemon.statPath(parameter(query, 'path')) }),
  },
  {
    method: 'DELETE',
    path: '/paths/entry',
    handle: async ({ daemon, query }) => void (await daemon.removePath(parameter(query, 'path'))),
  },
  {
    method: 'GET',
    path: '/paths/list',
    handle: async ({ daemon, query }) => ({
      json: await daemon.listPaths(parameter(query, 'path'), readCount(query, 'depth') ?? 1),
    }),
  },
  {
    method: 'POST',
    path: '/paths/folder',
    async handle({ daemon, json }) {
      return { json: await daemon.makeFolder(fields(await json(), { path: 'name' }).path) };
    },
  },
  {
    method: 'POST',
    path: '/paths/move',
    async handle({ daemon, json }) {
      const { from, to } = fields(await json(), { from: 'name', to: 'name' });
      return { json: await daemon.movePath(from, to) };
    },
  },
  {
    method: 'GET',
    path: '/paths/content',
    handle: async ({ daemon, query }) => fileReply(await daemon.openPath(parameter(query, 'path'), partIn(query))),
  },
  {
    method: 'PUT',
    path: '/paths/content',
    handle: async ({ daemon, query, raw }) => ({ json: await daemon.writePath(parameter(query, 'path'), raw) }),
  },
];
