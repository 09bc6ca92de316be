import { describeFacade } from '../shared/facade.ts';
import { repositoryRoutes } from './routes.ts';

export const repositories = describeFacade({
  label: 'repositories',
  audience: 'programs that bring a session from a repository to a pull request',
  tag: 'Repositories',
  paths: [
    '/api/v1/sessions/{id}/repositories',
    '/api/v1/sessions/{id}/checkpoints',
    '/api/v1/sessions/{id}/pull-requests',
  ],
  documents: '[repositories](repositories.md), [forges](forges.md), `/docs`',
  routes: async ({ acting }) => [repositoryRoutes(acting)],
});
