import type { App } from '../../http/routes/routes.ts';
import { defineFacade } from '../shared/facade.ts';
import { createRestRoutes } from '../shared/rest.ts';
import { mountPage } from './page.ts';
import { createServerRoutes } from './routes.ts';
import { mountSharedSessions } from './shared.ts';

export const server = defineFacade({
  label: 'server',
  audience: 'probes, monitoring, the list of templates, the models, settings and keys',
  tag: 'Server',
  paths: [
    '/',
    '/health',
    '/healthz',
    '/readyz',
    '/metrics',
    '/api/v1/templates',
    '/api/v1/models',
    '/api/v1/tool-servers',
    '/api/v1/server-settings',
    '/api/v1/server-credentials',
    '/api/v1/keys',
    '/api/v1/people',
    '/api/v1/audit',
    '/api/v1/administration',
    '/api/v1/drain',
    '/api/v1/usage',
    '/api/v1/budgets',
    '/openapi.json',
    '/docs',
    '/redoc',
  ],
  documents: '`/docs`, `/openapi.json`',
  routes: async (parts) => [
    createServerRoutes({ ...parts, frames: parts.previews.frames }),
    createRestRoutes(parts, 'Server'),
  ],
});

export const webClient = defineFacade({
  label: 'web client',
  audience: 'people, also on a phone and by keyboard: chat, plan, tool calls, files, terminal, screen',
  tag: 'Server',
  paths: ['/', '/static', '/sessions/{id}/desktop', '/shared', '/api/v1/shared'],
  documents: '',
  routes: async ({ page, shared }) => {
    const mount = (app: App) => {
      mountPage(app, page);
      if (shared) mountSharedSessions(app, shared, page);
    };
    return [{ mount }];
  },
});
