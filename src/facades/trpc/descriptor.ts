import { describeDialect } from '../shared/dialect.ts';

export const trpc = describeDialect({
  label: 'tRPC',
  audience: 'TypeScript and JavaScript programs: `corral/client`, which `npm run pack:client` makes a package',
  tag: undefined,
  paths: ['/trpc'],
  documents: '[examples/watch-session](examples/watch-session)',
  routes: async (parts) => [(await import('./routes.ts')).trpc(parts)],
});
