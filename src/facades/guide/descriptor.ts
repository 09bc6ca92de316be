import { describeDialect } from '../shared/dialect.ts';

export const guide = describeDialect({
  label: 'guide',
  audience: 'people: the documentation of this version, offline',
  tag: 'Server',
  paths: ['/guide'],
  documents: '`/guide`',
  routes: async () => [(await import('./routes.ts')).guideRoutes()],
});
