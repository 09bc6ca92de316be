import { z } from 'zod';
import { oneOf } from '../../../config/kinds.ts';
import { defineSetting } from '../../../config/setting.ts';
import { defineFacade } from '../../shared/facade.ts';
import { createSheikhboxRoutes as sheikhboxRoutes } from './routes.ts';

export const sheikhbox = defineFacade({
  label: 'SheikhBox',
  audience: "chat front ends that stream an agent's events; `CORRAL_SHEIKHBOX_PROFILE=v2.0` for the oldest",
  tag: 'SheikhBox',
  paths: ['/api/v1/sessions', '/api/v1/files', '/api/v1/auth/status', '/api/v1/config/frontend'],
  documents: '`/docs`, `/openapi.json`',
  settings: z.strictObject({
    profile: defineSetting(oneOf('current', 'v2.0'), 'current', 'which front end the SheikhBox facade speaks to'),
  }),
  routes: async ({ services, projects, ...parts }, { profile }) => [
    sheikhboxRoutes({
      ...parts,
      profile,
      sessions: services.sessions,
      shares: services.shares,
      desktop: services.desktop,
      uploads: projects?.uploads,
      maxUploadBytes: projects?.maxUploadBytes ?? 0,
    }),
  ],
});
