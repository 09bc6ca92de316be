import { describeFacade } from '../shared/facade.ts';

export const automations = describeFacade({
  label: 'automations',
  audience: 'programs that make agents start by themselves',
  tag: 'Automations',
  paths: ['/api/v1/automations', '/api/v1/hooks'],
  documents: '[automations](docs/automations.md), `/docs`',
  routes: async ({ services: { automations: service } }) => [(await import('./routes.ts')).automationRoutes(service)],
});
