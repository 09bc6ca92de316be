import { defineFacade } from '../../shared/facade.ts';
import { createWorkspaceRoutes as workspaceRoutes } from './routes.ts';

export const workspace = defineFacade({
  label: 'Workspace',
  audience: 'code runners over one WebSocket',
  tag: 'Server',
  paths: ['/ws'],
  documents: '`/docs`, `/redoc`',
  routes: async ({ workspaces, ...parts }) => (workspaces ? [workspaceRoutes({ ...parts, workspaces })] : []),
});
