import { describeFacade } from '../shared/facade.ts';
import { automationRoutes } from './routes.ts';

export const automations = describeFacade({
  label: 'automations',
  audience: 'programs that make agents start by themselves',
  tag: 'Automations',
  paths: ['/api/v1/automations', '/api/v1/hooks'],
  documents: '[automations](docs/automations.md), `/docs`',
  routes: async ({ services: { automations: service } }) => [automationRoutes(service)],
});
