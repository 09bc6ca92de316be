import { defineFacade } from '../shared/facade.ts';
import { createGuideRoutes } from './routes.ts';

export const guide = defineFacade({
  label: 'guide',
  audience: 'people: the documentation of this version, offline',
  tag: 'Server',
  paths: ['/guide'],
  documents: '`/guide`',
  routes: async () => [createGuideRoutes()],
});
