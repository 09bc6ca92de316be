import { describeFacade } from '../shared/facade.ts';
import { webhookRoutes } from './routes.ts';

export const webhooks = describeFacade({
  label: 'webhooks',
  audience: 'programs that want to hear of runs, automations and sessions',
  tag: 'Webhooks',
  paths: ['/api/v1/webhooks'],
  documents: '[webhooks](docs/webhooks.md), `/docs`',
  routes: async ({ services: { webhooks: service } }) => [webhookRoutes(service)],
});
