import { z } from 'zod';
import { oneOf } from '../../../config/kinds.ts';
import { defineSetting } from '../../../config/setting.ts';
import { defineFacade } from '../../shared/facade.ts';
import { createOpencodexRoutes as opencodexRoutes } from './routes.ts';

export const opencodex = defineFacade({
  label: 'OpenCodex',
  audience: 'project front ends: projects, chats, files, agents, keys; `CORRAL_OPENCODEX_PROFILE=first` for the oldest',
  tag: 'OpenCodex',
  paths: ['projects', 'chats', 'agent-actions', 'files', 'sandbox', 'settings'].map((name) => `/api/v1/${name}`),
  documents: '`/docs`, `/redoc`',
  settings: z.strictObject({
    profile: defineSetting(
      oneOf('current', 'first'),
      'current',
      'which front end the OpenCodex facade speaks to; with first, the oldest page gets start when it joins a run',
    ),
  }),
  routes: async ({ projects, services, idempotency, sockets, clock }, { profile }) =>
    projects ? [opencodexRoutes({ ...projects, services, idempotency, sockets, clock, profile })] : [],
});
