import { describeDialect } from '../shared/dialect.ts';

/** Mounts the socket that it shares with Crogia. */
export const cambio = describeDialect({
  label: 'CambioML',
  audience: 'clients of its sessions and its WebSocket',
  tag: 'CambioML',
  paths: ['/sessions', '/ws/{id}'],
  documents: '`/docs`, `/redoc`',
  routes: async ({ services: { sessions }, idempotency, sockets, clock, logger }) => [
    (await import('./routes.ts')).cambio({ sessions, idempotency }),
    (await import('../shared/conversation/socket.ts')).conversation({ sessions, clock, logger }, sockets),
  ],
});
