import { describeFacade } from '../shared/facade.ts';
import { sandboxRoutes } from './routes.ts';

export const sandboxes = describeFacade({
  label: 'sandboxes',
  audience: 'programs that pause, resume and copy the sandbox of a session, and ask first what a pause keeps',
  tag: 'Sandboxes',
  paths: ['/api/v1/sessions/{id}/sandbox', '/api/v1/snapshots', '/api/v1/boxes', '/api/v1/built-templates'],
  documents: '[pause and resume](how-to/pause.md), `/docs`',
  routes: async ({ acting }) => [sandboxRoutes(acting)],
});
