import { describeFacade } from '../shared/facade.ts';
import { volumeRoutes } from './routes.ts';

export const volumes = describeFacade({
  label: 'volumes',
  audience: 'programs that keep files beyond sessions, and move them in and out',
  tag: 'Volumes',
  paths: ['/api/v1/volumes'],
  documents: '[volumes](volumes.md), `/docs`',
  routes: async ({ acting }) => [volumeRoutes(acting)],
});
