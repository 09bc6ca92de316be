import { describeFacade } from '../shared/facade.ts';
import { trpc as trpcRoutes } from './routes.ts';

export const trpc = describeFacade({
  label: 'tRPC',
  audience: 'TypeScript and JavaScript programs: `corral/client`, which `npm run pack:client` makes a package',
  tag: undefined,
  paths: ['/trpc'],
  documents: '[examples/watch-session](../examples/watch-session)',
  routes: async (parts) => [trpcRoutes(parts)],
});
