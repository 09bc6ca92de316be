import { describeFacade } from '../shared/facade.ts';
import { attemptRoutes } from './routes.ts';

export const attempts = describeFacade({
  label: 'attempts',
  audience: 'programs that have one task done several times and choose one result',
  tag: 'Attempts',
  paths: ['/api/v1/sessions/{id}/attempts'],
  documents: '[attempts](attempts.md), `/docs`',
  routes: async ({ acting }) => [attemptRoutes(acting)],
});
