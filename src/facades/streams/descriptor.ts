import { defineFacade } from '../shared/facade.ts';
import { createStreamRoutes } from './routes.ts';

export const streams = defineFacade({
  label: 'streams',
  audience:
    'programs that move bytes: files of any size, commands with streamed output, terminals. The command `corral` and the typed client use it',
  tag: 'Streams',
  paths: ['/streams'],
  documents: '`/docs`, `/redoc`',
  routes: async ({ services, sse, logger }) => [createStreamRoutes({ ...services, context: sse, logger })],
});
