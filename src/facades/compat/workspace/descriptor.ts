import { describeDialect } from '../../shared/dialect.ts';

export const workspace = describeDialect({
  label: 'Workspace',
  audience: 'code runners over one WebSocket',
  tag: 'Server',
  paths: ['/ws'],
  documents: '`/docs`, `/redoc`',
  routes: async ({ workspaces, ...parts }) =>
    workspaces ? [(await import('./routes.ts')).workspace({ ...parts, workspaces })] : [],
});
