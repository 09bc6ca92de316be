import { trpcErrorStyle } from '../../api/procedure/errors.ts';
import { defineFacade } from '../shared/facade.ts';
import { mountTrpcHttp } from './http.ts';
import { mountTrpcSocket } from './socket.ts';

export const trpc = defineFacade({
  label: 'tRPC',
  audience: 'TypeScript and JavaScript programs: `corral/client`, which `npm run pack:client` makes a package',
  tag: undefined,
  paths: ['/trpc'],
  documents: '[examples/watch-session](../examples/watch-session)',
  routes: async (parts) => [
    {
      errors: { prefix: '/trpc', style: trpcErrorStyle },
      mount(app) {
        mountTrpcHttp(app, parts);
        mountTrpcSocket(parts);
      },
    },
  ],
});
