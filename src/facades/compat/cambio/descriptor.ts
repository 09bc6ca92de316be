import { defineFacade } from '../../shared/facade.ts';
import { createCambioRoutes as cambioRoutes } from './routes.ts';

/** The Crogia facade mounts the WebSocket that both APIs share. */
export const cambio = defineFacade({
  label: 'CambioML',
  audience: 'clients of its sessions and its WebSocket',
  tag: 'CambioML',
  paths: ['/sessions', '/ws/{id}'],
  documents: '`/docs`, `/redoc`',
  routes: async ({ services: { sessions } }) => [cambioRoutes({ sessions })],
});
