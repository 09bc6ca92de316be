import { type Route, rejectWithoutUpgrade } from '../server/route.ts';

export const portRoutes: readonly Route[] = [
  { method: 'GET', path: '/ports', quiet: true, handle: async ({ daemon }) => ({ json: daemon.listeningPorts() }) },
  {
    method: 'GET',
    path: '/ports/{port}/stream',
    stream: (daemon, params) => daemon.openPort(Number(params.port)),
    handle: rejectWithoutUpgrade,
  },
];
