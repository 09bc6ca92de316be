import { describeFacade } from '../../shared/facade.ts';

export const workspace = describeFacade({
  label: 'Workspace',
  audience: 'code runners over one WebSocket',
  tag: 'Server',
  paths: ['/ws'],
  documents: '`/docs`, `/redoc`',
  routes: async ({ workspaces, ...parts }) =>
    workspaces ? [(await import('./routes.ts')).workspace({ ...parts, workspaces })] : [],
});
