import { describeDialect } from '../../shared/dialect.ts';

/** Crogia mounts the socket that both share. */
export const cambio = describeDialect({
  label: 'CambioML',
  audience: 'clients of its sessions and its WebSocket',
  tag: 'CambioML',
  paths: ['/sessions', '/ws/{id}'],
  documents: '`/docs`, `/redoc`',
  routes: async ({ services: { sessions }, idempotency }) => [
    (await import('./routes.ts')).cambio({ sessions, idempotency }),
  ],
});
