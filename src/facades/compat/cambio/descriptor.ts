import { defineFacade } from '../../shared/facade.ts';
import { createCambioRoutes as cambioRoutes } from './routes.ts';

/** Crogia mounts the socket that both share. */
export const cambio = defineFacade({
  label: 'CambioML',
  audience: 'clients of its sessions and its WebSocket',
  tag: 'CambioML',
  paths: ['/sessions', '/ws/{id}'],
  documents: '`/docs`, `/redoc`',
  routes: async ({ services: { sessions } }) => [cambioRoutes({ sessions })],
});
